"""A page served while a test runs."""

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from rugbytx.player.server import Playing, Server

#: How soon a server notices that it is to end.
_POLL_S = 0.02


@contextmanager
def served(playing: Playing, *, native: bool = False) -> Iterator[Server]:
    """Serve on a free port while the context is open."""
    with Server(playing, native=native) as server:
        thread = threading.Thread(target=server.serve_forever, args=[_POLL_S])
        thread.start()
        try:
            yield server
        finally:
            server.shutdown()
            thread.join()

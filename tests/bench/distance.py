"""A relay that puts a distance between a client and the emulator: ``python -m tests.bench.distance PORT``.

Every byte arrives half a round trip later than it was sent, both ways, as it does on a
network; bandwidth is not limited.  It prints its own port, and ends with its standard input.
"""

import asyncio
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import urlsplit

from tests.bench import world

#: As between a host and AWS's services in its own region, or a little less.
ROUND_TRIP_S = 0.010
HOST = "127.0.0.1"
BLOCK_BYTES = 1 << 16


@contextmanager
def relay(endpoint_url: str) -> Iterator[str]:
    """Run a relay to the endpoint in a process of its own; give its address."""
    argv = [sys.executable, "-m", "tests.bench.distance", str(urlsplit(endpoint_url).port)]
    with subprocess.Popen(
        argv, cwd=world.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process with pipes has pipes")
        try:
            yield f"http://{HOST}:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


async def serve(port: int) -> None:
    """Relay until standard input ends."""
    meetings: set[object] = set()  # asyncio itself does not hold on to them

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meetings.add(meeting := asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(_carry(reader, far_writer), _carry(far_reader, writer))
        meetings.discard(meeting)

    server = await asyncio.start_server(meet, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the parent reads it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Pass everything on, each block half a round trip after it came; blocks that follow wait beside it."""
    loop = asyncio.get_running_loop()
    try:
        while block := await reader.read(BLOCK_BYTES):
            loop.call_later(ROUND_TRIP_S / 2, writer.write, block)
    except ConnectionError:
        pass
    loop.call_later(ROUND_TRIP_S / 2, writer.close)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))

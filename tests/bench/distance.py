"""A relay that puts a distance between a client and the emulator: ``python -m tests.bench.distance PORT ROUND_TRIP_S``.

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

HOST = "127.0.0.1"
BLOCK_BYTES = 1 << 16


@contextmanager
def relay(endpoint_url: str, round_trip_s: float) -> Iterator[str]:
    """Run a relay to the endpoint in a process of its own; give its address."""
    argv = [sys.executable, "-m", "tests.bench.distance", str(urlsplit(endpoint_url).port), str(round_trip_s)]
    with subprocess.Popen(
        argv, cwd=world.ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        if process.stdin is None or process.stdout is None:
            raise RuntimeError("a process with pipes has pipes")
        try:
            yield f"http://{HOST}:{int(process.stdout.readline())}"
        finally:
            process.stdin.close()


async def serve(port: int, round_trip_s: float) -> None:
    """Relay until standard input ends."""
    meetings: set[object] = set()  # asyncio itself does not hold on to them

    async def meet(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        meetings.add(meeting := asyncio.current_task())
        far_reader, far_writer = await asyncio.open_connection(HOST, port)
        await asyncio.gather(
            _carry(reader, far_writer, round_trip_s / 2), _carry(far_reader, writer, round_trip_s / 2)
        )
        meetings.discard(meeting)

    server = await asyncio.start_server(meet, HOST, 0)
    print(server.sockets[0].getsockname()[1], flush=True)  # noqa: T201  the parent reads it
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    server.close()


async def _carry(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, late_s: float) -> None:
    """Pass everything on, each block so long after it came; blocks that follow wait beside it."""
    loop = asyncio.get_running_loop()
    try:
        while block := await reader.read(BLOCK_BYTES):
            loop.call_later(late_s, writer.write, block)
    except ConnectionError:
        pass
    loop.call_later(late_s, writer.close)


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), float(sys.argv[2])))

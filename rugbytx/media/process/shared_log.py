"""Small files of lines that the processes of one worker share, without a lock."""

import os
from contextlib import suppress
from pathlib import Path

#: Only so much of a file's end is read, and a file that is larger is cut down to it.
MOST_BYTES = 64 * 1024
#: A file may be so many times as large before it is cut: that costs a rewrite.
_GROWTH = 4


def append(path: Path, line: bytes) -> None:
    """Add a line in one write, which the kernel does not tear; raises OSError.

    A file that has grown too long is replaced by its end first.  A line that
    another process adds at that very moment may be lost: readers want the last
    few, and no particular one.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    with suppress(FileNotFoundError):
        if path.stat().st_size > _GROWTH * MOST_BYTES:
            draft = path.with_suffix(f".{os.getpid()}")
            draft.write_bytes(b"".join(line + b"\n" for line in lines(path)[1:]))
            draft.replace(path)
    with path.open("ab", buffering=0) as file:
        file.write(line + b"\n")


def lines(path: Path) -> list[bytes]:
    """Return the last lines, the first of which may be the end of a longer one; none where there is no file."""
    with suppress(FileNotFoundError), path.open("rb") as file:
        size = file.seek(0, 2)
        file.seek(max(0, size - MOST_BYTES))
        return file.read().splitlines()
    return []

"""Read a CMAF track file from disk."""

import mmap
from pathlib import Path

from rugbytx.core.cmaf import track_parser
from rugbytx.core.cmaf.track_parser import Track
from rugbytx.errors import VerificationError


def track(path: Path) -> Track:
    """Return the track that a CMAF file holds; raises VerificationError where it is not a whole one."""
    return track_parser.parse(mapped(path))


def mapped(path: Path) -> memoryview:
    """Return a view of a file that ffmpeg should have written; the last reference to it unmaps the file."""
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (FileNotFoundError, ValueError) as error:  # a file of no bytes cannot be mapped
        raise VerificationError(f"{path.name} was not written") from error

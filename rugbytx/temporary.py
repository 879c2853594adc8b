"""Temporary files on a host that may let nothing be written but its scratch disk."""

import tempfile
from pathlib import Path

from rugbytx.errors import HostUnfit

#: Where scratch would be if anything could be written there.
_USUAL = Path("/tmp")  # noqa: S108  only named, and only where it cannot be written to


def default_scratch() -> Path:
    """Return where scratch is where no setting says so; whether it can be written to shows when it is used."""
    try:
        return Path(tempfile.gettempdir()) / "rugbytx"
    except FileNotFoundError:
        return _USUAL / "rugbytx"


def use(scratch: Path) -> None:
    """Let temporary files go to the scratch disk where this process can write to none of the usual places.

    So it is in a container with a read-only root and no ``/tmp``: the pool of
    processes and the trials of encoders need a folder, and ask Python for it.
    Raises HostUnfit where the scratch disk cannot be written to either.
    """
    try:
        tempfile.gettempdir()
    except FileNotFoundError:
        try:
            scratch.mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryFile(dir=scratch):
                tempfile.tempdir = str(scratch)
        except OSError as error:
            raise HostUnfit(
                f"no temporary file can be written, to {scratch} neither: {error.strerror}"
            ) from error

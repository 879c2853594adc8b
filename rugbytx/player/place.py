"""Where outputs lie that are played: in a folder, or in the bucket under a job's prefix."""

import re
from pathlib import Path
from typing import Protocol

from rugbytx.errors import TransferError
from rugbytx.ports import Storage

PLAYLIST = ".m3u8"
#: A generation's folder: units of former generations lie beside it.
_GENERATION = re.compile(r"g[1-9][0-9]*")


class PlayableFiles(Protocol):
    """Files by relative paths.  Safe to share between threads."""

    def size_bytes(self, path: str) -> int | None:
        """Return a file's size, or None where there is none."""

    def read(self, path: str, span: range) -> bytes:
        """Return these bytes of a file; raises TransferError where they are not all there."""


class FolderFiles:
    """Outputs in a folder.  Nothing outside it is read, wherever a link or a path may lead."""

    def __init__(self, path: Path) -> None:
        self._root = path.resolve()

    def size_bytes(self, path: str) -> int | None:
        """Return a file's size, or None where there is none."""
        file = self._find(path)
        return file.stat().st_size if file else None

    def read(self, path: str, span: range) -> bytes:
        """Return these bytes of a file; raises TransferError where they are not all there."""
        source = self._find(path)
        try:
            if source is None:
                raise TransferError(f"{path} is not there")
            with source.open("rb") as file:
                file.seek(span.start)
                body = file.read(len(span))
        except OSError as error:
            raise TransferError(f"{path} cannot be read: {error.strerror}") from error
        if len(body) != len(span):
            raise TransferError(f"{path} ends before byte {span.stop}")
        return body

    def _find(self, path: str) -> Path | None:
        try:
            file = (self._root / path).resolve()
            return file if file.is_relative_to(self._root) and file.is_file() else None
        except (OSError, ValueError):  # a loop of links, a name that is too long, a null byte
            return None


class BucketFiles:
    """Outputs in a bucket, under a prefix."""

    def __init__(self, storage: Storage, *, bucket: str, prefix: str) -> None:
        self._storage, self._bucket, self._prefix = storage, bucket, prefix
        #: The sizes of media only: no key of theirs is ever written twice, and a player asks for hundreds of ranges.
        self._known: dict[str, int] = {}

    def size_bytes(self, path: str) -> int | None:
        """Return an object's size, or None where there is none."""
        if path not in self._known:
            stored = self._storage.head(self._bucket, self._prefix + path)
            if stored is None:
                return None
            if path.endswith(PLAYLIST):
                return stored.size_bytes
            self._known[path] = stored.size_bytes
        return self._known[path]

    def read(self, path: str, span: range) -> bytes:
        """Return these bytes of an object; raises TransferError where they are not all there."""
        return self._storage.get(self._bucket, self._prefix + path, span=span)


def around(master: Path) -> tuple[FolderFiles, str]:
    """Return the folder that a master playlist may name files of, and the master's path in it.

    That is its own folder, or the one above where its own is a generation's.
    """
    own = master.parent.resolve()
    root = own.parent if _GENERATION.fullmatch(own.name) else own
    return FolderFiles(root), str((own / master.name).relative_to(root))

"""Boxes of the ISO base media file format (ISO/IEC 14496-12, 4.2), read so that nothing can be overrun.

Every read goes through ``Box.walk`` and ``Fields``, which know where their
bytes end: a broken file raises VerificationError and never an error of the
language.  They hold the file and offsets into it, not views of its parts, so
media bytes are never copied and a mapped file can be closed whatever was raised.
"""

import struct
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Self

from rugbytx.errors import VerificationError

#: A whole file's bytes; a view where the file is mapped.
Data = bytes | memoryview


def broken(detail: str) -> VerificationError:
    """Return the error to raise for a file that is not a whole CMAF track.

    >>> broken("it has no fragments")
    VerificationError('the CMAF file is broken: it has no fragments')
    """
    return VerificationError(f"the CMAF file is broken: {detail}")


class Fields:
    """Big-endian fields, read one after another and never past the end."""

    def __init__(self, data: Data, *, start: int, end: int, name: str) -> None:
        self._data, self._at, self._end, self._name = data, start, end, name

    @property
    def at(self) -> int:
        """Return the offset of the next field in the file."""
        return self._at

    @property
    def left(self) -> int:
        """Return how many bytes are left."""
        return self._end - self._at

    def skip(self, size_bytes: int) -> int:
        """Pass over the next bytes and return where they stand in the file."""
        if size_bytes > self.left:
            raise broken(f"{self._name} is too short")
        at, self._at = self._at, self._at + size_bytes
        return at

    def take(self, size_bytes: int) -> bytes:
        """Return the next bytes."""
        at = self.skip(size_bytes)
        return bytes(self._data[at : at + size_bytes])

    def inner(self, size_bytes: int) -> Self:
        """Return the next bytes as fields of their own."""
        at = self.skip(size_bytes)
        return type(self)(self._data, start=at, end=at + size_bytes, name=self._name)

    def uint(self, size_bytes: int) -> int:
        """Return the next unsigned number.

        >>> Fields(b"..12", start=2, end=4, name="an example").uint(2) == 0x3132
        True
        """
        return int.from_bytes(self.take(size_bytes), "big")

    def uint_if(self, given: int, size_bytes: int, *, otherwise: int = 0) -> int:
        """Return the next unsigned number if a flag says that it is there."""
        return self.uint(size_bytes) if given else otherwise

    def words(self, count: int) -> tuple[int, ...]:
        """Return the next ``count`` unsigned numbers of four bytes each."""
        return struct.unpack_from(f">{count}I", self._data, self.skip(4 * count))


@dataclass(frozen=True, kw_only=True)
class Box:
    """One box.  Offsets count from the start of the file."""

    data: Data = field(repr=False)
    kind: str
    start: int
    body_start: int
    end: int

    @property
    def body_bytes(self) -> int:
        """Return the size of the box less its header."""
        return self.end - self.body_start

    def fields(self) -> Fields:
        """Return the box's body as fields."""
        name = f"the {self.kind} box at byte {self.start}"
        return Fields(self.data, start=self.body_start, end=self.end, name=name)

    def children(self, *, behind: int = 0) -> Iterator[Self]:
        """Return the boxes inside this one that follow its first ``behind`` bytes of fields."""
        self.fields().skip(behind)
        return self.walk(self.data, start=self.body_start + behind, end=self.end)

    @classmethod
    def walk(cls, data: Data, *, start: int, end: int) -> Iterator[Self]:
        """Yield the boxes that follow one another from ``start`` to ``end``.

        A size of 0 (to the end of the file) is refused, though the format
        allows it: a file that was cut off could not be told from a whole one.

        >>> [box] = Box.walk(bytes.fromhex("00000008") + b"free", start=0, end=8)
        >>> box
        Box(kind='free', start=0, body_start=8, end=8)
        """
        at = start
        while at < end:
            name = f"the box at byte {at}"
            header = Fields(data, start=at, end=end, name=name)
            size = header.uint(4)
            kind = header.take(4).decode("latin-1")
            if size == 1:
                size = header.uint(8)
            if size < header.at - at:
                raise broken(f"{name} says that it is {size} bytes long")
            if size > end - at:
                raise broken(f"{name} is cut off after {end - at} of {size} bytes")
            yield cls(data=data, kind=kind, start=at, body_start=header.at, end=at + size)
            at += size


def only(boxes: Iterable[Box], kind: str) -> Box:
    """Return the one box of this kind; none and several are broken."""
    matching = [box for box in boxes if box.kind == kind]
    if len(matching) != 1:
        raise broken(f"there should be one {kind} box and there are {len(matching)}")
    return matching[0]

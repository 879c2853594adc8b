"""A folder of published outputs, read so that nothing outside the job's own folders is touched."""

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from rugbytx.core.cmaf import track_parser
from rugbytx.core.hls import parser
from rugbytx.core.plan import thumbnails
from rugbytx.core.plan.plan import Grid
from rugbytx.core.verify.finding import Finding, Rule
from rugbytx.core.verify.published import PublishedSegment
from rugbytx.errors import VerificationError


@dataclass(frozen=True, kw_only=True)
class OutputFolder:
    """Where the master lies, and what of it was read."""

    path: Path
    #: The names of all files that were looked at.
    seen: set[str] = field(default_factory=set)

    def find(self, name: str) -> Path | None:
        """Return a named file, or None where there is none.

        Units of former generations lie in folders beside this one, and nothing
        that a playlist names lies farther off.
        """
        path = (self.path / name).resolve()
        if not path.is_relative_to(self.path.resolve().parent) or not path.is_file():
            return None
        self.seen.add(name)
        return path

    def read(self, wanted: parser.Range) -> bytes:
        """Return the bytes of a range; raises VerificationError unless all of them are there."""
        with self._named(wanted.path).open("rb") as file:
            file.seek(wanted.offset)
            body = file.read(wanted.size_bytes)
        if len(body) != wanted.size_bytes:
            raise VerificationError(
                f"only {len(body)} of {wanted.size_bytes} bytes are there at byte {wanted.offset}"
            )
        return body

    def text(self, name: str) -> str:
        """Return a playlist's text; raises VerificationError where there is none."""
        try:
            return self._named(name).read_text(encoding="utf-8")
        except UnicodeDecodeError as error:
            raise VerificationError(f"{name} is no text") from error

    def storyboard(self, name: str, grid: Grid) -> Iterator[Finding]:
        """Yield what is wrong with a WebVTT file of thumbnails."""
        sizes = {}
        try:
            text = self.text(name)
            for path in thumbnails.sheets(text):
                sizes[path] = thumbnails.jpeg_size(self._named(path).read_bytes(), name=path)
        except VerificationError as error:
            yield Finding(rule=Rule.STORYBOARD, where=name, expected="its sheets, whole", seen=str(error))
            return
        for fault in thumbnails.faults(text, sizes, duration_s=grid.duration_s):
            yield Finding(rule=Rule.STORYBOARD, where=name, expected="a thumbnail for each time", seen=fault)

    def _named(self, name: str) -> Path:
        path = self.find(name)
        if path is None:
            raise VerificationError(f"{name} is not there")
        return path

    def segments(self, media: parser.MediaPlaylist, broken: list[Finding]) -> Iterator[PublishedSegment]:
        """Yield every segment of a playlist as it is read; what cannot be read goes to ``broken``."""
        begins: dict[str, int] = {}
        for entry in media.entries:
            first = begins.get(entry.segment.path, entry.segment.offset)
            begins[entry.segment.path] = min(first, entry.segment.offset)
        for entry in media.entries:
            own = parser.Range(path=entry.segment.path, offset=0, size_bytes=begins[entry.segment.path])
            try:
                init, own_init = self.read(entry.init), self.read(own)
                track = track_parser.parse(init + self.read(entry.segment))
                segment = PublishedSegment(entry=entry, track=track, own_init=_hex(own_init), init=_hex(init))
            except VerificationError as error:
                segment = PublishedSegment(entry=entry, track=None, own_init="", init="")
                broken.append(
                    Finding(rule=Rule.BOXES, where=segment.where, expected="a whole segment", seen=str(error))
                )
            yield segment


def _hex(body: bytes) -> str:
    return hashlib.sha256(body).hexdigest()

"""Media without ffmpeg: encodes by writing the right number of bytes, and counts what it was asked."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from fractions import Fraction
from pathlib import Path

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.lease.result import Metric
from rugbytx.core.plan import thumbnails
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.core.verify.sampled_quality import Scores
from rugbytx.ports import Encoded, Pulse
from tests.plans import small_media
from tests.stills import jpeg
from tests.tracks import audio_track, video_track


class FakeMedia:
    """``ports.Media`` for a source of ``duration_s`` seconds."""

    def __init__(self, *, duration_s: int = 12, audio: bool = True, made_by: str = "x264-high") -> None:
        self.made_by = made_by
        self.duration_s = duration_s
        self.audio = audio
        #: How often each thing was done: ``plan``, ``audio``, ``chunk 0``, ...
        self.done: Counter[str] = Counter()

    def maker(self) -> str:
        """Return what the test calls this encoder."""
        return self.made_by

    def ingest(self, arrived: Path, path: Path, *, pulse: Pulse) -> None:
        """Take every upload as it is."""
        pulse.step("ingest")
        arrived.rename(path)

    def probe(self, path: Path, *, pulse: Pulse) -> MediaInfo:
        """Return a small source, whatever the file holds."""
        assert path.exists()
        pulse.step("probe")
        self.done["plan"] += 1
        return small_media(end_s=Fraction(self.duration_s), audio=self.audio)

    def encode_chunk(self, plan: Plan, index: int, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Write a file for each rendition."""
        assert source.exists()
        pulse.step("encode")
        tracks = tuple(
            video_track(plan, index, rendition, encoder=self.made_by) for rendition in plan.renditions
        )
        self.done[f"chunk {index}"] += 1
        pictures = {one: folder / f"{one}.jpg" for one in thumbnails.pictures(plan, index)}
        for picture, size in thumbnails.pictures(plan, index).items():
            pictures[picture].write_bytes(jpeg(*size))
        return replace(_encoded(folder, tracks), pictures=pictures)

    def encode_audio(self, plan: Plan, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Write the audio file."""
        assert source.exists()
        pulse.step("encode")
        self.done["audio"] += 1
        return _encoded(folder, (audio_track(plan),))

    def compare(
        self, plan: Plan, frames: range, source: Path, made: Path, *, first: int, pulse: Pulse
    ) -> Scores:
        """Find every frame as it should be."""
        assert source.exists()
        assert made.exists()
        assert first <= frames.start < frames.stop <= plan.grid.frames
        pulse.advance(count=1)
        return Scores(metric=Metric.SSIM, values=(1.0,) * len(frames))

    def make_mp4(
        self, plan: Plan, video: Sequence[Path], audio: Path | None, path: Path, *, pulse: Pulse
    ) -> None:
        """Join the files' bytes."""
        assert len(video) == plan.grid.chunks
        pulse.step("mux")
        parts = [*video, *([audio] if audio else [])]
        path.write_bytes(b"".join(part.read_bytes() for part in parts))
        self.done["mp4"] += 1


def _encoded(folder: Path, tracks: tuple[Track, ...]) -> Encoded:
    paths = []
    for number, track in enumerate(tracks):
        path = folder / f"{number}.mp4"
        path.write_bytes(bytes(track.init_bytes + sum(fragment.size_bytes for fragment in track.fragments)))
        paths.append(path)
    return Encoded(paths=tuple(paths), tracks=tracks, encoder="x264", encode_s=0.1)

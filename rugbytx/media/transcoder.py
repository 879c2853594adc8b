"""ports.Media, by ffmpeg: the steps of each kind of unit's encoding."""

import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rugbytx.core.media import MediaInfo
from rugbytx.core.plan import Plan
from rugbytx.errors import VerificationError
from rugbytx.media import command, ffmpeg, package, probe
from rugbytx.media.command import X264
from rugbytx.ports import Encoded, Pulse


@dataclass(frozen=True, kw_only=True)
class FfmpegMedia:
    """ffmpeg and ffprobe of this host, with libx264.

    Besides what ``ports.Media`` names, its methods raise HostUnfit where a
    program is missing and VerificationError where what was written is no whole file.
    """

    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"
    #: libx264's preset, and its threads for each rendition; 0 leaves them to x264.
    preset: str = "veryfast"
    threads: int = 0

    def probe(self, path: Path, *, pulse: Pulse) -> MediaInfo:
        """Return what the source is."""
        pulse.step("probe")
        return probe.read(path, pulse=pulse, ffprobe=self.ffprobe)

    def encode_chunk(self, plan: Plan, index: int, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode one chunk in all renditions into ``folder``."""
        pulse.step("encode")
        encoder = X264(preset=self.preset, threads=self.threads)
        paths = tuple(folder / f"{rendition.name}-{index:05d}.mp4" for rendition in plan.renditions)
        argv = command.chunk(plan, index, source, paths, encoder=encoder, ffmpeg=self.ffmpeg)
        return _encode(argv, paths, encoder=encoder.name, pulse=pulse)

    def encode_audio(self, plan: Plan, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode the whole audio into ``folder``."""
        if plan.audio is None:
            raise VerificationError("the plan has no audio, so there is none to encode")
        pulse.step("encode")
        paths = (folder / "audio.mp4",)
        argv = command.audio(plan, plan.audio, source, paths[0], ffmpeg=self.ffmpeg)
        return _encode(argv, paths, encoder="aac", pulse=pulse)

    def make_mp4(
        self, plan: Plan, video: Sequence[Path], audio: Path | None, path: Path, *, pulse: Pulse
    ) -> None:
        """Join the chunks of one rendition, in order, and the audio into a progressive MP4."""
        programs = package.Programs(ffmpeg=self.ffmpeg, ffprobe=self.ffprobe)
        package.make_mp4(plan, video, audio, path, pulse=pulse, programs=programs)


def _encode(argv: Sequence[str], paths: tuple[Path, ...], *, encoder: str, pulse: Pulse) -> Encoded:
    started_at = time.monotonic()
    ffmpeg.run(argv, pulse=pulse)
    encode_s = time.monotonic() - started_at
    return Encoded(paths=paths, tracks=tuple(map(package.track, paths)), encoder=encoder, encode_s=encode_s)

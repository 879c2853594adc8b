"""What makes and reads video, and what its work reports to."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Protocol

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.core.verify.sampled_quality import Scores


class Pulse(Protocol):
    """What a step reports to, and what may stop it: the heartbeat's side of a unit's work."""

    def step(self, name: str) -> None:
        """Begin a step: its counter starts from zero."""

    def advance(self, *, frames: int = 0, fps: float = 0.0, count: int = 0) -> None:
        """Say how far the step has come; only a change counts as life."""

    def check(self) -> None:
        """Raise what should end the work (LeaseLost, Stalled, Draining), if anything should."""


@dataclass(frozen=True, kw_only=True)
class Encoded:
    """What encoding gave: a file for each rendition, the boxes of each, in the plan's order, and still pictures."""

    paths: tuple[Path, ...]
    tracks: tuple[Track, ...]
    encoder: str
    pictures: Mapping[Picture, Path] = field(default_factory=dict)
    encode_s: float
    #: The version of the program that encoded.
    ffmpeg: str = ""
    #: The GPU that encoded, and its driver; empty where none did.
    gpu: str = ""
    driver: str = ""
    #: Frames, or packets of sound, that could not be decoded whole.
    damaged: int = 0


class Media(Protocol):
    """ffmpeg and ffprobe, and the files they make.

    Every method raises UnsupportedMedia, TranscodeError or ScratchFull, and
    whatever ``pulse.check`` raises.
    """

    def maker(self) -> str:
        """Return the fingerprint of this host's encoder: equal ones make init segments that can stand in one run.

        Raises HostUnfit where no encoder works.
        """

    def ingest(self, arrived: Path, path: Path, *, pulse: Pulse) -> None:
        """Turn an upload into the file that all units read: the same frames on every host, and seekable.

        ``path`` is there only once it is whole, and ``arrived`` is gone then.
        """

    def probe(self, path: Path, *, pulse: Pulse) -> MediaInfo:
        """Return what the source is."""

    def encode_chunk(self, plan: Plan, index: int, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode one chunk in all renditions into ``folder``."""

    def encode_audio(self, plan: Plan, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode the whole audio into ``folder``."""

    def make_mp4(
        self, plan: Plan, video: Sequence[Path], audio: Path | None, path: Path, *, pulse: Pulse
    ) -> None:
        """Join the chunks of one rendition, in order, and the audio into a progressive MP4."""

    def compare(
        self, plan: Plan, frames: range, source: Path, made: Path, *, first: int, pulse: Pulse
    ) -> Scores:
        """Return how like the source these frames of the first rendition are; ``made`` begins with frame ``first``."""

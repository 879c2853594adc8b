"""Where the programs are that this package runs."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where ffmpeg and ffprobe are."""

    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"

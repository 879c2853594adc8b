"""What a source is: ffprobe's answer as a value."""

from collections.abc import Mapping
from fractions import Fraction
from typing import Any

from rugbytx.core.record import Record

#: Containers, by ffprobe's names, whose streams are copied into one with an index before they are read.
UNINDEXED = frozenset({"mpegts"})
#: Where a copy of a source says what container it was made from, as ``MARK:name``.
ARRIVED_TAG = "comment"
ARRIVED_MARK = "rugbytx-arrived-as"


class VideoStream(Record):
    """The picture that is transcoded: the first video stream that is not a cover image."""

    index: int
    codec: str
    pixel_format: str
    #: Coded size in pixels, before rotation and pixel shape.
    width: int
    height: int
    #: Width of a pixel over its height.
    sample_aspect: Fraction = Fraction(1)
    #: Clockwise turn for display, in degrees: 0, 90, 180 or 270.
    rotation: int = 0
    #: Frames over duration, and the rate in which all timestamps can be written.
    average_rate: Fraction
    base_rate: Fraction
    #: 0 where the container does not say.
    rate_bps: int = 0
    #: When the first frame is shown.
    start_s: Fraction = Fraction(0)
    #: Top and bottom change places, before the turn.
    mirrored: bool = False
    #: ffprobe's word: ``tt`` has the top field first, ``bb`` the bottom field, ``tb`` and ``bt`` only say that there are two.
    field_order: str = "progressive"
    #: ``pc`` is full range; elsewhere black is 16 and white 235.
    colour_range: str = ""
    colour_transfer: str = ""
    colour_primaries: str = ""
    colour_space: str = ""

    @property
    def is_interlaced(self) -> bool:
        """Return whether a frame holds two fields, each of its own instant."""
        return self.field_order in {"tt", "bb", "tb", "bt"}

    @property
    def is_full_range(self) -> bool:
        """Return whether black is 0 and white 255."""
        return self.colour_range == "pc" or self.pixel_format.startswith("yuvj")

    @property
    def display_size(self) -> tuple[int, int]:
        """Return (width, height) as a viewer sees it: square pixels, turned upright.

        >>> stream = VideoStream(index=0, codec="h264", pixel_format="yuv420p", width=1440, height=1080,
        ...     sample_aspect=Fraction(4, 3), rotation=90, average_rate=Fraction(25), base_rate=Fraction(25))
        >>> stream.display_size
        (1080, 1920)
        """
        width, height = round(self.width * self.sample_aspect), self.height
        return (height, width) if self.rotation in {90, 270} else (width, height)


class AudioStream(Record):
    """The sound that is transcoded: the default audio stream, or else the first."""

    index: int
    codec: str
    channels: int
    sample_rate: int


class MediaInfo(Record):
    """A source, as far as planning needs to know it.

    All times are seconds on the container's own clock less its start, which is
    where a plan's grid begins, whatever each ffmpeg takes for the start.
    """

    #: ffprobe's format_name, e.g. ``mov,mp4,m4a,3gp,3g2,mj2``.
    container: str
    #: The container that it was uploaded in, where it is copied out of that before it is read.
    arrived_as: str = ""
    size_bytes: int
    #: Where the container's clock starts.
    start_s: Fraction
    #: When the last video frame has been shown: its timestamp plus its duration.
    end_s: Fraction
    #: How much of the video that the container declares is not there, at its end.
    missing_s: Fraction = Fraction(0)
    video: VideoStream
    audio: AudioStream | None = None
    #: How many audio streams there are besides.
    other_audio: int = 0


MAX_FPS = 1000


def arrived_as(container: Mapping[str, Any]) -> str:
    """Return the container that is copied or was, by its own name or by what its copy says; or nothing.

    >>> arrived_as({"format_name": "mpegts"}), arrived_as({"tags": {"COMMENT": "rugbytx-arrived-as:mpegts"}})
    ('mpegts', 'mpegts')
    """
    if container.get("format_name") in UNINDEXED:
        return str(container["format_name"])
    tags = {name.lower(): text for name, text in container.get("tags", {}).items()}  # Matroska shouts
    kind, _, name = tags.get(ARRIVED_TAG, "").partition(":")
    return name if kind == ARRIVED_MARK else ""

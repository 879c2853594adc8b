"""What a source is: ffprobe's answer as a value."""

from fractions import Fraction

from rugbytx.core.record import Record


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
    field_order: str = "progressive"
    colour_transfer: str = ""
    colour_primaries: str = ""
    colour_space: str = ""

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
    what ffmpeg's ``-copyts -start_at_zero`` gives.
    """

    #: ffprobe's format_name, e.g. ``mov,mp4,m4a,3gp,3g2,mj2``.
    container: str
    size_bytes: int
    #: Where the container's clock starts.
    start_s: Fraction
    #: When the last video frame has been shown: its timestamp plus its duration.
    end_s: Fraction
    video: VideoStream
    audio: AudioStream | None = None

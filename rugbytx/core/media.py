"""What a source is: ffprobe's answer as a value."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rugbytx.core import damage
from rugbytx.core.answer import clock_s, fraction, integer, known
from rugbytx.core.record import Record
from rugbytx.errors import UnsupportedMedia


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
    #: How much of the video that the container declares is not there, at its end.
    missing_s: Fraction = Fraction(0)
    video: VideoStream
    audio: AudioStream | None = None


#: No phone, camera or broadcast chain makes more; a decompression bomb does.
MAX_SIDE = 8192
MAX_PIXELS = 36_000_000
MAX_FPS = 1000
#: Panoramic cameras over a whole pitch make seven to one.
MAX_ASPECT = 10
#: Decoding is work: of 8K at 60 frames a second, or of anything, no more than 12 hours of 4K at 60.
MAX_PIXELS_A_S = 7680 * 4320 * 60
MAX_PIXELS_IN_ALL = 12 * 3600 * 3840 * 2160 * 60
#: A match has two hours, and a day of tournament comes as its matches.
MAX_S = 12 * 3600
#: A black picture once a second takes ten times as much; a few frames stretched over hours take nothing.
LEAST_BYTES_A_S = 4
#: A shorter source is quickly done, whatever it is.
MAX_STILL_S = 600


def parse(answer: Mapping[str, Any], *, tail: Sequence[Mapping[str, Any]], size_bytes: int) -> MediaInfo:
    """Return what the source is, from ffprobe's ``-show_format -show_streams`` in JSON.

    ``tail`` holds the last packets of the stream that ``pick_video`` names, as
    ``-show_packets`` gives them.  Where the video ends is taken from there,
    because a container's own duration may be another stream's, an edit list's
    or a guess.  Raises UnsupportedMedia with one sentence that says what is wrong.
    """
    stream = pick_video(answer)
    if any(packet.get("side_data_type") == "Encryption info" for packet in tail):
        raise UnsupportedMedia("the source is encrypted, and this system has no key")
    container = answer.get("format", {})
    start_s = fraction(container.get("start_time")) or Fraction(0)
    average_rate, base_rate = _rates(stream)
    end_s = _end_s(stream, tail, start_s=start_s, frame_s=1 / average_rate)
    _check_length(end_s, size_bytes)
    _check_work(stream, average_rate, end_s)
    declared_s = _declared_s(container, stream, start_s=start_s, rate=average_rate)
    return MediaInfo(
        container=container.get("format_name", ""),
        size_bytes=size_bytes,
        start_s=start_s,
        end_s=end_s,
        missing_s=damage.cut_off_s(declared_s=declared_s, end_s=end_s, frame_s=1 / average_rate),
        video=VideoStream(
            index=stream["index"],
            codec=stream["codec_name"],
            pixel_format=stream["pix_fmt"],
            width=stream["width"],
            height=stream["height"],
            sample_aspect=_aspect(stream),
            rotation=_rotation(stream),
            average_rate=average_rate,
            base_rate=base_rate,
            rate_bps=integer(stream.get("bit_rate")) or 0,
            field_order=known(stream, "field_order") or "progressive",
            colour_transfer=known(stream, "color_transfer"),
            colour_primaries=known(stream, "color_primaries"),
            colour_space=known(stream, "color_space"),
        ),
        audio=_audio(answer),
    )


def pick_video(answer: Mapping[str, Any]) -> Mapping[str, Any]:
    """Return ffprobe's description of the video stream to transcode; raises UnsupportedMedia.

    It is the first one that is not a cover picture.

    >>> cover = {"index": 0, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}}
    >>> film = {"index": 2, "codec_type": "video", "codec_name": "h264", "pix_fmt": "yuv420p",
    ...     "width": 64, "height": 48}
    >>> pick_video({"streams": [cover, {"index": 1, "codec_type": "audio"}, film]})["index"]
    2
    """
    videos = [stream for stream in answer.get("streams", ()) if stream.get("codec_type") == "video"]
    films = [stream for stream in videos if not stream.get("disposition", {}).get("attached_pic")]
    if not films:
        what = "only a cover picture" if videos else "no video stream"
        raise UnsupportedMedia(f"the source has {what}, so there is nothing to transcode")
    stream: Mapping[str, Any] = films[0]
    if not known(stream, "codec_name"):
        raise UnsupportedMedia("the source's video is in a format that ffmpeg does not know")
    _check_size(stream)
    if not known(stream, "pix_fmt"):
        raise UnsupportedMedia(f"the source's {stream['codec_name']} video cannot be decoded")
    return stream


def _check_size(stream: Mapping[str, Any]) -> None:
    width, height = stream.get("width", 0), stream.get("height", 0)
    if width < 1 or height < 1:
        raise UnsupportedMedia(
            "the source's video has no picture size: it is damaged, empty or far too large"
        )
    shown = round(width * _aspect(stream))
    if max(width, height, shown) > MAX_SIDE or max(width, shown) * height > MAX_PIXELS:
        raise UnsupportedMedia(f"the source's picture of {width}x{height} is larger than this system takes")
    if shown < 1:
        raise UnsupportedMedia("the source's pixel shape leaves no picture to show")
    if max(shown, height) > MAX_ASPECT * min(shown, height):
        raise UnsupportedMedia(f"the source's picture of {width}x{height} has no shape of a film's")


def _rates(stream: Mapping[str, Any]) -> tuple[Fraction, Fraction]:
    """Return (average, base) rate; where one of them is unusable the other stands in."""
    average, base = (fraction(stream.get(name)) for name in ("avg_frame_rate", "r_frame_rate"))
    usable = [rate for rate in (average, base) if rate is not None and 0 < rate <= MAX_FPS]
    if not usable:
        raise UnsupportedMedia("the source's video has no usable frame rate")
    return usable[0], base or usable[0]


def _end_s(
    stream: Mapping[str, Any], tail: Sequence[Mapping[str, Any]], *, start_s: Fraction, frame_s: Fraction
) -> Fraction:
    """Return when the last frame ends, from the container's start; ``frame_s`` is for those without a duration.

    Packets come in decode order, so with B-frames the last one to be shown is
    not the last of the file; packets marked ``D`` are decoded but never shown.
    """
    tick_s = fraction(stream.get("time_base")) or Fraction(0)
    ends = []
    for packet in tail:
        shown_at = integer(packet.get("pts"), packet.get("dts"))
        if shown_at is not None and "D" not in packet.get("flags", ""):
            duration = integer(packet.get("duration")) or 0
            ends.append((shown_at * tick_s, duration * tick_s or frame_s))
    end_s = sum(max(ends)) - start_s if ends else Fraction(0)
    if end_s <= 0:
        raise UnsupportedMedia("the source's video has no frames")
    return end_s


def _check_length(end_s: Fraction, size_bytes: int) -> None:
    if end_s > MAX_S:
        raise UnsupportedMedia(
            f"the source lasts {float(end_s) / 3600:.0f} h, and this system takes at most {MAX_S // 3600} h"
        )
    if end_s > MAX_STILL_S and size_bytes < end_s * LEAST_BYTES_A_S:
        raise UnsupportedMedia(
            f"the source lasts {float(end_s) / 60:.0f} minutes and has"
            f" less than {LEAST_BYTES_A_S} bytes for each second: it is no film"
        )


def _check_work(stream: Mapping[str, Any], rate: Fraction, end_s: Fraction) -> None:
    pixels_a_s = stream["width"] * stream["height"] * rate
    shown = f"{stream['width']}x{stream['height']} pixels {float(rate):g} times a second"
    if pixels_a_s > MAX_PIXELS_A_S:
        raise UnsupportedMedia(f"the source shows {shown}, which is more than this system takes")
    if pixels_a_s * end_s > MAX_PIXELS_IN_ALL:
        raise UnsupportedMedia(
            f"the source shows {shown} for {float(end_s) / 3600:.1f} h, which is more than this system takes"
        )


def _declared_s(
    container: Mapping[str, Any], stream: Mapping[str, Any], *, start_s: Fraction, rate: Fraction
) -> Fraction | None:
    """Return where the video ends by the container's own header, or None where that does not say.

    MP4 has a duration for each track, AVI a number of frames, and Matroska a tag
    that not every tool keeps up to date, so there the whole file's duration
    bounds it.  MPEG-TS declares nothing: a shortened one is a shorter film.
    """
    kinds = container.get("format_name", "").split(",")
    if "mov" in kinds and (duration_s := fraction(stream.get("duration"))):
        return (fraction(stream.get("start_time")) or start_s) - start_s + duration_s
    if "avi" in kinds and (frames := integer(stream.get("nb_frames"))):
        return frames / rate
    if "matroska" in kinds:
        track_end_s = clock_s(stream.get("tags", {}).get("DURATION"))
        file_end_s = fraction(container.get("duration"))
        return min(track_end_s, file_end_s) - start_s if track_end_s and file_end_s else None
    return None


def _audio(answer: Mapping[str, Any]) -> AudioStream | None:
    sounds = [
        stream
        for stream in answer.get("streams", ())
        if stream.get("codec_type") == "audio"
        and known(stream, "codec_name")
        and stream.get("channels", 0) > 0
        and integer(stream.get("sample_rate"))
    ]
    chosen = next((stream for stream in sounds if stream.get("disposition", {}).get("default")), None)
    if chosen is None:
        if not sounds:
            return None
        chosen = sounds[0]
    return AudioStream(
        index=chosen["index"],
        codec=chosen["codec_name"],
        channels=chosen["channels"],
        sample_rate=int(chosen["sample_rate"]),
    )


def _aspect(stream: Mapping[str, Any]) -> Fraction:
    return fraction(str(stream.get("sample_aspect_ratio", "")).replace(":", "/")) or Fraction(1)


def _rotation(stream: Mapping[str, Any]) -> int:
    """Return the clockwise turn, to the nearest quarter.

    A display matrix counts anticlockwise (ffmpeg's ``av_display_rotation_get``),
    QuickTime's ``rotate`` tag clockwise; ffmpeg 6 and later give only the matrix.
    """
    for side_data in stream.get("side_data_list", ()):
        if "rotation" in side_data:
            return round(-float(side_data["rotation"]) / 90) * 90 % 360
    return round((integer(stream.get("tags", {}).get("rotate")) or 0) / 90) * 90 % 360

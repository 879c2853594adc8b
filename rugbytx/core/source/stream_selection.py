"""Which streams of a source are transcoded, and which sources have none that can be."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rugbytx.core.source.ffprobe_fields import fraction, integer, known
from rugbytx.errors import UnsupportedMedia

#: No phone, camera or broadcast chain makes more; a decompression bomb does.
MAX_SIDE = 8192
MAX_PIXELS = 36_000_000
#: Panoramic cameras over a whole pitch make seven to one.
MAX_ASPECT = 10

Stream = Mapping[str, Any]


def video(answer: Mapping[str, Any]) -> Stream:
    """Return ffprobe's description of the video stream to transcode; raises UnsupportedMedia.

    It is the first one that is not a cover picture.

    >>> cover = {"index": 0, "codec_type": "video", "codec_name": "mjpeg", "disposition": {"attached_pic": 1}}
    >>> film = {"index": 2, "codec_type": "video", "codec_name": "h264", "pix_fmt": "yuv420p",
    ...     "width": 64, "height": 48}
    >>> video({"streams": [cover, {"index": 1, "codec_type": "audio"}, film]})["index"]
    2
    """
    videos = [stream for stream in answer.get("streams", ()) if stream.get("codec_type") == "video"]
    films = [stream for stream in videos if not stream.get("disposition", {}).get("attached_pic")]
    if not films:
        what = "only a cover picture" if videos else "no video stream"
        raise UnsupportedMedia(f"the source has {what}, so there is nothing to transcode")
    stream: Stream = films[0]
    if not known(stream, "codec_name"):
        raise UnsupportedMedia("the source's video is in a format that ffmpeg does not know")
    _check_size(stream)
    if not known(stream, "pix_fmt"):
        raise UnsupportedMedia(f"the source's {stream['codec_name']} video cannot be decoded")
    _check_colours(stream)
    return stream


def audio(answer: Mapping[str, Any]) -> tuple[Stream | None, int]:
    """Return the audio stream to transcode, the default one or else the first, and how many others there are."""
    sounds: Sequence[Stream] = [
        stream
        for stream in answer.get("streams", ())
        if stream.get("codec_type") == "audio"
        and known(stream, "codec_name")
        and stream.get("channels", 0) > 0
        and integer(stream.get("sample_rate"))
    ]
    if not sounds:
        return None, 0
    defaults = (stream for stream in sounds if stream.get("disposition", {}).get("default"))
    return next(defaults, sounds[0]), len(sounds) - 1


def _check_size(stream: Stream) -> None:
    width, height = stream.get("width", 0), stream.get("height", 0)
    if width < 1 or height < 1:
        raise UnsupportedMedia(
            "the source's video has no picture size: it is damaged, empty or far too large"
        )
    shown = round(width * sample_aspect(stream))
    if max(width, height, shown) > MAX_SIDE or max(width, shown) * height > MAX_PIXELS:
        raise UnsupportedMedia(f"the source's picture of {width}x{height} is larger than this system takes")
    if shown < 1:
        raise UnsupportedMedia("the source's pixel shape leaves no picture to show")
    if max(shown, height) > MAX_ASPECT * min(shown, height):
        raise UnsupportedMedia(f"the source's picture of {width}x{height} has no shape of a film's")


def _check_colours(stream: Stream) -> None:
    """Refuse Dolby Vision without a compatible base layer: its colours are of a kind that only it knows.

    Profile 5 is of that kind (Dolby, "Dolby Vision Profiles and Levels"); phones
    record profile 8.4, whose base layer is HLG.
    """
    for side_data in stream.get("side_data_list", ()):
        if "dv_profile" in side_data and not side_data.get("dv_bl_signal_compatibility_id"):
            raise UnsupportedMedia(
                f"the source is Dolby Vision profile {side_data['dv_profile']}, whose colours no other screen can"
                " show: it must be exported as HLG, HDR10 or SDR"
            )


def sample_aspect(stream: Stream) -> Fraction:
    """Return the width of a pixel over its height; 1 where the container does not say."""
    return fraction(str(stream.get("sample_aspect_ratio", "")).replace(":", "/")) or Fraction(1)

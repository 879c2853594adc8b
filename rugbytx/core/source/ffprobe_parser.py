"""Read what a source is out of ffprobe's answer."""

from collections.abc import Mapping, Sequence
from fractions import Fraction
from typing import Any

from rugbytx.core.source import damage, limits, orientation, stream_selection
from rugbytx.core.source.ffprobe_fields import clock_s, fraction, integer, known
from rugbytx.core.source.media_info import MAX_FPS, AudioStream, MediaInfo, VideoStream, arrived_as
from rugbytx.errors import UnsupportedMedia


def parse(
    answer: Mapping[str, Any],
    *,
    tail: Sequence[Mapping[str, Any]],
    size_bytes: int,
    first: Sequence[Mapping[str, Any]] = (),
) -> MediaInfo:
    """Return what the source is, from ffprobe's ``-show_format -show_streams`` in JSON.

    ``tail`` holds the last packets of the stream that ``stream_selection.video`` names, as
    ``-show_packets`` gives them.  Where the video ends is taken from there,
    because a container's own duration may be another stream's, an edit list's
    or a guess.  ``first`` holds some decoded frames, where the container does not
    say in which order their fields come, or which way up they are shown.  Raises
    UnsupportedMedia with one sentence that says what is wrong.
    """
    stream = stream_selection.video(answer)
    if any("Encryption info" in packet.get("side_data_type", "") for packet in tail):
        raise UnsupportedMedia("the source is encrypted, and this system has no key")
    sound, other_audio = stream_selection.audio(answer)
    container = answer.get("format", {})
    start_s = fraction(container.get("start_time")) or Fraction(0)
    average_rate, base_rate = _rates(stream, is_avi=_is_of("avi", container))
    held_back_s = _held_back_s(stream, tail, frame_s=1 / average_rate)
    end_s = held_back_s + _end_s(
        stream, tail, start_s=start_s, frame_s=1 / average_rate, is_avi=_is_of("avi", container)
    )
    limits.require_length(end_s, size_bytes=size_bytes)
    limits.require_work(stream["width"], stream["height"], rate=average_rate, end_s=end_s)
    declared_s = _declared_s(container, stream, start_s=start_s)
    shown = orientation.of(stream, first)
    return MediaInfo(
        container=container.get("format_name", ""),
        arrived_as=arrived_as(container),
        size_bytes=size_bytes,
        start_s=start_s,
        end_s=end_s,
        missing_s=damage.cut_off_s(
            declared_s=declared_s, end_s=end_s - held_back_s, frame_s=1 / average_rate
        ),
        video=VideoStream(
            index=stream["index"],
            codec=stream["codec_name"],
            pixel_format=stream["pix_fmt"],
            width=stream["width"],
            height=stream["height"],
            sample_aspect=stream_selection.sample_aspect(stream),
            rotation=shown.rotation,
            average_rate=average_rate,
            base_rate=base_rate,
            rate_bps=integer(stream.get("bit_rate")) or 0,
            start_s=max(Fraction(0), _start_s(stream, start_s) - start_s) + held_back_s,
            mirrored=shown.mirrored,
            field_order=known(stream, "field_order") or _field_order(first),
            colour_range=known(stream, "color_range"),
            colour_transfer=known(stream, "color_transfer"),
            colour_primaries=known(stream, "color_primaries"),
            colour_space=known(stream, "color_space"),
        ),
        audio=_audio(sound),
        other_audio=other_audio,
    )


def _is_of(kind: str, container: Mapping[str, Any]) -> bool:
    return kind in container.get("format_name", "").split(",")


def _rates(stream: Mapping[str, Any], *, is_avi: bool) -> tuple[Fraction, Fraction]:
    """Return (average, base) rate; where one of them is unusable the other stands in.

    AVI's header has the rate of a clock, and a frame need not come at each of its
    ticks: ffmpeg copies 25 frames a second under a clock of 50, and from 7.1 on
    of 600.  What is shown is then the base, in which the timestamps can be written.
    """
    average, base = (fraction(stream.get(name)) for name in ("avg_frame_rate", "r_frame_rate"))
    usable = [rate for rate in (average, base) if rate is not None and 0 < rate <= MAX_FPS]
    if not usable:
        raise UnsupportedMedia("the source's video has no usable frame rate")
    return min(usable) if is_avi else usable[0], base or usable[0]


def _start_s(stream: Mapping[str, Any], container_start_s: Fraction) -> Fraction:
    """Return when a stream starts on its container's clock; one that does not say starts with it.

    >>> _start_s({"start_time": "0.000000"}, Fraction(-21, 1000)), _start_s({}, Fraction(-21, 1000))
    (Fraction(0, 1), Fraction(-21, 1000))
    """
    told_s = fraction(stream.get("start_time"))
    return container_start_s if told_s is None else told_s


def _held_back_s(
    stream: Mapping[str, Any], tail: Sequence[Mapping[str, Any]], *, frame_s: Fraction
) -> Fraction:
    """Return how much later than its packets the video is shown, where those say only when they are decoded.

    AVI's do.  A decoder of B-frames gives out its first frame when it has taken in
    ``has_b_frames`` more, and ffmpeg shows it then.

    >>> _held_back_s({"has_b_frames": 2}, [{"pts": "N/A", "dts": "7"}], frame_s=Fraction(1, 25))
    Fraction(2, 25)
    >>> _held_back_s({"has_b_frames": 2}, [{"pts": "8", "dts": "7"}], frame_s=Fraction(1, 25))
    Fraction(0, 1)
    """
    if any(integer(packet.get("pts")) is not None for packet in tail):
        return Fraction(0)
    return (integer(stream.get("has_b_frames")) or 0) * frame_s


def _end_s(
    stream: Mapping[str, Any],
    tail: Sequence[Mapping[str, Any]],
    *,
    start_s: Fraction,
    frame_s: Fraction,
    is_avi: bool,
) -> Fraction:
    """Return when the last frame ends, from the container's start; ``frame_s`` is for those without a duration.

    Packets come in decode order, so with B-frames the last one to be shown is
    not the last of the file; packets marked ``D`` are decoded but never shown.
    Where an MP4's track begins late, ffmpeg takes its length for its end and says
    too little of how long the last packet lasts (libavformat/mov.c, ``mov_read_packet``).
    In AVI every packet lasts a tick of its clock, which may be far less than a frame.
    """
    tick_s = fraction(stream.get("time_base")) or Fraction(0)
    is_counted = integer(stream.get("nb_frames")) is not None
    forgotten_s = max(0, integer(stream.get("start_pts")) or 0) * tick_s if is_counted else Fraction(0)
    ends = []
    for packet in tail:
        shown_at = integer(packet.get("pts"), packet.get("dts"))
        if shown_at is not None and "D" not in packet.get("flags", ""):
            lasts_s = (integer(packet.get("duration")) or 0) * tick_s or frame_s
            if lasts_s < frame_s:
                lasts_s = frame_s if is_avi else min(frame_s, lasts_s + forgotten_s)
            ends.append((shown_at * tick_s, lasts_s))
    end_s = sum(max(ends)) - start_s if ends else Fraction(0)
    if end_s <= 0:
        raise UnsupportedMedia("the source's video has no frames")
    return end_s


def _declared_s(
    container: Mapping[str, Any], stream: Mapping[str, Any], *, start_s: Fraction
) -> Fraction | None:
    """Return where the video ends by the container's own header, or None where that does not say.

    MP4 has a duration for each track, AVI a number of its clock's ticks, and
    Matroska a tag that not every tool keeps up to date, so there the whole file's
    duration bounds it.  MPEG-TS declares nothing: a shortened one is a shorter film.
    """
    if _is_of("mov", container) and (duration_s := fraction(stream.get("duration"))):
        return _start_s(stream, start_s) - start_s + duration_s
    if _is_of("avi", container) and (ticks := integer(stream.get("nb_frames"))):
        return ticks * (fraction(stream.get("time_base")) or Fraction(0))
    if _is_of("matroska", container):
        track_end_s = clock_s(stream.get("tags", {}).get("DURATION"))
        file_end_s = fraction(container.get("duration"))
        return min(track_end_s, file_end_s) - start_s if track_end_s and file_end_s else None
    return None


def _audio(sound: Mapping[str, Any] | None) -> AudioStream | None:
    if sound is None:
        return None
    return AudioStream(
        index=sound["index"],
        codec=sound["codec_name"],
        channels=sound["channels"],
        sample_rate=int(sound["sample_rate"]),
    )


def _field_order(frames: Sequence[Mapping[str, Any]]) -> str:
    """Return the order of fields that decoded frames have, in ffprobe's words for containers.

    >>> _field_order([{"interlaced_frame": 1, "top_field_first": 0}]), _field_order([{"interlaced_frame": 0}])
    ('bb', 'progressive')
    """
    for frame in frames:
        if frame.get("interlaced_frame"):
            return "tt" if frame.get("top_field_first") else "bb"
    return "progressive"

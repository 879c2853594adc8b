"""What ffprobe's saved answers mean: ``probes/`` holds what real files made it say."""

import json
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.source import ffprobe_parser, stream_selection
from rugbytx.core.source.media_info import AudioStream, MediaInfo, VideoStream
from rugbytx.errors import UnsupportedMedia

NTSC = Fraction(30000, 1001)
MP4 = "mov,mp4,m4a,3gp,3g2,mj2"


def parse(name: str, **changes: Any) -> MediaInfo:
    """Return the value of a saved answer, the video stream changed as told."""
    saved = json.loads((Path(__file__).parent / "probes" / f"{name}.json").read_text())
    if changes:
        stream_selection.video(saved["answer"])
        video = next(stream for stream in saved["answer"]["streams"] if stream["codec_type"] == "video")
        video.update(changes)
    return ffprobe_parser.parse(saved["answer"], tail=saved["tail"], size_bytes=1000)


def h264(width: int, height: int, rate: Fraction, **more: Any) -> VideoStream:
    """Return an H.264 stream of constant rate."""
    base = {"index": 0, "codec": "h264", "pixel_format": "yuv420p", "width": width, "height": height}
    return VideoStream.model_validate({**base, "average_rate": rate, "base_rate": rate, **more})


def aac(channels: int, sample_rate: int) -> AudioStream:
    """Return an AAC stream behind the video."""
    return AudioStream(index=1, codec="aac", channels=channels, sample_rate=sample_rate)


@pytest.mark.parametrize(
    ("name", "container", "start_s", "end_s", "video", "audio", "other_audio"),
    [
        ("big-buck-bunny", MP4, 0, 30, h264(854, 480, Fraction(24), rate_bps=906_282), aac(6, 48_000), 0),
        (
            "car-detection",
            MP4,
            0,
            Fraction(754, 25),  # 377 frames at 12.5 a second
            h264(
                768,
                432,
                Fraction(25, 2),
                rate_bps=614_933,
                colour_transfer="smpte170m",
                colour_primaries="smpte170m",
                colour_space="smpte170m",
                colour_range="tv",
            ),
            aac(2, 48_000),
            0,
        ),
        # Its clock starts at 33 ms, with the first frame: 51 frames of 33.3 ms from there.
        (
            "gesture",
            "matroska,webm",
            Fraction(33, 1000),
            Fraction(17, 10),
            h264(640, 480, Fraction(30), pixel_format="yuvj420p", colour_range="pc"),
            None,
            0,
        ),
        (
            "ntsc-with-audio",
            MP4,
            0,
            Fraction(3003, 1000),  # 90 frames of 1001/30000 s
            h264(320, 240, NTSC, rate_bps=733_168),
            aac(1, 44_100),
            0,
        ),
        (
            "rotated",
            MP4,
            0,
            Fraction(3003, 1000),
            h264(320, 240, NTSC, rate_bps=733_168, rotation=90),
            aac(1, 44_100),
            0,
        ),
        ("live-without-duration", "matroska,webm", 0, 2, h264(320, 240, Fraction(25)), None, 0),
        # The audio starts at -7 ms, so the video ends 7 ms later on the container's own clock.
        (
            "two-sounds",
            "matroska,webm",
            Fraction(-7, 1000),
            Fraction(2016, 1000),
            h264(320, 240, NTSC, start_s=Fraction(14, 1000)),
            AudioStream(index=2, codec="opus", channels=1, sample_rate=48_000),
            1,
        ),
    ],
)
def test_an_answer_becomes_a_value(
    name: str,
    container: str,
    start_s: Fraction,
    end_s: Fraction,
    video: VideoStream,
    audio: AudioStream | None,
    other_audio: int,
) -> None:
    """Times are exact, and the end comes from the packets."""
    assert parse(name) == MediaInfo(
        container=container,
        size_bytes=1000,
        start_s=start_s,
        end_s=end_s,
        video=video,
        audio=audio,
        other_audio=other_audio,
    )


def test_a_phone_has_two_rates() -> None:
    """With frames missing, the average is below the rate that all timestamps fit."""
    video = parse("phone-vfr").video
    assert video.average_rate < video.base_rate == 30


def test_a_broadcast_is_interlaced_with_wide_pixels() -> None:
    """The field order and the pixel's shape survive."""
    video = parse("broadcast-50i").video
    assert (video.codec, video.field_order, video.sample_aspect) == ("mpeg2video", "tt", Fraction(64, 45))
    assert video.display_size == (512, 288)


def test_hdr_says_so() -> None:
    """The colours of an HDR source are those that it names."""
    video = parse("hdr-hlg").video
    assert (video.pixel_format, video.colour_transfer) == ("yuv420p10le", "arib-std-b67")
    assert (video.colour_primaries, video.colour_space) == ("bt2020", "bt2020nc")


@pytest.mark.parametrize(
    ("name", "changes", "sentence"),
    [
        ("audio-only", {}, "the source has no video stream"),
        ("cover-art-only", {}, "the source has only a cover picture"),
        ("bomb", {}, "the source's video has no picture size"),
        ("gesture", {"width": 8194}, "the source's picture of 8194x480 is larger"),
        ("gesture", {"width": 8000, "height": 8000}, "the source's picture of 8000x8000 is larger"),
        ("gesture", {"sample_aspect_ratio": "100:1"}, "the source's picture of 640x480 is larger"),
        (
            "gesture",
            {"width": 4812, "height": 480},
            "the source's picture of 4812x480 has no shape of a film's",
        ),
        (
            "gesture",
            {"width": 3840, "height": 2160, "avg_frame_rate": "300/1"},
            "the source shows 3840x2160 pixels 300 times a second, which is more",
        ),
        ("gesture", {"sample_aspect_ratio": "1:9999"}, "the source's pixel shape leaves no picture"),
        ("gesture", {"codec_name": "none"}, "the source's video is in a format that ffmpeg does not know"),
        ("gesture", {"pix_fmt": "unknown"}, "the source's h264 video cannot be decoded"),
        ("gesture", {"avg_frame_rate": "0/0", "r_frame_rate": "0/0"}, "no usable frame rate"),
        ("gesture", {"avg_frame_rate": "0/0", "r_frame_rate": "90000/1"}, "no usable frame rate"),
    ],
)
def test_what_cannot_be_transcoded_is_refused(name: str, changes: dict[str, Any], sentence: str) -> None:
    """One plain sentence says what is wrong with the source."""
    with pytest.raises(UnsupportedMedia, match=sentence):
        parse(name, **changes)


@pytest.mark.parametrize(
    ("changes", "average", "base"),
    [
        ({"avg_frame_rate": "0/0"}, 30, 30),
        ({"r_frame_rate": "0/0"}, 30, 30),
        ({"r_frame_rate": "90000/1"}, 30, 90_000),
    ],
)
def test_one_usable_rate_is_enough(changes: dict[str, Any], average: int, base: int) -> None:
    """A rate that is missing is replaced; an absurd base rate stays, as a sign of uneven frames."""
    video = parse("gesture", **changes).video
    assert (video.average_rate, video.base_rate) == (Fraction(average), Fraction(base))


@pytest.mark.parametrize(
    ("changes", "rotation"),
    [
        ({"side_data_list": [{"side_data_type": "Display Matrix", "rotation": 90}]}, 270),
        ({"side_data_list": [{"side_data_type": "Display Matrix", "rotation": -180}]}, 180),
        ({"side_data_list": [{"side_data_type": "Stereo 3D"}], "tags": {"rotate": "90"}}, 90),
        ({"tags": {"rotate": "-90"}}, 270),
        ({}, 0),
    ],
)
def test_rotation_counts_clockwise(changes: dict[str, Any], rotation: int) -> None:
    """A display matrix counts the other way round; the old tag does not."""
    assert parse("gesture", **changes).video.rotation == rotation


@pytest.mark.parametrize(
    ("tail", "end_s"),
    [
        # In decode order: the last to be shown is the second.
        (
            [
                {"pts": "0", "duration": "40", "flags": "K_"},
                {"pts": "80", "duration": "40", "flags": "__"},
                {"pts": "40", "duration": "40", "flags": "__"},
            ],
            Fraction(120, 1000),
        ),
        # An edit list hides the last one.
        (
            [{"pts": "0", "duration": "40", "flags": "K_"}, {"pts": "40", "duration": "40", "flags": "_D"}],
            Fraction(40, 1000),
        ),
        # Without a duration it lasts as long as others, without a presentation time the decode time serves.
        (
            [{"pts": "N/A", "dts": "100", "duration": "N/A", "flags": "__"}],
            Fraction(100, 1000) + Fraction(1, 30),
        ),
    ],
)
def test_the_end_is_that_of_the_last_frame_shown(tail: list[dict[str, str]], end_s: Fraction) -> None:
    """Packets come in decode order, and some are never shown."""
    saved = json.loads((Path(__file__).parent / "probes" / "gesture.json").read_text())
    saved["answer"]["format"]["start_time"] = "0.000000"
    assert ffprobe_parser.parse(saved["answer"], tail=tail, size_bytes=1).end_s == end_s


@pytest.mark.parametrize(
    ("start_pts", "lasts", "end_pts"),
    [
        (0, 1001, 90_090),
        (0, 500, 89_589),  # cut off in mid-frame by an edit list
        (600, 401, 90_090),  # 600 ticks were forgotten
        (600, 900, 90_090),  # a frame is never made longer than others
        (2000, 0, 90_090),  # more than a frame was
    ],
)
def test_the_last_frame_of_a_track_that_begins_late_lasts_as_long_as_others(
    start_pts: int, lasts: int, end_pts: int
) -> None:
    """By so much does ffmpeg's MP4 reader shorten it."""
    saved = json.loads((Path(__file__).parent / "probes" / "ntsc-with-audio.json").read_text())
    video = next(stream for stream in saved["answer"]["streams"] if stream["codec_type"] == "video")
    video["start_pts"] = start_pts
    tail = [{"pts": str(89_089), "duration": str(lasts), "flags": "__"}]
    assert ffprobe_parser.parse(saved["answer"], tail=tail, size_bytes=1).end_s == Fraction(end_pts, 30_000)


@pytest.mark.parametrize("tail", [[], [{"pts": "0", "duration": "33", "flags": "KD"}]])
def test_a_video_without_frames_is_refused(tail: list[dict[str, str]]) -> None:
    """Nothing to show is nothing to transcode."""
    saved = json.loads((Path(__file__).parent / "probes" / "gesture.json").read_text())
    with pytest.raises(UnsupportedMedia, match="no frames"):
        ffprobe_parser.parse(saved["answer"], tail=tail, size_bytes=1)


def test_a_day_in_8k_is_refused() -> None:
    """Each second of it is allowed, and all of them are more work than twelve hours of 4K."""
    saved = json.loads((Path(__file__).parent / "probes" / "gesture.json").read_text())
    saved["answer"]["streams"][0].update({"width": 7680, "height": 4320, "avg_frame_rate": "60/1"})
    tail = [{"pts": str(1000 * 3600 * 4), "duration": "16", "flags": "K_"}]
    with pytest.raises(UnsupportedMedia, match=r"60 times a second for 4\.0 h, which is more"):
        ffprobe_parser.parse(saved["answer"], tail=tail, size_bytes=1 << 40)

import re
from collections.abc import Sequence

import pytest

from rugbytx.core.hls.master_playlist import master_playlist
from rugbytx.core.hls.media_playlist import files_of
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.plan.plan import Plan, Rendition
from tests.track_files import track_file


def rendition(name: str, width: int, height: int) -> Rendition:
    """Return a rendition of this size."""
    return Rendition(name=name, width=width, height=height, rate_bps=1, peak_bps=1, buffer_bits=1)


@pytest.fixture(scope="module")
def ladder(ntsc_plan: Plan) -> Plan:
    """Return a plan of three renditions and audio."""
    renditions = (rendition("1080p", 1920, 1080), rendition("720p", 1280, 720), rendition("360p", 640, 360))
    return ntsc_plan.model_copy(update={"renditions": renditions})


#: Bytes of a 6 s segment, for about 6, 2.5 and 0.6 Mbit/s.
SIZES = {"1080p": 4_500_000, "720p": 1_875_000, "360p": 450_000}
AUDIO = TracksResult(
    fingerprint="a",
    files=(track_file([6000, 6000], [96_000, 97_500], rendition="audio", codec="mp4a.40.2"),),
)


def chunk(codec: str = "avc1.64001f") -> TracksResult:
    """Return a chunk of one segment in each rendition."""
    files = tuple(track_file([6000], [size], rendition=name, codec=codec) for name, size in SIZES.items())
    return TracksResult(fingerprint=codec, files=files)


def master(plan: Plan, chunks: Sequence[TracksResult], audio: TracksResult | None) -> str:
    """Return a master playlist with the others beside it."""
    return master_playlist(plan, chunks, audio, target_s=6, path_of="{}.m3u8".format)


def test_the_master_starts_near_two_megabits_and_falls_from_the_top(ladder: Plan) -> None:
    """Rates are the video's and the audio's together; the keyframes of each follow."""
    assert master(ladder, [chunk(), chunk()], AUDIO) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MEDIA:TYPE=AUDIO,GROUP-ID="audio",NAME="audio",LANGUAGE="und",DEFAULT=YES,AUTOSELECT=YES,'
        'CHANNELS="2",URI="audio.m3u8"\n'
        "#EXT-X-STREAM-INF:BANDWIDTH=2630000,AVERAGE-BANDWIDTH=2629000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1280x720,FRAME-RATE=29.970,AUDIO="audio"\n'
        "720p.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=6130000,AVERAGE-BANDWIDTH=6129000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=1920x1080,FRAME-RATE=29.970,AUDIO="audio"\n'
        "1080p.m3u8\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=730000,AVERAGE-BANDWIDTH=729000,"
        'CODECS="avc1.64001f,mp4a.40.2",RESOLUTION=640x360,FRAME-RATE=29.970,AUDIO="audio"\n'
        "360p.m3u8\n"
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=600000,AVERAGE-BANDWIDTH=600000,"
        'CODECS="avc1.64001f",RESOLUTION=1920x1080,URI="1080p-iframes.m3u8"\n'
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=250000,AVERAGE-BANDWIDTH=250000,"
        'CODECS="avc1.64001f",RESOLUTION=1280x720,URI="720p-iframes.m3u8"\n'
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=60000,AVERAGE-BANDWIDTH=60000,"
        'CODECS="avc1.64001f",RESOLUTION=640x360,URI="360p-iframes.m3u8"\n'
    )


def test_a_master_without_audio_names_none(ladder: Plan) -> None:
    """Neither a group nor a codec."""
    silent = ladder.model_copy(update={"audio": None, "renditions": ladder.renditions[2:]})
    assert master(silent, [chunk()], None) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        "#EXT-X-STREAM-INF:BANDWIDTH=600000,AVERAGE-BANDWIDTH=600000,"
        'CODECS="avc1.64001f",RESOLUTION=640x360,FRAME-RATE=29.970\n'
        "360p.m3u8\n"
        "#EXT-X-I-FRAME-STREAM-INF:BANDWIDTH=60000,AVERAGE-BANDWIDTH=60000,"
        'CODECS="avc1.64001f",RESOLUTION=640x360,URI="360p-iframes.m3u8"\n'
    )


def test_runs_of_unlike_encoders_are_announced_by_what_plays_them_all(ladder: Plan) -> None:
    """High at 3.1 and Main at 4.0 need a decoder for High at 4.0."""
    text = master(ladder, [chunk("avc1.64001f"), chunk("avc1.4d4028")], AUDIO)
    assert set(re.findall(r'CODECS="([^"]*)"', text)) == {"avc1.640028,mp4a.40.2", "avc1.640028"}


def test_files_of_a_rendition_stand_in_the_order_of_the_chunks() -> None:
    """One of each chunk."""
    files = files_of([chunk("avc1.64001f"), chunk("avc1.4d4028")], "720p")
    assert [(file.rendition, file.codec) for file in files] == [
        ("720p", "avc1.64001f"),
        ("720p", "avc1.4d4028"),
    ]

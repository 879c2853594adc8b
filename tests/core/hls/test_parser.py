"""Playlists read back: what our writer writes is understood, and nothing else is."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.hls import parser
from rugbytx.core.hls.master_playlist import master_playlist
from rugbytx.core.hls.media_playlist import media_playlist
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.plan.plan import Plan
from rugbytx.errors import VerificationError
from tests.track_files import track_file

FILES = [track_file([6000, 6006], [500, 600], key=f"{number}.mp4") for number in range(2)]
MEDIA = media_playlist(
    FILES, splices_s=[Fraction(12012, 1000)], target_s=6, path_of=lambda file: f"720p/{file.key}"
)


@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 20_000), st.integers(1, 10**7)), min_size=1, max_size=4),
        min_size=1,
        max_size=4,
    ),
    st.text(st.characters(codec="utf-8", exclude_characters="\n"), min_size=1, max_size=8),
)
def test_a_media_playlist_comes_back_as_it_went(films: list[list[tuple[int, int]]], name: str) -> None:
    """Every byte range, every path and every length, whatever the path holds."""
    files = [
        track_file([ticks for ticks, _ in film], [size for _, size in film], key=f"{name} {number}")
        for number, film in enumerate(films)
    ]
    text = media_playlist(files, splices_s=[], target_s=21, path_of=lambda file: f"720p/{file.key}")
    media = parser.parse_media(text, name="720p.m3u8")
    assert media.target_s == 21
    wanted = [(file, segment) for file in files for segment in file.segments]
    for entry, (file, segment) in zip(media.entries, wanted, strict=True):
        assert entry.segment == parser.Range(
            path=f"720p/{file.key}", offset=segment.offset, size_bytes=segment.size_bytes
        )
        assert entry.init == parser.Range(
            path=f"720p/{files[0].key}", offset=0, size_bytes=files[0].init_bytes
        )
        assert abs(entry.duration_us - 1000 * segment.duration) <= 1
        assert not entry.discontinuities


def test_a_discontinuity_comes_with_its_map() -> None:
    """The init section in force is that of the run."""
    entries = parser.parse_media(MEDIA, name="720p.m3u8").entries
    assert [entry.discontinuities for entry in entries] == [0, 0, 1, 0]
    assert [entry.init.path for entry in entries] == ["720p/0.mp4"] * 2 + ["720p/1.mp4"] * 2
    assert parser.starts_us(entries) == (0, 6_000_000, 12_006_000, 18_006_000, 24_012_000)


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        ("#EXT-X-ENDLIST\n", "", "should have #EXT-X-ENDLIST"),
        ("#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST", "is cut off"),
        ("#EXT-X-ENDLIST\n", "#EXT-X-ENDLIST\n\n", "goes on behind its end"),
        ("#EXTINF:6.000000,\n", "#EXTINF:6.0,\n", "should have a segment"),
        ("#EXT-X-BYTERANGE:500@700\n", "", "a byte range"),
        ("#EXT-X-BYTERANGE:500@700", "#EXT-X-BYTERANGE:-500@700", "a byte range"),
        ("\n720p/0.mp4\n", "\nhttps://example.com/0.mp4\n", "a relative path"),
        ('#EXT-X-MAP:URI="720p/0.mp4",BYTERANGE="700@0"\n', "", "without its EXT-X-MAP"),
        ('#EXT-X-MAP:URI="720p/1.mp4",BYTERANGE="700@0"\n', "", "without its EXT-X-MAP"),
        ("#EXT-X-PLAYLIST-TYPE:VOD", "#EXT-X-PLAYLIST-TYPE:EVENT", "should have #EXT-X-PLAYLIST-TYPE:VOD"),
        ("720p/1.mp4\n#EXT-X-ENDLIST", "720p/1.mp4\n#EXT-X-DISCONTINUITY\n#EXT-X-ENDLIST", "a segment"),
    ],
)
def test_what_we_would_not_write_is_refused(old: str, new: str, what: str) -> None:
    """With the file, what is wrong, and the line."""
    assert old in MEDIA
    with pytest.raises(VerificationError, match=rf"^720p\.m3u8 .*{re.escape(what)}.*"):
        parser.parse_media(MEDIA.replace(old, new, 1), name="720p.m3u8")


def test_a_playlist_without_segments_is_refused() -> None:
    """Nothing could be played."""
    head = MEDIA[: MEDIA.index("#EXT-X-MAP")]
    with pytest.raises(VerificationError, match="has no segments"):
        parser.parse_media(f"{head}#EXT-X-ENDLIST\n", name="720p.m3u8")


@given(st.text(max_size=300))
def test_any_text_is_read_or_refused(text: str) -> None:
    """No text ends the parser otherwise."""
    for parse in (parser.parse_media, parser.parse_master):
        with pytest.raises(VerificationError):
            parse(text, name="any.m3u8")


@pytest.fixture
def master(ntsc_plan: Plan) -> str:
    """Return a master with sound."""
    chunk = TracksResult(fingerprint="a", files=(track_file([6000], [500_000], rendition="180p"),))
    audio = TracksResult(
        fingerprint="b", files=(track_file([6000], [90_000], rendition="audio", codec="mp4a.40.2"),)
    )
    return master_playlist(ntsc_plan, [chunk], audio, target_s=6, path_of="{}.m3u8".format)


def test_a_master_comes_back_as_it_went(master: str) -> None:
    """With sound and without."""
    found = parser.parse_master(master, name="master.m3u8")
    assert found.audio == "audio.m3u8"
    [variant] = found.variants
    assert (variant.path, variant.width, variant.height) == ("180p.m3u8", 320, 180)
    assert (variant.video_codec, variant.audio_codec) == ("avc1.64001f", "mp4a.40.2")
    assert variant.frame_rate == Fraction("29.970")
    assert variant.bandwidth_bps == variant.average_bps > 700_000
    [iframes] = found.iframes
    assert (iframes.path, iframes.width, iframes.height) == ("180p-iframes.m3u8", 320, 180)
    assert iframes.video_codec == "avc1.64001f"
    assert iframes.bandwidth_bps == iframes.average_bps < variant.average_bps / 10

    silent = (
        re.sub(r"#EXT-X-MEDIA[^\n]+\n", "", master).replace(",mp4a.40.2", "").replace(',AUDIO="audio"', "")
    )
    found = parser.parse_master(silent, name="master.m3u8")
    assert (found.audio, found.variants[0].audio_codec) == (None, "")


@pytest.mark.parametrize(
    ("old", "new", "what"),
    [
        (',AUDIO="audio"', "", "sound is not what the master offers"),
        (",mp4a.40.2", "", "sound is not what the master offers"),
        ("RESOLUTION=320x180,", "", "should have a variant"),
        (',URI="180p-iframes', ',FRAME-RATE=1,URI="180p-iframes', "should have a variant"),
        ("180p.m3u8", "/etc/passwd?", "should have a relative path"),
        ("#EXT-X-INDEPENDENT-SEGMENTS\n", "", "should have #EXT-X-INDEPENDENT-SEGMENTS"),
    ],
)
def test_a_master_that_we_would_not_write_is_refused(master: str, old: str, new: str, what: str) -> None:
    """The line says where."""
    assert old in master
    with pytest.raises(VerificationError, match=f"{re.escape(what)}, at line [0-9]+$"):
        parser.parse_master(master.replace(old, new, 1), name="master.m3u8")


def test_a_master_without_variants_is_refused() -> None:
    """Nothing could be played."""
    head = "#EXTM3U\n#EXT-X-VERSION:6\n#EXT-X-INDEPENDENT-SEGMENTS\n"
    with pytest.raises(VerificationError, match="has no variants"):
        parser.parse_master(head, name="master.m3u8")

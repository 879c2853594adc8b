import re
from collections.abc import Sequence
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.hls.media_playlist import (
    Bitrates,
    measure,
    media_playlist,
    splices,
    target_duration_s,
)
from rugbytx.core.lease.result import TrackFile
from rugbytx.core.plan.plan import Plan
from tests.track_files import track_file


def media(files: Sequence[TrackFile], splices_s: Sequence[Fraction] = ()) -> str:
    """Return a media playlist whose files lie in a folder beside it."""
    return media_playlist(
        files,
        splices_s=splices_s,
        target_s=target_duration_s(files),
        path_of=lambda file: f"{file.rendition}/{file.key}",
    )


def test_one_chunk() -> None:
    """An init segment, byte ranges of one file, and an end."""
    assert media([track_file([6000, 6000, 1500], [500, 600, 70])]) == (
        "#EXTM3U\n"
        "#EXT-X-VERSION:6\n"
        "#EXT-X-TARGETDURATION:6\n"
        "#EXT-X-PLAYLIST-TYPE:VOD\n"
        "#EXT-X-INDEPENDENT-SEGMENTS\n"
        '#EXT-X-MAP:URI="720p/0.mp4",BYTERANGE="700@0"\n'
        "#EXTINF:6.000000,\n"
        "#EXT-X-BYTERANGE:500@700\n"
        "720p/0.mp4\n"
        "#EXTINF:6.000000,\n"
        "#EXT-X-BYTERANGE:600@1200\n"
        "720p/0.mp4\n"
        "#EXTINF:1.500000,\n"
        "#EXT-X-BYTERANGE:70@1800\n"
        "720p/0.mp4\n"
        "#EXT-X-ENDLIST\n"
    )


def body(playlist: str) -> list[str]:
    """Return the lines between the head and the end."""
    lines = playlist.splitlines()
    assert playlist.endswith("#EXT-X-ENDLIST\n")
    return lines[5:-1]


def test_several_chunks_of_one_fingerprint_share_a_map() -> None:
    """Their init segments are the same bytes."""
    files = [track_file([6000], [500], key=f"{number}.mp4") for number in range(2)]
    assert body(media(files)) == [
        '#EXT-X-MAP:URI="720p/0.mp4",BYTERANGE="700@0"',
        "#EXTINF:6.000000,",
        "#EXT-X-BYTERANGE:500@700",
        "720p/0.mp4",
        "#EXTINF:6.000000,",
        "#EXT-X-BYTERANGE:500@700",
        "720p/1.mp4",
    ]


def test_a_splice_brings_a_discontinuity_and_a_new_map() -> None:
    """The map is that of the first chunk of the run."""
    files = [track_file([6000], [500], key=f"{number}.mp4") for number in range(3)]
    assert body(media(files, [Fraction(6)])) == [
        '#EXT-X-MAP:URI="720p/0.mp4",BYTERANGE="700@0"',
        "#EXTINF:6.000000,",
        "#EXT-X-BYTERANGE:500@700",
        "720p/0.mp4",
        "#EXT-X-DISCONTINUITY",
        '#EXT-X-MAP:URI="720p/1.mp4",BYTERANGE="700@0"',
        "#EXTINF:6.000000,",
        "#EXT-X-BYTERANGE:500@700",
        "720p/1.mp4",
        "#EXTINF:6.000000,",
        "#EXT-X-BYTERANGE:500@700",
        "720p/2.mp4",
    ]


@pytest.mark.parametrize(
    ("splices_s", "marked"),
    [
        ([6], [1]),
        ([12], [2]),
        ([1], [1]),  # never before the first segment
        ([6, 12], [1, 2]),
        ([6, 8], [1, 1]),  # both are counted where both are nearest to one boundary
        ([100], [2]),
    ],
)
def test_audio_counts_the_discontinuities_of_the_video(splices_s: list[int], marked: list[int]) -> None:
    """Its own segments end nearby, in one file."""
    audio = track_file([6016, 6016, 3000], [90, 90, 50], rendition="audio", codec="mp4a.40.2")
    seen, segment = [], 0
    for line in body(media([audio], [Fraction(second) for second in splices_s])):
        segment += line == "audio/0.mp4"
        if line == "#EXT-X-DISCONTINUITY":
            seen.append(segment)
    assert seen == marked


def test_a_single_segment_has_no_place_for_a_splice() -> None:
    """There is no boundary in it."""
    assert "#EXT-X-DISCONTINUITY" not in media([track_file([6000], [500])], [Fraction(3)])


def test_splices_stand_where_the_fingerprint_changes(ntsc_plan: Plan) -> None:
    """The instant is exact."""
    assert splices(ntsc_plan.grid, ["one", "one"]) == ()
    assert splices(ntsc_plan.grid, ["one", "other"]) == (Fraction(180 * 1001, 30_000),)


def test_no_path_can_break_out_of_its_place() -> None:
    """Quotes, line ends, schemes and bytes beyond ASCII are escaped."""
    file = track_file([6000], [500], key='a"\n#EXT:ü%.mp4')
    assert body(media([file]))[0] == ('#EXT-X-MAP:URI="720p/a%22%0A%23EXT%3A%C3%BC%25.mp4",BYTERANGE="700@0"')


@pytest.mark.parametrize(
    ("duration", "target_s"),
    [(6000, 6), (6006, 6), (6499, 6), (6500, 7), (6999, 7), (40, 1)],
)
def test_the_target_is_the_longest_segment_rounded_to_the_nearest_second(
    duration: int, target_s: int
) -> None:
    """RFC 8216, 4.3.3.1; and it is at least one."""
    assert target_duration_s([track_file([duration, 20], [1, 1])]) == target_s


#: Files with one to four segments each, in thirds and other odd parts of a second.
FILES = st.lists(
    st.builds(
        lambda segments, timescale: track_file(
            [duration for duration, _ in segments], [size for _, size in segments], timescale=timescale
        ),
        st.lists(st.tuples(st.integers(1, 8000), st.integers(1, 10**6)), min_size=1, max_size=4),
        st.sampled_from([1000, 1001, 30_000, 12_288]),
    ),
    min_size=1,
    max_size=6,
).map(lambda files: [file.model_copy(update={"key": f"{n}.mp4"}) for n, file in enumerate(files)])


@given(FILES, st.lists(st.fractions(0, 60), max_size=3))
def test_a_playlist_names_every_byte_once_and_lasts_as_long(
    files: list[TrackFile], splices_s: list[Fraction]
) -> None:
    """EXTINF adds up without drift, and byte ranges tile each file behind its init segment."""
    text = media(files, splices_s)
    seconds = sum(map(Fraction, re.findall(r"#EXTINF:([\d.]+),", text)), Fraction(0))
    lengths = (Fraction(segment.duration, file.timescale) for file in files for segment in file.segments)
    exact = sum(lengths, Fraction(0))
    assert abs(seconds - exact) <= Fraction(1, 2_000_000)
    ends = {f"720p/{file.key}": 700 for file in files}
    for size, offset, uri in re.findall(r"#EXT-X-BYTERANGE:(\d+)@(\d+)\n(.+)\n", text):
        assert ends[uri] == int(offset)
        ends[uri] += int(size)
    assert list(ends.values()) == [file.size_bytes for file in files]
    assert text == media(files, splices_s)


@given(FILES)
def test_no_extinf_rounds_above_the_target(files: list[TrackFile]) -> None:
    """The one figure that a player may rely on for its buffer."""
    lengths = re.findall(r"#EXTINF:([\d.]+),", media(files))
    assert max(int(Fraction(length) + Fraction(1, 2)) for length in lengths) <= target_duration_s(files)


@pytest.mark.parametrize(
    ("durations", "sizes", "rates"),
    [
        # 8 * 1500 bytes in 12 s, the dearer segment 8 * 900 in 6 s
        ([6000, 6000], [600, 900], Bitrates(average_bps=1000, peak_bps=1200)),
        # 8 * 1600 bytes in 13 s; one second alone is no set, 7 s with 8 * 1000 bytes are
        ([6000, 1000, 6000], [600, 400, 600], Bitrates(average_bps=985, peak_bps=1143)),
        # shorter than half a target duration of 1 s: the average stands for the peak
        ([400], [100], Bitrates(average_bps=2000, peak_bps=2000)),
    ],
)
def test_rates_are_measured_as_the_rfc_defines_them(
    durations: list[int], sizes: list[int], rates: Bitrates
) -> None:
    """Neighbouring segments of half to one and a half target durations, rounded up to whole bits."""
    files = [track_file(durations, sizes)]
    assert measure(files, target_s=target_duration_s(files)) == rates
    halves = [
        track_file(durations[:1], sizes[:1]),
        *([track_file(durations[1:], sizes[1:])] if durations[1:] else []),
    ]
    assert measure(halves, target_s=target_duration_s(halves)) == rates


@given(FILES)
def test_the_peak_is_never_below_the_average(files: list[TrackFile]) -> None:
    """Nor above the dearest segment."""
    rates = measure(files, target_s=target_duration_s(files))
    dearest = max(
        Fraction(8 * segment.size_bytes * file.timescale, segment.duration)
        for file in files
        for segment in file.segments
    )
    assert rates.average_bps <= rates.peak_bps <= dearest + 1

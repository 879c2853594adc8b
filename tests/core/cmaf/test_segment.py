from collections.abc import Sequence
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.cmaf.track_parser import Fragment, Track, segments


def track_of(durations: Sequence[int], *, timescale: int = 1000) -> Track:
    """Return a track of one-sample fragments; only what ``segments`` reads means anything."""
    offsets = accumulate((100 + number for number in range(len(durations))), initial=700)
    return Track(
        init_bytes=700,
        init_sha256="",
        timescale=timescale,
        codec="avc1.64001f",
        width=64,
        height=48,
        fragments=tuple(
            Fragment(
                offset=offset,
                size_bytes=100 + number,
                decode_time=0,
                durations=(duration,),
                composition_offsets=(0,),
                sizes=(90,),
                sync=(True,),
            )
            for number, (offset, duration) in enumerate(zip(offsets, durations, strict=False))
        ),
    )


@pytest.mark.parametrize(
    ("durations", "lengths"),
    [
        ([2000] * 7, [6000, 6000, 2000]),  # GOPs
        ([2005] * 7, [6015, 6015, 2005]),  # audio: 6.015 is nearer to 6 than 4.01
        ([2000, 2000, 2000, 999], [6999]),  # a tail below a second joins
        ([2000, 2000, 2000, 1000], [6000, 1000]),  # a second stands for itself
        ([400], [400]),  # nothing to join
        ([9000, 9000], [9000, 9000]),  # one fragment may be too long
        ([4000, 4000], [4000, 4000]),  # 8 is no nearer to 6 than 4 is
    ],
)
def test_fragments_are_grouped_to_the_nearest_length(durations: list[int], lengths: list[int]) -> None:
    """Six seconds are wished."""
    found = segments(track_of(durations), segment_ticks=6000)
    assert [segment.duration for segment in found] == lengths


@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30), st.integers(1, 9000))
def test_segments_tile_the_file(durations: list[int], wish: int) -> None:
    """Every byte behind the init segment and every tick is in exactly one segment."""
    track = track_of(durations)
    found = segments(track, segment_ticks=wish)
    bounds = [segment.offset + segment.size_bytes for segment in found]
    last = track.fragments[-1]
    assert [segment.offset for segment in found] == [track.init_bytes, *bounds[:-1]]
    assert bounds[-1] == last.offset + last.size_bytes
    assert sum(segment.duration for segment in found) == sum(durations)


@given(st.lists(st.integers(1, 9000), min_size=1, max_size=30))
def test_a_last_segment_lasts_a_second_unless_the_track_is_shorter(durations: list[int]) -> None:
    """Here no fragment group before the last can be shorter, as six seconds are wished."""
    found = segments(track_of([999 + duration for duration in durations]), segment_ticks=6000)
    assert len(found) == 1 or found[-1].duration >= 1000

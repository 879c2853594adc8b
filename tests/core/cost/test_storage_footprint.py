"""What a plan would leave in the bucket."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.cost import storage_footprint
from rugbytx.core.cost.storage_footprint import Footprint
from rugbytx.core.plan.plan import Plan
from tests.plans import small_plan

#: A chunk of 6 s at 300 and at 100 kbit/s, and 6 s of sound.
LARGE, SMALL, SOUND = 225_000, 75_000, 96_000
TEXT = 4096
#: A sheet a chunk, and one poster.
STILL = 40_000


@pytest.mark.parametrize(
    ("plan", "part_bytes", "expected"),
    [
        (
            small_plan(chunks=1, audio=False),
            1 << 24,
            (2 + 4 + 5 + 2, LARGE + SMALL + 9 * TEXT + 2 * STILL, 13),
        ),
        (
            small_plan(chunks=3, audio=False),
            1 << 24,
            (6 + 4 + 5 + 4, 3 * (LARGE + SMALL) + 9 * TEXT + 4 * STILL, 19),
        ),
        (
            small_plan(chunks=3),
            1 << 24,
            (6 + 1 + 5 + 5 + 4, 3 * (LARGE + SMALL + SOUND) + 10 * TEXT + 4 * STILL, 21),
        ),
        (
            small_plan(chunks=3, mp4=True),
            1 << 24,
            (6 + 1 + 1 + 5 + 5 + 4, 3 * (2 * LARGE + SMALL + 2 * SOUND) + 10 * TEXT + 4 * STILL, 22),
        ),
        (
            small_plan(chunks=3, audio=False),
            100_000,
            (6 + 4 + 5 + 4, 3 * (LARGE + SMALL) + 9 * TEXT + 4 * STILL, 3 * (3 + 2) + 3 + 9 + 4),
        ),
    ],
    ids=["a short film", "three chunks", "with sound", "with an MP4", "large chunks go up in parts"],
)
def test_objects_bytes_and_requests(plan: Plan, part_bytes: int, expected: tuple[int, int, int]) -> None:
    """Two renditions; two playlists each, five files besides, and the pictures."""
    objects, stored_bytes, put_requests = expected
    assert storage_footprint.decide(plan, part_bytes=part_bytes) == Footprint(
        objects=objects, stored_bytes=stored_bytes, put_requests=put_requests
    )


@given(
    chunks=st.integers(min_value=1, max_value=200),
    part_bytes=st.integers(min_value=1 << 10, max_value=1 << 24),
)
def test_there_are_at_least_as_many_requests_as_objects(chunks: int, part_bytes: int) -> None:
    """And a longer film leaves more of each."""
    one = storage_footprint.decide(small_plan(chunks=chunks), part_bytes=part_bytes)
    more = storage_footprint.decide(small_plan(chunks=chunks + 1), part_bytes=part_bytes)
    assert one.put_requests >= one.objects
    assert more.objects > one.objects
    assert more.stored_bytes > one.stored_bytes
    assert more.put_requests > one.put_requests

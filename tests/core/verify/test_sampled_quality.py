"""Samples of a published job: where they lie, and what their scores mean."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.hls.media_playlist import files_of
from rugbytx.core.lease.result import Metric, Quality, TracksResult, WindowReason
from rugbytx.core.lease.unit import CHECK, PUBLISH, State, Unit, UnitKey
from rugbytx.core.verify import sample_windows, sampled_quality
from rugbytx.core.verify.frame_pairing import Pair
from rugbytx.core.verify.sample_windows import CHANCES, Window
from rugbytx.core.verify.sampled_quality import Scores
from tests.plans import small_plan
from tests.results import chunk

PLAN = small_plan(chunks=6)


def chunks(encoders: Sequence[str] = ("x264",) * 6) -> list[TracksResult]:
    """Return the chunks of a job, of these encoders."""
    return [chunk(PLAN, index, encoder=encoder) for index, encoder in enumerate(encoders)]


def unit(key: UnitKey, state: State, result: str = "") -> Unit:
    """Return a unit's record."""
    return Unit(key=key, generation=1, state=state, fence=1, result=result)


PUBLISHED = {PUBLISH: unit(PUBLISH, State.DONE)}


@pytest.mark.parametrize(
    ("units", "has_source", "waiting", "budget_s", "reason"),
    [
        (PUBLISHED, True, 0, 60.0, "published"),
        (PUBLISHED, True, 1, 60.0, "other-work-waits"),
        (PUBLISHED, False, 0, 60.0, "source-not-here"),
        (PUBLISHED, True, 0, 0.0, "not-wanted"),
        (PUBLISHED | {CHECK: unit(CHECK, State.LEASED)}, True, 0, 60.0, "looked-before"),
        (PUBLISHED | {CHECK: unit(CHECK, State.WAITING)}, True, 0, 60.0, "looked-before"),
    ],
)
def test_a_look_keeps_nobody_waiting(
    units: dict[UnitKey, Unit], has_source: bool, waiting: int, budget_s: float, reason: str
) -> None:
    """It is never worth a download, and never done twice."""
    decision = sampled_quality.decide(units, has_source=has_source, waiting=waiting, budget_s=budget_s)
    assert (decision.samples, decision.reason) == (reason == "published", reason)


def test_windows_lie_at_the_start_at_splices_at_joins_and_anywhere() -> None:
    """The more telling ones first; ten frames a second, chunks of 60 frames."""
    windows = sample_windows.windows(PLAN, chunks(("a", "a", "b", "b", "b", "b")), seed="7ad4")
    assert [window.place for window in windows] == [
        WindowReason.START,
        WindowReason.SPLICE,
        *[WindowReason.JOIN] * 3,
        *[WindowReason.SAMPLE] * CHANCES,
    ]
    assert windows[0].frames == range(20)
    assert windows[1].frames == range(90, 150)
    assert {window.frames for window in windows[2:5]} < {
        range(at - 30, at + 30) for at in (60, 180, 240, 300)
    }
    assert windows == sample_windows.windows(PLAN, chunks(("a", "a", "b", "b", "b", "b")), seed="7ad4")
    assert windows != sample_windows.windows(PLAN, chunks(("a", "a", "b", "b", "b", "b")), seed="7ad5")


@given(st.integers(1, 400), st.integers(1, 30), st.text(max_size=5))
def test_windows_hold_frames_that_are_there(frames: int, chunk_frames: int, seed: str) -> None:
    """However short the film is."""
    count = max(1, frames // chunk_frames)
    grid = PLAN.grid.model_copy(update={"frames": frames, "chunk": chunk_frames, "chunks": count})
    plan = PLAN.model_copy(update={"grid": grid})
    made = [TracksResult(fingerprint=str(index % 3), files=()) for index in range(count)]
    for window in sample_windows.windows(plan, made, seed=seed):
        assert 0 <= window.frames.start < window.frames.stop <= frames


def test_parts_are_whole_segments_of_the_files_that_hold_the_frames() -> None:
    """An init segment first; at a join those on both its sides."""
    files = files_of(chunks(), "180p")
    first, parts = sample_windows.parts(PLAN, files, range(90, 150))
    assert first == 60
    assert [part.key for part in parts] == ["180p/1.mp4", "180p/1.mp4", "180p/2.mp4"]
    assert parts[0].span == range(files[1].init_bytes)
    assert parts[1].span == range(files[1].init_bytes, files[1].size_bytes)


JOIN = Window(place=WindowReason.JOIN, frames=range(30, 90))
CHANCE = Window(place=WindowReason.SAMPLE, frames=range(20))


def judged(*looked: tuple[Window, Sequence[float]], metric: Metric = Metric.SSIM) -> Quality:
    """Return what the scores say."""
    scored = [(window, Scores(metric=metric, values=tuple(values))) for window, values in looked]
    return sampled_quality.judge(PLAN, scored, job_id="7ad4", generation=1, left_out=2)


def test_the_worst_window_is_named() -> None:
    """By its mean, with its place in seconds."""
    found = judged((CHANCE, [0.98] * 20), (JOIN, [0.97] * 60))
    assert (found.worst, found.worst_at_s, found.mean) == (0.97, 6.0, 0.9725)
    assert found.alarms == ()
    assert found.sentence == "ssim 0.9725 on average in 2 samples of 180p, lowest 0.97 at 6 s (join)"


def test_a_join_that_is_worse_than_its_neighbours_raises_an_alarm() -> None:
    """Only the join's own third counts as the join."""
    found = judged((JOIN, [0.97] * 20 + [0.92] * 20 + [0.98] * 20))
    assert found.samples[0].beside == 0.97
    assert found.alarms == ("the join at 6 s has ssim 0.92, and beside it are 0.97",)


def test_a_hard_scene_is_no_bad_join() -> None:
    """Where its neighbours are no better."""
    assert judged((JOIN, [0.90] * 20 + [0.88] * 20 + [0.87] * 20)).alarms == ()


@pytest.mark.parametrize(("metric", "low", "floor"), [(Metric.SSIM, 0.7, "0.8"), (Metric.VMAF, 30.0, "40")])
def test_a_window_that_shows_something_else_raises_an_alarm(metric: Metric, low: float, floor: str) -> None:
    """Wherever it lies."""
    [alarm] = judged((CHANCE, [low] * 20), metric=metric).alarms
    assert alarm == f"the sample at 1 s has {metric} {low:g}, below {floor}"


def test_one_bad_frame_at_a_join_raises_an_alarm() -> None:
    """The mean of its third hardly shows it."""
    found = judged((JOIN, [0.97] * 20 + [0.97] * 10 + [0.19] + [0.99] * 9 + [0.96] * 20))
    assert found.alarms == ("the join at 6 s has a frame of ssim 0.19, and the worst beside it has 0.96",)


def pictures(shown: Sequence[int]) -> tuple[Pair, ...]:
    """Return small pictures of a film that grows brighter by two levels a frame, made of its frames ``shown``."""
    return tuple(
        Pair(bytes([2 * (frame + 30)]) * 4, bytes([2 * (at + 30)]) * 4) for at, frame in enumerate(shown)
    )


@pytest.mark.parametrize(
    ("window", "shown", "alarms"),
    [
        (JOIN, range(60), []),
        (
            JOIN,
            [*range(30), *range(28, 58)],
            ["the join at 6 s shows the source's frames behind it 2 too late"],
        ),
        (
            JOIN,
            [*range(3, 33), *range(30, 60)],
            ["the join at 6 s shows the source's frames before it 3 too early"],
        ),
        (
            JOIN,
            [*range(30), -10, *range(31, 60)],
            ["the join at 6 s has a frame that is 80 grey levels off the source's"],
        ),
        (CHANCE, range(-1, 19), ["the sample at 1 s shows the source's frames 1 too late"]),
    ],
)
def test_frames_in_other_places_than_their_own_raise_an_alarm(
    window: Window, shown: Sequence[int], alarms: list[str]
) -> None:
    """However well they score."""
    scores = Scores(metric=Metric.SSIM, values=(0.97,) * len(shown), pairs=pictures(shown))
    found = sampled_quality.judge(PLAN, [(window, scores)], job_id="7ad4", generation=1, left_out=0)
    assert list(found.alarms) == alarms


def test_what_nobody_looked_at_is_none() -> None:
    """A look that was cut off says nothing."""
    assert sampled_quality.quality_of(PUBLISHED) is None
    assert sampled_quality.quality_of({CHECK: unit(CHECK, State.LEASED)}) is None
    found = judged((CHANCE, [1.0] * 20))
    assert sampled_quality.quality_of({CHECK: unit(CHECK, State.DONE, found.model_dump_json())}) == found

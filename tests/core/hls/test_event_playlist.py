"""The finished beginning: what may be shown when, and lists that only grow."""

from collections.abc import Sequence
from itertools import pairwise

import pytest

from rugbytx.core.hls import event_playlist
from rugbytx.core.hls.event_playlist import Beginning
from rugbytx.core.job.job import Job
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import AUDIO, PLAN, Kind, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from tests.connection import make_job
from tests.plans import PROFILE, small_plan
from tests.results import chunk, sound

CHUNKS = 4
WHOLE = small_plan(chunks=CHUNKS)
JOB = make_job(id="7ad4", profile=PROFILE)


def units(plan: Plan, done: Sequence[int], *, audio: bool = True) -> dict[UnitKey, Unit]:
    """Return the units of a job of which these chunks are finished; all others are in work."""
    results = {PLAN: plan.model_dump_json()}
    if audio:
        results[AUDIO] = sound(plan).model_dump_json()
    results |= {UnitKey(Kind.VIDEO, index): chunk(plan, index).model_dump_json() for index in done}
    taken = {
        UnitKey(Kind.VIDEO, index): Unit(
            key=f"VIDEO#{index:05d}", generation=1, state=State.LEASED, fence=1, lease_until=9e9
        )
        for index in range(plan.grid.chunks)
        if index not in done
    }
    finished = {
        key: Unit(key=key, generation=1, state=State.DONE, fence=1, result=result)
        for key, result in results.items()
    }
    return taken | finished


@pytest.mark.parametrize(
    ("done", "shown"), [((), 0), ((1, 2), 0), ((0,), 1), ((0, 1, 3), 2), ((0, 1, 2), 3), ((0, 1, 2, 3), 0)]
)
def test_only_the_beginning_is_shown(done: tuple[int, ...], shown: int) -> None:
    """Up to the first chunk that is missing; all of it is for publishing to show."""
    found = event_playlist.beginning(JOB, WHOLE, units(WHOLE, done))
    assert (len(found.chunks) if found else 0) == shown


def test_nothing_is_shown_without_its_sound() -> None:
    """A player would begin a silent film, and never look for the sound again."""
    assert event_playlist.beginning(JOB, WHOLE, units(WHOLE, (0,), audio=False)) is None
    silent = small_plan(chunks=CHUNKS, audio=False)
    found = event_playlist.beginning(JOB, silent, units(silent, (0,), audio=False))
    assert found
    assert found.audio is None


def test_a_pinned_job_is_not_shown() -> None:
    """Its chunks may be made anew."""
    pinned = JOB.model_copy(update={"profile": PROFILE.model_copy(update={"splice": False})})
    assert event_playlist.beginning(pinned, WHOLE, units(WHOLE, (0,))) is None
    assert event_playlist.beginning(JOB, None, {}) is None


def uploaded(made: TracksResult) -> TracksResult:
    """Return a chunk with the keys of the job's outputs."""
    files = (file.model_copy(update={"key": f"out/7ad4/g1/{file.key}"}) for file in made.files)
    return made.model_copy(update={"files": tuple(files)})


def texts(job: Job, count: int, *, encoders: str = "aabb") -> dict[str, str]:
    """Return the playlists of the first chunks, by their names."""
    begun = Beginning(
        chunks=tuple(uploaded(chunk(WHOLE, index, encoder=encoders[index])) for index in range(count)),
        audio=sound(WHOLE),
    )
    return {
        key.rpartition("/")[2]: text
        for key, text in event_playlist.texts(job, WHOLE, begun.chunks, begun.audio).items()
    }


@pytest.mark.parametrize("encoders", ["aaaa", "aabb", "abab"])
def test_lists_only_grow(encoders: str) -> None:
    """Each begins with all lines of the one before, keeps its target duration, and ends with the last chunk."""
    states = [texts(JOB, count, encoders=encoders) for count in range(1, CHUNKS + 1)]
    for name in ("180p.m3u8", "90p.m3u8", "audio.m3u8"):
        for before, after in pairwise(states):
            assert after[name].startswith(before[name])
            assert "#EXT-X-ENDLIST" not in before[name]
        assert states[-1][name].endswith("#EXT-X-ENDLIST\n")
        assert "#EXT-X-PLAYLIST-TYPE:EVENT" in states[0][name]
    for state in states:
        counts = {state[name].count("#EXT-X-DISCONTINUITY") for name in ("180p.m3u8", "90p.m3u8")}
        assert len(counts) == 1


def test_the_sound_reaches_as_far_as_the_picture() -> None:
    """And no farther than a segment."""
    for count in range(1, CHUNKS + 1):
        state = texts(JOB, count)
        seconds = [
            sum(float(line[8:-1]) for line in state[name].splitlines() if line.startswith("#EXTINF:"))
            for name in ("180p.m3u8", "audio.m3u8")
        ]
        assert -0.1 <= seconds[1] - seconds[0] <= 6.1


def test_paths_lead_out_of_the_folder() -> None:
    """The master names its lists, and these the chunks that will be published."""
    state = texts(JOB, 1)
    assert set(state) == {"180p.m3u8", "90p.m3u8", "audio.m3u8", "master.m3u8"}
    assert "\n../180p/0.mp4\n" in state["180p.m3u8"]
    assert "\n180p.m3u8\n" in state["master.m3u8"]
    assert "I-FRAME" not in state["master.m3u8"]

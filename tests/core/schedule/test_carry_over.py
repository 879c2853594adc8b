"""What a retry takes over."""

from collections.abc import Mapping

import pytest

from rugbytx.core.job.job import Job, Outputs, Status
from rugbytx.core.lease.result import Mp4Result, Result, TracksResult
from rugbytx.core.lease.unit import AUDIO, MP4, PLAN, PUBLISH, Kind, State, Unit, UnitKey, to_json
from rugbytx.core.output.result import objects_of, plan_of
from rugbytx.core.output.retention import LENDS_S
from rugbytx.core.plan.plan import Plan
from rugbytx.core.schedule import carry_over
from tests.plans import PROFILE, SOURCE, small_plan
from tests.track_files import track_file

NOW = 10_000.0
CHUNKS = tuple(UnitKey(Kind.VIDEO, index) for index in range(3))
ALL = (PLAN, AUDIO, *CHUNKS, MP4, PUBLISH)
PLANNED = small_plan(chunks=3, mp4=True)
OUTPUTS = Outputs(
    master_key="out/7ad4/g1/master-f1.m3u8",
    manifest_key="out/7ad4/g1/manifest-f1.json",
    manifest_sha256="0" * 64,
    size_bytes=9,
    frames=180,
    duration_s=18.0,
    renditions=("180p", "90p"),
)


def ended(status: Status = Status.FAILED, **fields: object) -> Job:
    """Return a job whose first generation has just ended."""
    job = Job(
        id="7ad4",
        status=status,
        source=SOURCE,
        profile=PROFILE,
        chunk_s=6.0,
        submitted_at=1000.0,
        deadline_at=1900.0,
        wake_at=5000.0,
        resends=3,
        started_at=1001.0,
        ended_at=NOW - 60,
        reason="bad luck",
        units=7,
        frames=180,
    )
    return job.model_copy(update=fields)


def done(key: UnitKey, result: Result) -> Unit:
    """Return a finished unit."""
    return Unit(
        key=key, generation=1, state=State.DONE, fence=1, verdicts=2, result_json=to_json(result, key)
    )


def finished(*keys: UnitKey) -> Mapping[UnitKey, Unit]:
    """Return finished units with a file each, but for the plan and publishing."""
    results: dict[Kind, Result] = {Kind.PLAN: PLANNED, Kind.PUBLISH: OUTPUTS}
    units = {}
    for key in keys:
        file = track_file([6000], [500], key=f"out/7ad4/g1/{key}.mp4")
        made = TracksResult(fingerprint="f", files=(file,))
        mp4 = Mp4Result(key="out/7ad4/g1/180p-f1.mp4", size_bytes=9, sha256="0")
        units[key] = done(key, results.get(key.kind, mp4 if key == MP4 else made))
    return units


def sizes_of(units: Mapping[UnitKey, Unit]) -> dict[str, int]:
    """Return what a bucket shows that has everything."""
    return {key: size for unit in units.values() for key, size in objects_of(unit).items()}


TABLE = [
    # finished before, redone -> taken over
    ((), None, ()),
    ((PLAN,), None, (PLAN,)),
    ((PLAN, AUDIO, CHUNKS[2]), None, (PLAN, AUDIO, CHUNKS[2])),
    ((PLAN, CHUNKS[0]), AUDIO, (PLAN, CHUNKS[0])),
    (ALL, None, (PLAN, AUDIO, *CHUNKS, MP4)),
    (ALL, PUBLISH, (PLAN, AUDIO, *CHUNKS, MP4)),
    (ALL, MP4, (PLAN, AUDIO, *CHUNKS)),
    (ALL, CHUNKS[1], (PLAN, AUDIO, CHUNKS[0], CHUNKS[2])),
    (ALL, AUDIO, (PLAN, *CHUNKS)),
    (ALL, PLAN, ()),
]


@pytest.mark.parametrize(("before", "redo", "taken"), TABLE)
def test_table(before: tuple[UnitKey, ...], redo: UnitKey | None, taken: tuple[UnitKey, ...]) -> None:
    """What is finished stays finished, but for the unit that is redone and what is made from it."""
    units = finished(*before)
    assert tuple(carry_over.decide(ended(), units, sizes_of(units), redo=redo, now=NOW)) == taken


@pytest.mark.parametrize("state", [State.LEASED, State.WAITING])
def test_what_is_not_finished_is_not_taken_over(state: State) -> None:
    """Its lease may still run, and its last attempt may have failed."""
    units = dict(finished(PLAN, AUDIO, *CHUNKS))
    units[CHUNKS[0]] = units[CHUNKS[0]].model_copy(update={"state": state})
    taken = carry_over.decide(ended(), units, sizes_of(units), redo=None, now=NOW)
    assert tuple(taken) == (PLAN, AUDIO, CHUNKS[1], CHUNKS[2])


@pytest.mark.parametrize("seen", [None, 1])
def test_what_is_missing_is_done_again(seen: int | None) -> None:
    """So is what has another size, and the MP4 that was made from it."""
    units = finished(*ALL)
    sizes = sizes_of(units)
    (key,) = objects_of(units[CHUNKS[1]])
    del sizes[key]
    if seen is not None:
        sizes[key] = seen
    taken = carry_over.decide(ended(), units, sizes, redo=None, now=NOW)
    assert tuple(taken) == (PLAN, AUDIO, CHUNKS[0], CHUNKS[2])


@pytest.mark.parametrize(("status", "lends"), [(Status.FAILED, False), (Status.SUCCEEDED, True)])
def test_only_what_a_manifest_names_is_lent_for_good(status: Status, lends: bool) -> None:
    """Anything else may be cleaned up at any moment now."""
    outputs = OUTPUTS if status is Status.SUCCEEDED else None
    units = finished(*ALL)
    job = ended(status, outputs=outputs, ended_at=NOW - LENDS_S)
    assert bool(carry_over.decide(job, units, sizes_of(units), redo=None, now=NOW)) == lends


def test_the_next_generation_is_a_new_record() -> None:
    """It has as much time as the last one had, and nothing of what became of that."""
    job = carry_over.reopened(ended(), (PLAN, CHUNKS[0]), now=NOW)
    assert (job.generation, job.status, job.is_open) == (2, Status.QUEUED, True)
    assert (job.submitted_at, job.deadline_at, job.wake_at) == (NOW, NOW + 900, NOW + 600)
    assert (job.chunk_s, job.units, job.frames) == (6.0, 7, 180)
    assert job.adopted == ("PLAN", "VIDEO#00000")
    assert job.done == set(job.adopted)
    assert (job.reason, job.resends, job.started_at, job.ended_at) == ("", 0, None, None)


def test_without_a_plan_nobody_knows_how_much_there_is_to_do() -> None:
    """The size of the former plan is not claimed for the next one."""
    job = carry_over.reopened(ended(), (), now=NOW)
    assert (job.units, job.frames, job.done) == (0, 0, frozenset())


def test_what_was_published_stays_known() -> None:
    """Through generations that fail, until one succeeds."""
    second = carry_over.reopened(ended(Status.SUCCEEDED, outputs=OUTPUTS), (), now=NOW)
    assert (second.outputs, second.published) == (None, OUTPUTS)
    third = carry_over.reopened(second.model_copy(update={"status": Status.FAILED}), (), now=NOW)
    assert third.published == OUTPUTS


def test_missing_is_what_nobody_has_copied() -> None:
    """A unit that has any record of its own is not copied over."""
    job = carry_over.reopened(ended(), (PLAN, *CHUNKS), now=NOW)
    assert tuple(carry_over.missing(job, finished(PLAN, CHUNKS[1]))) == (CHUNKS[0], CHUNKS[2])
    assert tuple(carry_over.missing(ended(), {})) == ()


def test_a_plan_is_there_once_its_unit_is_done() -> None:
    """A unit that is being planned has none yet."""
    units = finished(PLAN)
    assert isinstance(plan_of(units), Plan)
    assert plan_of({}) is None
    assert plan_of({PLAN: units[PLAN].model_copy(update={"state": State.LEASED})}) is None

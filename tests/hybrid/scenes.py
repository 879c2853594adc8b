"""What the hybrid promises, each as a scene that is played for real, and what should hold of it."""

from collections.abc import Callable, Iterator, Sequence
from itertools import pairwise

from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, State
from rugbytx.core.schedule.next_unit import AFTER_LEASE_S
from tests.hybrid.film import CLIP_S, MATCH_S
from tests.hybrid.record import ALL_TOLD_TO_STOP, JETSON_KILLED
from tests.hybrid.stage import (
    COLD_START_S,
    GRACE_S,
    LEASE_S,
    SILENT_S,
    START_S,
    TICK_S,
    Check,
    Stage,
)

#: What a busy machine may add to any step.
SLACK_S = 10.0
#: Longer than anything takes: then something hangs.
PATIENCE_S = 300.0
LONG_S = 3600.0

Scene = Callable[[Stage], Iterator[Check]]


def one_job(stage: Stage) -> Iterator[Check]:
    """Play (a): One job wakes no AWS worker."""
    before = len(stage.decisions)
    job_id = stage.submit(MATCH_S, due_s=2 * stage.match_s)
    done = stage.until(lambda: stage.ended([job_id]), within_s=PATIENCE_S)
    desired = max((one.decision.desired for one in stage.decisions[before:]), default=0)
    job = stage.job(job_id)
    stage.match_s = (job.ended_at or 0) - (job.started_at or 0)
    stage.note(f"a match takes {stage.match_s:.1f} s on this machine's Jetson")
    yield Check(
        name="the job succeeds", holds=done and _all_succeeded(stage, [job_id]), seen=_ends(stage, [job_id])
    )
    yield Check(name="no AWS worker is ever wanted", holds=desired == 0, seen=f"desired at most {desired}")


def burst(stage: Stage) -> Iterator[Check]:
    """Play (b): Six at once: AWS workers come, the Jetson stays busy, all are in time, and AWS goes within its grace."""
    before, stage.idle_s = len(stage.decisions), 0.0
    due_s = 3.2 * stage.match_s
    job_ids = [stage.submit(MATCH_S, due_s=due_s) for _ in range(6)]
    done = stage.until(lambda: stage.ended(job_ids), within_s=PATIENCE_S)
    ended_at = stage.now_s
    gone = stage.until(stage.calm, within_s=GRACE_S + SILENT_S + SLACK_S)
    decided = [one.decision for one in stage.decisions[before:]]
    most = max((one.desired for one in decided), default=0)
    late = [job.id for job in map(stage.job, job_ids) if (job.ended_at or 0) > job.deadline_at]
    share = _frames_by_class(stage, job_ids)
    yield Check(
        name="all six succeed", holds=done and _all_succeeded(stage, job_ids), seen=_ends(stage, job_ids)
    )
    yield Check(
        name="AWS workers come",
        holds=most > 0 and share.get("aws", 0) > 0,
        seen=f"{most} at most; frames {share}",
    )
    yield Check(name="none is late", holds=not late, seen=f"late: {', '.join(late) or 'none'}")
    yield Check(
        name="the Jetson does not idle while a message waits",
        holds=stage.idle_s <= SILENT_S + SLACK_S / 2,
        seen=f"{stage.idle_s:.1f} s at the longest",
    )
    yield Check(
        name="AWS workers go within the grace",
        holds=gone,
        seen=f"{stage.now_s - ended_at:.1f} s after the last job",
    )
    yield from _nothing_twice(stage, job_ids)


def jetson_dies(stage: Stage) -> Iterator[Check]:
    """Play (c): The Jetson is killed: AWS takes over."""
    job_id = stage.submit(MATCH_S, due_s=LONG_S)
    stage.until(lambda: _is_encoding(stage, job_id), within_s=PATIENCE_S)
    killed_at = stage.now_s
    stage.jetson.kill()
    stage.mark(JETSON_KILLED)
    stage.note("the Jetson is killed")
    taken = stage.until(lambda: _is_taken_by(stage, job_id, "aws"), within_s=PATIENCE_S)
    took_s = stage.now_s - killed_at
    bound_s = max(LEASE_S + AFTER_LEASE_S, SILENT_S + TICK_S + COLD_START_S + START_S) + SLACK_S
    stage.note(f"AWS has taken over after {took_s:.1f} s")
    done = stage.until(lambda: stage.ended([job_id]), within_s=PATIENCE_S)
    redone = sum(unit.fence - 1 for _, _, unit in stage.units([job_id]))
    for sentence in stage.local.replace_dead():
        stage.note(sentence)
    yield Check(
        name="AWS takes over in time",
        holds=taken and took_s <= bound_s,
        seen=f"{took_s:.1f} s, at most {bound_s:.0f} s",
    )
    yield Check(
        name="the job succeeds", holds=done and _all_succeeded(stage, [job_id]), seen=_ends(stage, [job_id])
    )
    yield Check(name="one unit is done again at most", holds=redone <= 1, seen=f"{redone} units")
    stage.until(stage.calm, within_s=PATIENCE_S)


def scale_in(stage: Stage) -> Iterator[Check]:
    """Play (d): Scale-in is ordered while AWS workers are at work: none of those is stopped."""
    # All three are too late whatever is done, so that each worker is wanted until there is nothing left to do.
    job_ids = [stage.submit(MATCH_S, due_s=0.6 * stage.match_s) for _ in range(3)]
    # A worker takes a unit up to a second before it says that it is at work.
    stage.until(lambda: bool(_busy_aws(stage)), within_s=PATIENCE_S)
    busy = _busy_aws(stage)
    stage.fleet.set_desired(0)
    stage.mark(ALL_TOLD_TO_STOP)
    stage.note(f"somebody orders ECS to stop all tasks, while {len(busy)} are at work")
    stage.until(lambda: stage.ended(job_ids), within_s=PATIENCE_S)
    handed_back = [f"{job_id} {key}" for job_id, key, unit in stage.units(job_ids) if unit.fence > 1]
    yield Check(name="AWS workers were at work", holds=bool(busy), seen=f"{len(busy)} of them")
    yield Check(name="no unit is lost to it", holds=not handed_back, seen=", ".join(handed_back) or "none")
    yield Check(name="the jobs succeed", holds=_all_succeeded(stage, job_ids), seen=_ends(stage, job_ids))
    stage.until(stage.calm, within_s=PATIENCE_S)


def clip_behind_matches(stage: Stage) -> Iterator[Check]:
    """Play (e): A clip behind three matches starts within one chunk."""
    matches = [stage.submit(MATCH_S, due_s=LONG_S) for _ in range(3)]
    stage.until(lambda: any(_is_encoding(stage, job_id) for job_id in matches), within_s=PATIENCE_S)
    clip = stage.submit(CLIP_S, due_s=LONG_S)
    submitted_at = stage.connection.store.now()
    stage.until(lambda: stage.ended([clip]), within_s=PATIENCE_S)
    started_at = min(unit.measured.started_at for _, _, unit in stage.units([clip]))
    between = [
        f"{job_id} {key}"
        for job_id, key, unit in stage.units(matches)
        if key.kind is Kind.VIDEO and submitted_at < unit.measured.started_at < started_at
    ]
    yield Check(
        name="no further chunk of a match begins before the clip",
        holds=len(between) <= 1,
        seen=f"{len(between)} began; the clip after {started_at - submitted_at:.1f} s",
    )
    done = stage.until(lambda: stage.ended(matches), within_s=PATIENCE_S)
    yield Check(
        name="all succeed", holds=done and _all_succeeded(stage, [clip, *matches]), seen=_ends(stage, [clip])
    )
    yield from _nothing_twice(stage, [clip, *matches])


def assisted(stage: Stage) -> Iterator[Check]:
    """Play (f): A match that the Jetson alone would finish too late is assisted, spliced once, and on time."""
    before = len(stage.decisions)
    # With its margin that leaves the Jetson about three quarters of the time that it would need.
    job_id = stage.submit(MATCH_S, due_s=0.65 * stage.match_s + SLACK_S)
    stage.until(lambda: stage.ended([job_id]), within_s=PATIENCE_S)
    job = stage.job(job_id)
    sent = sum(one.count for found in stage.decisions[before:] for one in found.decision.assists)
    makers = [
        unit.maker
        for _, key, unit in sorted(stage.units([job_id]), key=lambda one: one[1])
        if key.kind is Kind.VIDEO
    ]
    splices = sum(first != second for first, second in pairwise(makers))
    late_s = (job.ended_at or float("inf")) - job.deadline_at
    yield Check(name="it is assisted", holds=sent > 0, seen=f"{sent} assists")
    yield Check(name="it is spliced once", holds=splices == 1, seen=f"{splices} splices")
    yield Check(name="it is on time", holds=late_s <= 0, seen=f"{-late_s:.1f} s before its deadline")
    yield from _nothing_twice(stage, [job_id])
    stage.until(stage.calm, within_s=PATIENCE_S)


SCENES: Sequence[tuple[str, Scene]] = (
    ("a", one_job),
    ("b", burst),
    ("c", jetson_dies),
    ("d", scale_in),
    ("e", clip_behind_matches),
    ("f", assisted),
)


def _all_succeeded(stage: Stage, job_ids: Sequence[str]) -> bool:
    return all(stage.job(job_id).status is Status.SUCCEEDED for job_id in job_ids)


def _ends(stage: Stage, job_ids: Sequence[str]) -> str:
    jobs = [stage.job(job_id) for job_id in job_ids]
    spare_s = [job.deadline_at - (job.ended_at or job.deadline_at) for job in jobs]
    return ", ".join(
        f"{job.status} {abs(spare):.0f} s {'late' if spare < 0 else 'early'}"
        for job, spare in zip(jobs, spare_s, strict=True)
    )


def _nothing_twice(stage: Stage, job_ids: Sequence[str]) -> Iterator[Check]:
    again = [f"{job_id} {key}" for job_id, key, unit in stage.units(job_ids) if unit.fence > 1]
    yield Check(name="nothing is done twice", holds=not again, seen=", ".join(again) or "each unit once")


def _is_encoding(stage: Stage, job_id: str) -> bool:
    return any(key.kind is Kind.VIDEO for _, key, _ in stage.units([job_id]))


def _busy_aws(stage: Stage) -> set[str]:
    """Return the AWS workers that say that they are at work."""
    return {
        one.name for one in stage.connection.store.workers.list() if one.worker_class == "aws" and one.busy
    }


def _is_taken_by(stage: Stage, job_id: str, worker_class: str) -> bool:
    return any(
        unit.state is State.LEASED and unit.owner.startswith(worker_class)
        for _, _, unit in stage.units([job_id])
    )


def _frames_by_class(stage: Stage, job_ids: Sequence[str]) -> dict[str, int]:
    frames: dict[str, int] = {}
    for _, key, unit in stage.units(job_ids):
        if key.kind is Kind.VIDEO:
            name = str(unit.measured.worker_class or "")
            frames[name] = frames.get(name, 0) + unit.measured.frames
    return frames

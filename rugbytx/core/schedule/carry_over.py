"""What the next generation of an ended job takes over from the one before.

A unit that is finished, and whose files are still in the bucket, need not be
done again: the files stay where they are, and the new manifest names them
there.  The opening of the generation lists the units; their records are copied
by whichever lane comes first, and by the next one where that was cut off::

    generation 1   PLAN ✓  AUDIO ✓  VIDEO#0 ✓  VIDEO#1 ✗           FAILED
                     │        │        │
    generation 2   PLAN ✓  AUDIO ✓  VIDEO#0 ✓  VIDEO#1 →  PUBLISH →
"""

from collections.abc import Mapping, Sequence

from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import PLAN, PUBLISH, State, Unit, UnitKey
from rugbytx.core.output import retention
from rugbytx.core.output.result import objects_of, plan_of
from rugbytx.core.schedule.next_unit import stages
from rugbytx.core.schedule.resend import FIRST_RESEND_S


def decide(
    job: Job, units: Mapping[UnitKey, Unit], sizes: Mapping[str, int], *, redo: UnitKey | None, now: float
) -> Sequence[UnitKey]:
    """Return the units of the ended ``job`` that its next generation takes over.

    ``sizes`` are those of the objects that the bucket has.  ``redo`` is a unit
    to be done again whatever it left; a stage is taken over only if the one
    before it was taken over whole, because it is made from it.  Publishing is
    always done again: a manifest belongs to its generation.
    """
    plan = plan_of(units)
    if plan is None or redo == PLAN or not retention.lends(job, now=now):
        return ()
    adopted: list[UnitKey] = []
    for stage in stages(plan):
        whole = [key for key in stage if key not in {redo, PUBLISH} and _is_whole(units.get(key), sizes)]
        adopted += whole
        if len(whole) < len(stage):
            break
    return adopted


def reopened(job: Job, adopted: Sequence[UnitKey], *, now: float) -> Job:
    """Return the record that opens the ended ``job``'s next generation, with as much time as the last had."""
    names = tuple(map(str, adopted))
    return Job(
        id=job.id,
        generation=job.generation + 1,
        status=Status.QUEUED,
        source=job.source,
        profile=job.profile,
        chunk_s=job.chunk_s,
        submitted_at=now,
        deadline_at=now + job.deadline_at - job.submitted_at,
        wake_at=now + FIRST_RESEND_S,
        done=frozenset(names),
        units=job.units if names else 0,
        frames=job.frames if names else 0,
        adopted=names,
        published=job.outputs or job.published,
        pin=job.pin if names else "",
        notify=job.notify,
        endings=job.endings_with_this(),
    )


def missing(job: Job, units: Mapping[UnitKey, Unit]) -> Sequence[UnitKey]:
    """Return the units that the open ``job`` takes over and whose records were not copied yet."""
    return [key for key in map(UnitKey.parse, job.adopted) if key not in units]


def _is_whole(unit: Unit | None, sizes: Mapping[str, int]) -> bool:
    """Return whether a unit is finished and the bucket has all that it made."""
    if unit is None or unit.state is not State.DONE:
        return False
    return all(sizes.get(key) == size_bytes for key, size_bytes in objects_of(unit).items())

"""Tell of what is finished of a job that is still worked on: on its record, and to whoever wants to watch.

The early playlists are the one thing in the bucket that is written more than
once: a player comes back to the same address.  So they hold no truth, are in no
manifest, and go with the clean-up a day after the job's end.
"""

import logging
from collections.abc import Mapping

from rugbytx.core.cost import forecast
from rugbytx.core.hls import event_playlist
from rugbytx.core.hls.event_playlist import Beginning
from rugbytx.core.job.job import Job
from rugbytx.core.lease.unit import CHECK, State, Unit, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.plan.plan import Plan
from rugbytx.core.schedule import encoder_pin, next_unit
from rugbytx.errors import RugbytxError
from rugbytx.ports import Ports, lease_name
from rugbytx.ports.service import Storage
from rugbytx.ports.store import Jobs

log = logging.getLogger(__name__)

#: One lane at a time writes a job's early playlists, so that a slow one hardly puts a shorter list in a longer one's place.
HOLD_S = 15.0


def complete_record(jobs: Jobs, job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit]) -> None:
    """Repeat what a commit should have left on the job's record, where it is missing."""
    if plan and not job.work_px:
        jobs.record_plan(
            job.id,
            job.generation,
            units=next_unit.unit_count(plan),
            frames=plan.grid.frames,
            work_px=forecast.work_px(plan),
        )
    # A look is none of the plan's units, and a chunk that is to be made anew is not finished.
    finished = [
        key
        for key, unit in units.items()
        if unit.state is State.DONE
        and key != CHECK
        and not encoder_pin.is_outdated(encoder_pin.of(job), unit)
    ]
    missing = [key for key in finished if str(key) not in job.done]
    if missing:
        jobs.add_done(job.id, job.generation, missing)


def show(  # noqa: PLR0913  what, of which job, where, who, and what is known already
    job: Job,
    plan: Plan | None,
    units: Mapping[UnitKey, Unit],
    *,
    ports: Ports,
    bucket: str,
    owner: str,
    shown: int,
) -> int:
    """Show the finished beginning where it has more than the ``shown`` chunks; return how many it has.

    A failure is only logged: the next chunk brings the next try.
    """
    beginning = event_playlist.beginning(job, plan, units, shown=shown)
    if plan is None or beginning is None:
        return shown
    try:
        if ports.store.leases.acquire(lease_name.early(job.id), owner=owner, lease_s=HOLD_S):
            write(beginning, job, plan, storage=ports.storage, bucket=bucket)
    except RugbytxError as error:
        log.warning("early-not-shown", extra={"job_id": job.id, "reason": str(error)})
    return len(beginning.chunks)


def write(beginning: Beginning, job: Job, plan: Plan, *, storage: Storage, bucket: str) -> None:
    """Write the playlists, the master last."""
    for key, text in event_playlist.texts(job, plan, beginning.chunks, beginning.audio).items():
        storage.put(text.encode(), bucket, key, content_type=object_keys.PLAYLIST_TYPE)

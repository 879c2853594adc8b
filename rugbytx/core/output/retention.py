"""Which objects may go: what no manifest names, once nobody can need it any more.

::

    a generation ends ──── LENDS_S ────┬─ CLEAN_AFTER_S ──► what no manifest names goes
      its manifest's strays go at once │ from here on a retry takes nothing over
                                       └─ unless a manifest names it

A lane cleans once, right after it has published, and the sweep again a day
later: a worker that was frozen may upload long after its lease was lost.  Until
then a retry may take over what a generation that did not succeed has finished.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rugbytx.core.job.job import Job, Outputs
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import Manifest

#: How long after its end a generation is cleaned up.
CLEAN_AFTER_S = 24 * 3600.0

#: How long a retry may take over the units of a generation that did not succeed.  It ends an hour before the clean-
#: up, so that neither has to know how far the other is.
LENDS_S = CLEAN_AFTER_S - 3600.0

#: Clean-ups fall due on the hour, so that an end that is written several times schedules one.
DUE_STEP_S = 3600


@dataclass(frozen=True, kw_only=True)
class Cleaning:
    """A clean-up of a job's objects, and when it is due."""

    job_id: str
    #: Store time, in whole seconds.
    due_at: int


@dataclass(frozen=True, kw_only=True)
class CleanupDecision:
    """Whether to clean up after a job, what to spare, and why."""

    clean: bool
    reason: str
    #: The outputs whose manifest says what stays; None where nothing does.
    spared: Outputs | None = None


def due_at(ended_at: float) -> int:
    """Return when a generation that ends now is due: never early, and on the hour.

    >>> due_at(0.0), due_at(0.5), due_at(3600.0)
    (86400, 90000, 90000)
    """
    return -int(-(ended_at + CLEAN_AFTER_S) // DUE_STEP_S) * DUE_STEP_S


def decide(job: Job | None, *, now: float) -> CleanupDecision:
    """Return what a due clean-up does for a job as it stands.

    Whatever ended the job, or will end it, schedules a clean-up of its own: so
    there is nothing to do, and nothing to schedule, for one that is open or ended
    lately.
    """
    if job is None:
        return CleanupDecision(clean=True, reason="job-removed")
    if job.is_open or job.ended_at is None:
        return CleanupDecision(clean=False, reason="job-open")
    if now < job.ended_at + CLEAN_AFTER_S:
        return CleanupDecision(clean=False, reason="ended-lately")
    return CleanupDecision(clean=True, reason="job-ended", spared=job.outputs or job.published)


def strays(
    keys: Iterable[str], manifest: Manifest | None, outputs: Outputs | None, *, look_fence: int | None = None
) -> Sequence[str]:
    """Return the keys that neither the manifest names nor belong to it.

    What samples said of the outputs is written after the manifest, and stays with
    them: what the CHECK unit wrote that was committed under ``look_fence``, where one was.

    >>> strays(["out/7ad4/g1/720p/00000-f1.mp4"], None, None)
    ['out/7ad4/g1/720p/00000-f1.mp4']
    """
    named = {entry.key for entry in manifest.entries} if manifest else set()
    if outputs:
        named.add(outputs.manifest_key)
    if manifest and look_fence is not None:
        named.add(object_keys.quality_key(manifest.job_id, manifest.generation, look_fence))
    return [key for key in keys if key not in named]


def lends(job: Job, *, now: float) -> bool:
    """Return whether the next generation may take over what this ended one has finished.

    What a manifest names stays for good; anything else only until the clean-up.
    """
    return job.outputs is not None or (job.ended_at is not None and now < job.ended_at + LENDS_S)

"""What must hold, judged from what was seen: pure functions, one for each way to break a promise.

Each returns sentences; no sentence means that it held.  The numbers are those
of ARCHITECTURE.md, *What must always hold*.
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from tests.chaos.footage import Film
from tests.chaos.killer import Hit
from tests.chaos.schedule import Kind
from tests.chaos.watch import CHECK, JOB, OPEN, Change, Fields
from tests.chaos.weather import Gale

#: From a kill to the next worker's first progress of that unit: the lease and this much.
TAKEOVER_S = 15.0
#: How much late the journal may be, and a little more.
LATE_S = 0.3
#: What makes an attempt fall silent; the others end in words.
SILENT = frozenset({Kind.KILL_MAIN, Kind.KILL_CHILD, Kind.FREEZE, Kind.TERMINATE})


def lost(jobs: Mapping[str, Fields], films: Mapping[str, Film], changes: Sequence[Change]) -> list[str]:
    """3 and 8: every job ended, a good one with its outputs, a bad one with a reason and without a retry."""
    return list(_lost(jobs, films, changes))


def _lost(jobs: Mapping[str, Fields], films: Mapping[str, Film], changes: Sequence[Change]) -> Iterator[str]:
    units = defaultdict[str, list[Change]](list)
    for change in changes:
        if change.name != JOB:
            units[change.job_id].append(change)
    for job_id, film in films.items():
        job = jobs[job_id]
        status, reason = job["job_status"], job.get("reason", "")
        name = f"job {job_id} ({film.path.name})"
        if status in OPEN:
            yield (
                f"{name} is {status} with {len(job.get('done', ()))} units done,"
                f" to be woken {job['wake_at'] - job['submitted_at']:.0f} s after it was submitted: {_latest(units[job_id])}"
            )
        elif film.is_bad and (status != "FAILED" or len(reason.split()) < 3):
            yield f"{name} is no video, and ended {status} with the reason {reason!r}"
        elif film.is_bad and any(
            change.is_claim and change.before.get("reason") == reason for change in units[job_id]
        ):
            yield f"{name} is no video, and was tried again after that was found: {reason}"
        elif not film.is_bad and status != "SUCCEEDED":
            yield f"{name} is a good video, and ended {status}: {reason}"


def _latest(changes: Sequence[Change]) -> str:
    """Return how the units of a job stand that are not done."""
    units = {change.name: change.after for change in changes}
    open_units = [
        f"{name} is {unit['state']} by {unit.get('owner') or 'nobody'} (fence {unit['fence']},"
        f" verdicts {unit.get('verdicts', 0)}, deaths {unit.get('deaths', 0)}, {unit.get('reason') or 'no reason'})"
        for name, unit in units.items()
        if unit and unit["state"] != "DONE"
    ]
    return "; ".join(open_units) or "no unit is in work"


def doubled(changes: Sequence[Change]) -> list[str]:
    """1: at most one commit per unit and one end per job; fences never fall; what is done stays as it is."""
    return list(_doubled(changes))


def _doubled(changes: Sequence[Change]) -> Iterator[str]:
    commits, ends = Counter[str](), Counter[str]()
    for change in changes:
        what = f"{change.name} of {change.job_id}, generation {change.generation}"
        before, after = change.before, change.after
        if change.name == JOB:
            if after.get("job_status") not in OPEN and before.get("job_status") in OPEN:
                ends[what] += 1
            if before.get("job_status", "QUEUED") not in OPEN and _told(before) != _told(after):
                yield f"{what} was {before['job_status']} and changed to {after.get('job_status')}"
            continue
        if after.get("fence", 0) < before.get("fence", 0):
            yield f"{what}: its fence fell from {before['fence']} to {after.get('fence', 0)}"
        if change.turned("state", "DONE"):
            commits[what] += 1
        if before.get("state") == "DONE" and any(
            before.get(name) != after.get(name) for name in ("state", "fence", "result")
        ):
            yield f"{what} was done under fence {before['fence']}, and changed"
    yield from (f"{what} was committed {count} times" for what, count in commits.items() if count > 1)
    yield from (f"{what} ended {count} times" for what, count in ends.items() if count > 1)


def _told(job: Fields) -> tuple[object, ...]:
    """Return what an ended job has told the world."""
    return tuple(job.get(name) for name in ("generation", "job_status", "outputs", "reason"))


@dataclass(frozen=True, kw_only=True)
class Redo:
    """A unit that was claimed once more: from when to when the attempt before it was in work."""

    job_id: str
    name: str
    fence: int
    owner: str
    slot: int
    at: float
    until: float
    #: What the record says of the attempt's end.
    end: str


def redone(changes: Sequence[Change], slots: Mapping[str, int]) -> list[Redo]:
    """Return every attempt that came to nothing and was followed by another."""
    claims = [change for change in changes if change.is_claim]
    redos = []
    for claim in claims:
        if claim.before.get("fence", 0) == 0:
            continue
        [first] = [
            other
            for other in claims
            if _unit(other) == _unit(claim) and other.after["fence"] == claim.before["fence"]
        ]
        owner = first.after["owner"]
        later = [
            other.at
            for other in claims
            if other.at > first.at and owner == other.after["owner"] and other is not claim
        ]
        said = claim.before.get("reason", "") if claim.before["state"] == "WAITING" else "fell silent"
        redos.append(
            Redo(
                job_id=claim.job_id,
                name=claim.name,
                fence=first.after["fence"],
                owner=owner,
                slot=slots[owner],
                at=first.at,
                until=min([claim.at, *later]),
                end=said,
            )
        )
    return redos


def _unit(change: Change) -> tuple[str, str, int]:
    return change.job_id, change.name, change.generation


def unexplained(redos: Sequence[Redo], hits: Sequence[Hit], gales: Sequence[Gale]) -> list[str]:
    """Require that a kill, freeze or cut costs one unit at most in each slot that it hit, and nothing else any.

    Each blow, and each storm in each slot, may account for one redone unit that
    was in work while it lasted.  The attempts of one slot follow one another,
    so that giving each the earliest cause that fits wastes none.
    """
    causes = [(hit.at, hit.until, hit.slot, hit.owner) for hit in hits]
    causes += [(gale.at, gale.until, gale.slot, "") for gale in gales if gale.hurt]
    causes.sort(key=lambda cause: cause[1])
    sentences = []
    for redo in sorted(redos, key=lambda redo: redo.until):
        for cause in causes:
            began_at, ended_at, slot, owner = cause
            fits = slot == redo.slot and owner in {"", redo.owner}
            if fits and began_at <= redo.until + LATE_S and ended_at >= redo.at - LATE_S:
                causes.remove(cause)
                break
        else:
            sentences.append(
                f"{redo.name} of {redo.job_id} was redone after its attempt {redo.fence} by {redo.owner}"
                f" ({redo.until - redo.at:.1f} s: {redo.end}), and nothing befell that slot which another redone unit does not account for"
            )
    return sentences


@dataclass(frozen=True, kw_only=True)
class Takeover:
    """How a unit went on after the worker that had it was struck down."""

    hit: Hit
    claimed_s: float
    #: To the first progress under the next fence.
    progress_s: float
    #: Something befell the slot that took over, too.
    is_disturbed: bool


def takeovers(
    changes: Sequence[Change], hits: Sequence[Hit], gales: Sequence[Gale], slots: Mapping[str, int]
) -> Iterator[Takeover]:
    """Yield how each unit went on whose attempt a blow ended in silence."""
    for hit in hits:
        if hit.held is None or hit.kind not in SILENT:
            continue
        later = [
            change
            for change in changes
            if change.at > hit.at and (change.job_id, change.name) == (hit.held.job_id, hit.held.name)
        ]
        claim = next((change for change in later if change.is_claim), None)
        if claim is None:
            continue  # it committed after all
        progress = next((change for change in later if _has_progress(change, claim.after["fence"])), None)
        end = progress.at if progress else claim.at
        slot = slots[claim.after["owner"]]
        yield Takeover(
            hit=hit,
            claimed_s=claim.at - hit.at,
            progress_s=end - hit.at,
            is_disturbed=progress is None
            or any(
                gale.hurt and gale.slot == slot and gale.at < end and gale.until > hit.at for gale in gales
            )
            or any(
                other is not hit and other.slot == slot and hit.at < other.until and other.at < end
                for other in hits
            ),
        )


def _has_progress(change: Change, fence: int) -> bool:
    """Return whether a write under this fence shows that its work has moved."""
    if change.is_claim or change.after.get("fence") != fence:
        return False
    return change.after["state"] == "DONE" or '"frames":0' not in change.after.get("progress", '"frames":0')


def slow(found: Sequence[Takeover], *, lease_s: float) -> list[str]:
    """Takeover starts within the lease: measured to the first progress, and where nothing else interfered."""
    return [
        f"{one.hit.held.name} of {one.hit.held.job_id} went on {one.progress_s:.1f} s after {one.hit.kind} of {one.hit.owner}"
        for one in found
        if one.hit.held and not one.is_disturbed and one.progress_s > lease_s + TAKEOVER_S
    ]


def stray(
    keys: Mapping[str, Sequence[str]], named: Mapping[str, frozenset[str]], changes: Sequence[Change]
) -> list[str]:
    """2: nothing remains that no manifest names; ``keys`` is what the bucket holds, by job.

    A look at the quality comes after the manifest: its one report stands beside.
    """
    reports = {
        f"out/{change.job_id}/g{change.generation}/quality-f{change.after['fence']}.json"
        for change in changes
        if change.name == CHECK and change.turned("state", "DONE")
    }
    return [
        key
        for job_id, found in keys.items()
        for key in found
        if key not in named.get(job_id, frozenset()) and key not in reports
    ]

"""What was seen, held against what must hold: from the store, the bucket, the logs and the process table."""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.clock import StoreTime
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.local.resources import dead_letter_queue
from rugbytx.upkeep.cleanup import clean_once
from tests.chaos import invariants, outputs, table
from tests.chaos.killer import encoders
from tests.chaos.siege import LEASE_S, Siege
from tests.chaos.watch import JOB
from tests.processes import survivors

#: A clean-up takes some jobs at a time.
MOST_CLEAN_UPS = 100


def judge(siege: Siege, *, seed: int, took_s: float, clock: str, folder: Path) -> table.Report:
    """Hold what was seen against what must hold."""
    journal, slots, gales = siege.journal, siege.slots, siege.sky.gales
    owners = {owner: slot.number for slot in slots for owner in slot.owners}
    bucket, s3 = siege.system.settings.output_bucket, client("s3")
    inspected = {
        job_id: outputs.inspect(s3, bucket, journal.jobs[job_id], film, folder)
        for job_id, film in siege.films.items()
        if "outputs" in journal.jobs[job_id]
    }
    named = {job_id: found.named for job_id, found in inspected.items()}
    before = invariants.stray(_keys(siege), named, journal.changes)
    clean_up_tomorrow(siege)
    strays = invariants.stray(_keys(siege), named, journal.changes)
    redos = invariants.redone(journal.changes, owners)
    takeovers = list(invariants.takeovers(journal.changes, siege.hits, gales, owners))
    deliveries, messages = received(siege.system.folder)
    left = [*survivors("CHAOS_MARK", siege.mark), *map(str, encoders(siege.system.settings.scratch))]
    messages_left = siege.messages_left()
    dead_letters = siege.messages_left(dead_letter_queue(siege.system.settings.queue))
    told = {
        "lost": invariants.lost(journal.jobs, siege.films, journal.changes),
        "doubled": invariants.doubled(journal.changes),
        "torn": [sentence for found in inspected.values() for sentence in found.torn],
        "stray": strays,
        "orphans": [*left, *(orphan for slot in slots for orphan in slot.orphans), *siege.outlived],
        "redone without a cause": invariants.unexplained(redos, siege.hits, gales),
        "slow takeovers": invariants.slow(takeovers, lease_s=LEASE_S),
        "slow to leave": [name for slot in slots for name in slot.slow_to_leave],
        "workers that ended by themselves": [end for slot in slots for end in slot.uninvited],
        "messages left": [f"{messages_left} in the queue"] if messages_left else [],
        "dead letters": [f"{dead_letters} in the dead-letter queue"] if dead_letters else [],
    }
    faults = sum((proxy.hurt() for proxy in siege.proxies), Counter[tuple[str, str, str]]())
    return table.Report(
        seed=seed,
        jobs=len(siege.films) + len(siege.waiting),
        statuses=dict(Counter(job["job_status"] for job in journal.jobs.values())),
        took_s=took_s,
        clock=clock,
        kills=dict(Counter(hit.kind.value for hit in siege.hits)),
        storms=dict(Counter(gale.name for gale in gales)),
        faults=_by_fault(faults),
        unspent=len(siege.events) + len(siege.due),
        purges=siege.purges,
        units=sum(change.turned("state", "DONE") for change in journal.changes if change.name != JOB),
        redone=len(redos),
        deliveries=deliveries,
        redeliveries=deliveries - messages,
        restarts=sum(slot.restarts for slot in slots),
        failed_starts=tuple(end for slot in slots for end in slot.failed_starts),
        worst_takeover_s=max((one.progress_s for one in takeovers), default=0.0),
        worst_undisturbed_takeover_s=max(
            (one.progress_s for one in takeovers if not one.is_disturbed), default=0.0
        ),
        messages_left=messages_left,
        dead_letters=dead_letters,
        strays_before_clean_up=len(before),
        broken={name: tuple(sentences) for name, sentences in told.items()},
    )


class Tomorrow(StoreTime):
    """The store's time as it will be when the clean-ups of today are due: a day later, on the hour."""

    def now(self) -> float | None:
        """Return tomorrow's time."""
        now = super().now()
        return None if now is None else now + 26 * 3600


def clean_up_tomorrow(siege: Siege) -> None:
    """Do the clean-up that a sweep does a day later, after whatever frozen workers have uploaded."""
    settings = siege.system.settings
    tomorrow = open_store(settings.table, time=Tomorrow())
    for _ in range(MOST_CLEAN_UPS):
        if not tomorrow.cleanups.list_due(1):
            return
        clean_once(tomorrow, siege.connection.storage, settings.output_bucket)


def _keys(siege: Siege) -> Mapping[str, Sequence[str]]:
    """Return what the bucket holds of each job."""
    bucket, s3 = siege.system.settings.output_bucket, client("s3")
    return {job_id: outputs.keys(s3, bucket, job_id) for job_id in siege.films}


def received(folder: Path) -> tuple[int, int]:
    """Return how many deliveries the workers' logs tell of, and of how many messages."""
    ids: Counter[str] = Counter()
    for log in folder.glob("jetson-*.log"):
        for line in log.read_text(encoding="utf-8", errors="replace").splitlines():
            before, _, after = line.partition("Task rugbytx.transcode[")
            if after and "received" in after and before is not None:
                ids[after.partition("]")[0]] += 1
    return ids.total(), len(ids)


def _by_fault(hurt: Mapping[tuple[str, str, str], int]) -> Mapping[str, int]:
    counts: Counter[str] = Counter()
    for (_service, _operation, fault), count in hurt.items():
        counts[fault] += count
    return dict(counts)

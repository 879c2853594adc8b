"""Claims, renewals and commits beside raw conditional UpdateItem calls, with many who want the same."""

import sys
import threading
import time
import uuid
from collections.abc import Callable
from functools import partial
from pathlib import Path

from rugbytx import profiles
from rugbytx.aws.client import client
from rugbytx.aws.dynamodb.store import open_store
from rugbytx.core.job.job import Job, Source
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.lease.unit import Kind, Measured, UnitKey, UnitProgress
from tests.bench import turn, world
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale

LEASE_S = 120.0
#: What one cycle of who wins a unit writes: the claim, the renewal of unit and job, the commit.
WRITES = 4
#: For each crowd, as many units as keep all runs about as long.
CROWDS = {1: 200, 8: 60, 64: 12}

SMOKE = {8: 2}

#: Does one cycle for a unit's number; returns how many writes it sent.
Cycle = Callable[[int], int]


def measure(folder: Path, scale: Scale) -> Result:
    """Let crowds of threads go for the same units, in a process of their own."""
    figures: list[Figure] = []
    details: dict[str, dict[str, list[float]]] = {}
    with world.system(folder, {}) as local:
        table = local.settings.table
        for crowd, units in CROWDS.items() if scale is Scale.FULL else SMOKE.items():
            argv = (sys.executable, "-m", "tests.bench.store", table, str(crowd), str(units))
            pairs = turn.in_turn(
                partial(_rate, (*argv, "ours")),
                partial(_rate, (*argv, "raw")),
                rounds=scale.of(3, 1),
                warm=scale is Scale.FULL,
            )
            figures.append(
                Figure(
                    name=f"writes a second, {crowd} at once",
                    ratios=tuple(mine / raw for mine, raw in pairs),
                    goal=0.8,
                    bound=Bound.AT_LEAST,
                )
            )
            details[f"{crowd} at once"] = {
                "ours": world.rounded([mine for mine, _ in pairs], 0),
                "raw": world.rounded([raw for _, raw in pairs], 0),
            }
    return Result(
        name="store",
        ours="claim, renew, commit, for units that all want",
        reference="as many raw conditional UpdateItem calls",
        figures=tuple(figures),
        details=details,
    )


def _rate(argv: tuple[str, ...]) -> float:
    return float(world.run(argv, {}))


def rate(cycle: Cycle, *, crowd: int, units: int) -> float:
    """Return how many writes a second a crowd sends, each of whom goes through all units in order."""
    sent: list[int] = []
    together = threading.Barrier(crowd + 1)

    def one() -> None:
        together.wait()
        sent.append(sum(cycle(number) for number in range(units)))

    threads = [threading.Thread(target=one) for _ in range(crowd)]
    for thread in threads:
        thread.start()
    together.wait()
    began = time.perf_counter()
    for thread in threads:
        thread.join()
    took_s = time.perf_counter() - began
    if len(sent) != crowd:
        raise RuntimeError("a thread ended early")
    return sum(sent) / took_s


def ours(table: str) -> Cycle:
    """Return the cycle through the store."""
    store = open_store(table, client=client("dynamodb"))
    source = Source(bucket="b", key=uuid.uuid4().hex, etag="e", size_bytes=1)
    now = store.now()
    job = store.jobs.create(
        Job(
            id=uuid.uuid4().hex[:20],
            source=source,
            profile=profiles.load("match", None),
            submitted_at=now,
            deadline_at=now + 3600,
            wake_at=now + 600,
        )
    )

    def cycle(number: int) -> int:
        key = UnitKey(Kind.VIDEO, number)
        lease = store.units.claim(job, key, None, owner=threading.current_thread().name, lease_s=LEASE_S)
        if lease is None:
            return 1
        lease = store.units.renew(
            lease, lease_s=LEASE_S, progress=UnitProgress(step="encode", frames=100, fps=25.0)
        )
        store.units.commit(
            lease, result=TracksResult(fingerprint="f", files=()), measured=Measured(frames=1500)
        )
        return WRITES

    return cycle


def raw(table: str) -> Cycle:
    """Return the cycle by hand: one who wins, as many writes, each with a condition."""
    dynamodb, mark = client("dynamodb"), uuid.uuid4().hex

    def update(number: int, condition: str) -> bool:
        try:
            dynamodb.update_item(
                TableName=table,
                Key={"pk": {"S": f"RAW#{mark}"}, "sk": {"S": f"{number:05d}"}},
                UpdateExpression="SET #o = :o, #f = :f",
                ConditionExpression=condition,
                ExpressionAttributeNames={"#o": "owner", "#f": "fence"},
                ExpressionAttributeValues={
                    ":o": {"S": threading.current_thread().name},
                    ":f": {"N": str(number)},
                },
            )
        except dynamodb.exceptions.ConditionalCheckFailedException:
            return False
        return True

    def cycle(number: int) -> int:
        if not update(number, "attribute_not_exists(#o)"):
            return 1
        for _ in range(WRITES - 1):
            update(number, "#f = :f AND #o = :o")
        return WRITES

    return cycle


if __name__ == "__main__":
    _, table_name, crowd_size, unit_count, which = sys.argv
    chosen = {"ours": ours, "raw": raw}[which](table_name)
    print(rate(chosen, crowd=int(crowd_size), units=int(unit_count)))  # noqa: T201  the parent reads it

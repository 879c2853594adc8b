"""What a worker that has nothing to do asks of AWS, beside a plain Celery worker, all in one window."""

import random
import time
from collections import Counter
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.local.autoscaling import decide_in_background
from tests.bench import world
from tests.bench.figure import Figure, Result
from tests.bench.turn import Scale
from tests.faults.proxy import FaultProxy

if TYPE_CHECKING:
    from rugbytx.local.fleet import LocalWorker

#: From here on nothing of a worker's start is seen.
SETTLE_S = 5
MONTH_S = 365.25 * 86_400 / 12
#: Dollars for a million: SQS's requests, DynamoDB's reads and writes on demand (us-east-1, 2025 and 2026).
SQS_USD, READ_USD, WRITE_USD = 0.40, 0.125, 0.625
READS = frozenset({"GetItem", "Query", "BatchGetItem", "Scan"})
CLASSES: tuple[WorkerClass, ...] = (WorkerClass.JETSON, WorkerClass.AWS)
PLAIN = "plain Celery"
RECEIVE = ("sqs", "ReceiveMessage")


def measure(folder: Path, scale: Scale) -> Result:
    """Leave one worker of each kind alone, each behind a proxy that counts, beside an autoscaler that wants none."""
    window_s = scale.of(180, 3)
    with world.system(folder, {}, aws_max=1) as local, ExitStack() as stack:
        stack.enter_context(decide_in_background(local.settings))
        proxies = {
            name: stack.enter_context(FaultProxy(local.endpoint_url, random.Random(0)))  # noqa: S311  no faults
            for name in (*CLASSES, PLAIN)
        }
        workers: list[LocalWorker] = [
            world.our_worker(
                folder,
                f"idle-{worker_class}",
                (),
                {**world.as_shipped(worker_class), "AWS_ENDPOINT_URL": proxies[worker_class].endpoint_url},
                worker_class,
            )
            for worker_class in CLASSES
        ]
        workers.append(
            world.plain_worker(folder, "idle-plain", (), {"AWS_ENDPOINT_URL": proxies[PLAIN].endpoint_url})
        )
        for worker in workers:
            stack.callback(worker.stop)
        for worker in workers:
            worker.wait_ready(world.PATIENCE_S)
        time.sleep(SETTLE_S)
        began = time.monotonic()
        time.sleep(window_s)
        asked = {name: _asked(proxy, began, began + window_s) for name, proxy in proxies.items()}
    return result(asked, window_s)


def _asked(proxy: FaultProxy, since: float, until: float) -> Counter[tuple[str, str]]:
    """Return how often each operation of each service was asked for in the window."""
    return Counter((seen.service, seen.operation) for seen in proxy.seen if since <= seen.at < until)


def result(asked: Mapping[str, Counter[tuple[str, str]]], window_s: float) -> Result:
    """Return the ratios of the requests to SQS, and what each worker costs a month if it stays so."""
    plain = max(1, sum_of(asked[PLAIN], "sqs"))
    details: dict[str, Any] = {"window_s": window_s}
    for name, counts in asked.items():
        services = ("sqs", "dynamodb", "sns")
        told = {service: sum_of(counts, service) for service in services}
        details[name] = {
            **told,
            "cents_a_month": round(cents_a_month(counts, window_s), 1),
            "requests": {".".join(asked_for): count for asked_for, count in counts.most_common()},
        }
    return Result(
        name="idle",
        ours="requests to SQS of a worker that has nothing to do",
        reference="a plain Celery worker with defaults",
        figures=(
            *(
                Figure(name=worker_class, ratios=(sum_of(asked[worker_class], "sqs") / plain,), goal=0.5)
                for worker_class in CLASSES
            ),
            *(
                Figure(name=f"{worker_class}, receives", ratios=(asked[worker_class][RECEIVE] / plain,))
                for worker_class in CLASSES
            ),
        ),
        details=details,
    )


def sum_of(counts: Mapping[tuple[str, str], int], service: str) -> int:
    """Return how many requests went to a service."""
    return sum(count for (name, _), count in counts.items() if name == service)


def cents_a_month(counts: Mapping[tuple[str, str], int], window_s: float) -> float:
    """Return what these requests, repeated for a month, cost without any free tier.

    >>> round(cents_a_month({("sqs", "ReceiveMessage"): 9}, 180.0), 2)
    5.26
    """
    dollars = 0.0
    for (service, operation), count in counts.items():
        if service == "sqs":
            dollars += count * SQS_USD / 1e6
        elif service == "dynamodb":
            dollars += count * (READ_USD if operation in READS else WRITE_USD) / 1e6
    return dollars * 100 * MONTH_S / window_s

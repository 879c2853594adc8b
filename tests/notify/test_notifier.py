"""Who works off the outbox, and who had better not."""

import time

import pytest

from rugbytx.core.job.job import Status
from rugbytx.notify.notifier import Notifier, can_deliver
from rugbytx.notify.outbox import ErrandRunner
from rugbytx.settings import Settings, read
from tests.connection import Fakes, make_job
from tests.fakes.courier import FakeCourier
from tests.notify.test_outbox import PLACE, A

SECRET = "whsec_" + "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="


@pytest.mark.parametrize(
    ("environ", "expected"),
    [
        ({}, False),
        ({"RUGBYTX_NOTIFY_URLS": "https://a.example/hook"}, False),
        ({"RUGBYTX_NOTIFY_SECRET": SECRET}, True),
        ({"RUGBYTX_EVENT_BUS": "games"}, True),
    ],
)
def test_who_tells_without_being_a_worker(environ: dict[str, str], expected: bool) -> None:
    """Only who was given the means: the others would note failures of what a worker can deliver."""
    assert can_deliver(read(environ)) is expected


def test_one_of_two_works_the_outbox_off() -> None:
    """The other leaves it alone, and has its turn once the first has been silent; an outage is survived."""
    fakes = Fakes()
    courier = FakeCourier()
    runner = ErrandRunner(
        store=fakes.store, courier=courier, place=PLACE, threads=1, monotonic=time.monotonic
    )
    first, second = (
        Notifier(leases=fakes.store.leases, runner=runner, notify_s=Settings().notify_s) for _ in range(2)
    )
    assert first.once("first") == 0
    job = fakes.store.jobs.create(make_job(notify=frozenset({A})))
    fakes.store.jobs.end(job.id, job.generation, Status.CANCELLED, reason="why")
    assert second.once("second") == 0
    assert courier.got == {}
    fakes.store.table.down = True
    assert first.once("first") == 0
    fakes.store.table.down = False
    fakes.store.clock.advance(60)
    assert second.once("second") == 1
    assert courier.got == {A: [f"{job.id}-g1-cancelled"]}

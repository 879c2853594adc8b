"""The promises of ``ports.store.Workers``, kept by DynamoDB's adapter and by the fake."""

from rugbytx.core.cost import usage
from rugbytx.core.cost.usage import End
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.record import SCHEMA
from tests.store_bench import Bench


def test_the_last_word_of_a_span_stands(shaky: Bench) -> None:
    """A span is one record, however often it is written, and reads back as it was."""
    now = shaky.store.now()
    first = usage.begun("celery@aws-1", WorkerClass.AWS, now=now, usd_per_h=0.526)
    later = first.advanced(now=now, is_busy=False, is_able=True, lasts_s=0.5).ended(End.SPOT)
    for one in (first, first, later):
        shaky.store.workers.record_span(one)
    assert shaky.store.workers.list_spans(usage.day_of(now)) == [later]


def test_a_day_has_its_own_spans(shaky: Bench) -> None:
    """Those of every worker, and each beginning of one."""
    now = shaky.store.now()
    spans = [
        usage.begun(worker, WorkerClass.AWS, now=at, usd_per_h=0.5)
        for worker, at in (("a", now), ("a", now + 1e-3), ("b", now), ("a", now + 2 * 86_400))
    ]
    for one in spans:
        shaky.store.workers.record_span(one)
    found = [
        one
        for day in sorted({usage.day_of(one.started_at) for one in spans[:3]})
        for one in shaky.store.workers.list_spans(day)
    ]
    assert sorted(found, key=lambda one: (one.worker, one.started_at)) == spans[:3]
    assert shaky.store.workers.list_spans(usage.day_of(now + 2 * 86_400)) == [spans[3]]
    assert shaky.store.workers.list_spans("1999-12-31") == []


def test_spans_of_a_newer_version_are_left_out(shaky: Bench) -> None:
    """What nobody here can read is not counted."""
    now = shaky.store.now()
    newer = usage.begun("a", WorkerClass.AWS, now=now, usd_per_h=0.5).model_copy(
        update={"schema_number": SCHEMA + 1}
    )
    shaky.store.workers.record_span(newer)
    assert shaky.store.workers.list_spans(usage.day_of(now)) == []


def test_all_that_a_worker_says_is_kept(shaky: Bench) -> None:
    """Each field of its presence reads back as it was."""
    now = shaky.store.now()
    worker = Worker(
        name="celery@jetson-1",
        worker_class="jetson",
        slots=2,
        busy=1,
        encoder="nvmpi",
        maker="a",
        seen_at=now,
        until=now + 60,
        gate="fit",
        is_able=False,
        jobs=("7ad4",),
        started_at=now - 10.5,
        idle_since=now - 5.25,
        speeds=(4e8, 395_000_000.5),
        temperature_c=63.5,
        power_mode="MODE_30W",
        load=(1.5, 0.75, 0.0),
    )
    shaky.store.workers.announce(worker)
    assert shaky.store.workers.list() == [worker]

"""The promises of ``ports.store.Cleanups``, kept by DynamoDB's adapter and by the fake."""

from rugbytx.core.job.job import Status
from rugbytx.core.output.retention import CLEAN_AFTER_S, Cleaning
from tests.store_bench import Bench

DAY_S = CLEAN_AFTER_S
#: A clean-up falls due on the hour.
LATEST_S = DAY_S + 3600


def test_due_ones_come_in_order(shaky: Bench) -> None:
    """The longest overdue comes first, and none before its time."""
    now = int(shaky.store.now())
    notes = [Cleaning(job_id=job_id, due_at=now + after_s) for job_id, after_s in (("b", 20), ("a", 10))]
    for note in [*notes, Cleaning(job_id="c", due_at=now + 1000)]:
        shaky.store.cleanups.schedule(note)
        shaky.store.cleanups.schedule(note)
    assert shaky.store.cleanups.list_due(10) == []
    shaky.advance(100)
    assert shaky.store.cleanups.list_due(10) == [notes[1], notes[0]]
    assert shaky.store.cleanups.list_due(1) == [notes[1]]
    shaky.store.cleanups.forget(notes[1])
    shaky.store.cleanups.forget(notes[1])
    assert shaky.store.cleanups.list_due(10) == [notes[0]]


def test_every_end_notes_a_clean_up(shaky: Bench) -> None:
    """It is due a day later."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.FAILED, reason="bad luck")
    shaky.store.jobs.end("a", 1, Status.FAILED, reason="bad luck")
    shaky.advance(DAY_S - 10)
    assert shaky.store.cleanups.list_due(10) == []
    shaky.advance(LATEST_S - DAY_S + 20)
    assert {note.job_id for note in shaky.store.cleanups.list_due(10)} == {"a"}


def test_a_removal_notes_a_clean_up_that_outlives_the_job(shaky: Bench) -> None:
    """A worker may still upload what nobody knows of any more."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    shaky.advance(2 * LATEST_S)
    for note in shaky.store.cleanups.list_due(10):
        shaky.store.cleanups.forget(note)
    shaky.store.jobs.begin_removal("a", 1)
    shaky.store.jobs.delete("a")
    assert shaky.store.cleanups.list_due(10) == []
    shaky.advance(LATEST_S)
    assert [note.job_id for note in shaky.store.cleanups.list_due(10)] == ["a"]

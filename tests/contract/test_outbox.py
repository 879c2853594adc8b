"""The promises of ``AuditTrails``, ``Halts`` and ``Outbox``, kept by DynamoDB's adapters and by the fakes."""

from rugbytx.core.fleet.halt import Halt, Scope
from rugbytx.core.job.audit_trail import SYSTEM, AuditEntry
from rugbytx.core.job.job import Status
from rugbytx.core.notify.notification import PARKED_AT, Errand, Notification, NotificationKind, opened
from tests.store_bench import OUTPUTS, Bench


def at_risk(bench: Bench, **fields: object) -> Notification:
    """Return a notification of job a."""
    now = bench.store.now()
    note = Notification(job_id="a", generation=1, kind=NotificationKind.AT_RISK, at=now, reason="too slow")
    return note.model_copy(update=fields)


def test_a_trail_is_in_order_and_bounded(shaky: Bench) -> None:
    """Whoever writes last, and however often; the system's is apart."""
    for at, what in ((3.5, "ended"), (1.25, "submitted"), (2.0, "unit-done")):
        shaky.store.audit.add("a", AuditEntry(at=at, what=what, by="ann@desk", reason="why", frames=3))
    shaky.store.audit.add("a", AuditEntry(at=2.0, what="unit-done", by="ann@desk", reason="why", frames=3))
    shaky.store.audit.add(SYSTEM, AuditEntry(at=4.0, what="paused"))
    told = shaky.store.audit.read("a", limit=10)
    assert [(entry.at, entry.what) for entry in told] == [
        (1.25, "submitted"),
        (2.0, "unit-done"),
        (3.5, "ended"),
    ]
    assert (told[0].by, told[0].reason, told[0].frames) == ("ann@desk", "why", 3)
    assert [entry.what for entry in shaky.store.audit.read("a", limit=2)] == ["unit-done", "ended"]
    assert [entry.what for entry in shaky.store.audit.read(SYSTEM, limit=10)] == ["paused"]


def test_a_trail_is_no_unit_and_goes_with_its_job(shaky: Bench) -> None:
    """So do notifications."""
    job = shaky.created()
    shaky.store.audit.add("a", AuditEntry(at=1, what="submitted"))
    assert shaky.store.units.read(job.id, 1) == {}
    shaky.store.jobs.end("a", 1, Status.CANCELLED)
    shaky.store.jobs.begin_removal("a", 1)
    shaky.store.jobs.delete("a")
    assert shaky.store.audit.read("a", limit=10) == []
    assert shaky.store.outbox.list_notifications("a") == []


def test_halts_stand_until_they_are_lifted(shaky: Bench) -> None:
    """The first of its kind says who asked; lifting what does not stand is no error."""
    first = Halt(scope=Scope.CLASS, name="aws", at=1.5, by="ann@desk")
    shaky.store.halts.add(first)
    shaky.store.halts.add(first.model_copy(update={"by": "bob@desk"}))
    shaky.store.halts.add(Halt(scope=Scope.QUEUE, at=2.0))
    assert {halt.by for halt in shaky.store.halts.list()} == {"ann@desk", ""}
    shaky.store.halts.lift(Scope.QUEUE, "")
    shaky.store.halts.lift(Scope.QUEUE, "")
    assert list(shaky.store.halts.list()) == [first]


def test_a_bump_is_of_an_open_job_of_this_generation(shaky: Bench) -> None:
    """It can be taken back."""
    shaky.created()
    assert shaky.store.jobs.bump("a", 1, bumped_at=7.5)
    assert shaky.read().bumped_at == 7.5
    assert shaky.store.jobs.bump("a", 1, bumped_at=None)
    assert shaky.read().bumped_at is None
    assert not shaky.store.jobs.bump("a", 2, bumped_at=7.5)
    shaky.store.jobs.end("a", 1, Status.FAILED)
    assert not shaky.store.jobs.bump("a", 1, bumped_at=7.5)


def test_whom_to_tell_only_grows(shaky: Bench) -> None:
    """And not once the job has ended: nobody would be told any more."""
    shaky.created(notify=frozenset({"https://a.example/"}))
    assert shaky.store.jobs.add_targets("a", 1, ["https://b.example/", "https://a.example/"])
    assert shaky.read().notify == {"https://a.example/", "https://b.example/"}
    shaky.store.jobs.end("a", 1, Status.FAILED)
    assert not shaky.store.jobs.add_targets("a", 1, ["https://c.example/"])


def test_every_end_is_told(shaky: Bench) -> None:
    """Once, with an errand that is due at once."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    shaky.store.jobs.end("a", 1, Status.SUCCEEDED, outputs=OUTPUTS)
    (note,) = shaky.store.outbox.list_notifications("a")
    assert (note.kind, note.generation, note.outputs) == (NotificationKind.SUCCEEDED, 1, OUTPUTS)
    assert {errand.job_id for errand in shaky.store.outbox.list_errands(10, due=True)} == {"a"}


def test_notifications_are_in_order(shaky: Bench) -> None:
    """By generation, and in it the risk before the end, whichever was noted first."""
    shaky.created()
    shaky.store.jobs.end("a", 1, Status.FAILED, reason="bad luck")
    shaky.store.outbox.add_notification(at_risk(shaky, generation=2))
    shaky.store.outbox.add_notification(at_risk(shaky))
    told = [(note.generation, note.kind) for note in shaky.store.outbox.list_notifications("a")]
    assert told == [
        (1, NotificationKind.AT_RISK),
        (1, NotificationKind.FAILED),
        (2, NotificationKind.AT_RISK),
    ]


def test_what_was_looked_at_needs_no_errand(shaky: Bench) -> None:
    """So the autoscaler may say at every tick that a deadline is at risk."""
    note = at_risk(shaky)
    shaky.store.outbox.add_notification(note)
    assert shaky.store.outbox.replace_notification(opened(note, body="{}", targets=["x"], now=1.0))
    for errand in shaky.store.outbox.list_errands(10, due=True):
        shaky.store.outbox.forget_errand(errand)
    shaky.store.outbox.add_notification(note)
    assert shaky.store.outbox.list_errands(10, due=False) == []


def test_of_two_changes_one_is_refused(shaky: Bench) -> None:
    """What was read meanwhile is not overwritten; a change that is sent again knows itself."""
    note = at_risk(shaky)
    shaky.store.outbox.add_notification(note)
    mine = opened(note, body="{}", targets=["https://a.example/"], now=1.25)
    assert shaky.store.outbox.replace_notification(mine)
    assert not shaky.store.outbox.replace_notification(opened(note, body="{}", targets=[], now=2.0))
    assert shaky.store.outbox.list_notifications("a") == [mine]
    gone = mine.model_copy(update={"job_id": "b", "edition": 2})
    assert not shaky.store.outbox.replace_notification(gone)


def test_errands_come_in_order(shaky: Bench) -> None:
    """The longest overdue first; a guard is not the errand that it stands in for, and a parked one is never due."""
    now = int(shaky.store.now())
    errands = [
        Errand(job_id="b", due_at=now - 5),
        Errand(job_id="a", due_at=now - 3),
        Errand(job_id="a", due_at=now - 3, is_guard=True),
        Errand(job_id="c", due_at=PARKED_AT),
    ]
    for errand in [*errands, errands[0]]:
        shaky.store.outbox.schedule_errand(errand)
    assert set(shaky.store.outbox.list_errands(10, due=True)) == set(errands[:3])
    assert shaky.store.outbox.list_errands(1, due=True) == errands[:1]
    assert set(shaky.store.outbox.list_errands(10, due=False)) == set(errands)
    shaky.store.outbox.forget_errand(errands[1])
    shaky.store.outbox.forget_errand(errands[1])
    assert set(shaky.store.outbox.list_errands(10, due=True)) == {errands[0], errands[2]}

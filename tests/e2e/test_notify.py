"""A webhook's receiver, and a worker that dies by ``kill -9`` between two tries."""

import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Status
from rugbytx.core.notify.signature import headers, key_of
from rugbytx.local.system import LocalSystem
from rugbytx.system import Connection
from tests.e2e.conftest import WAIT_S, wait_for
from tests.receiver import Receiver, served

pytestmark = pytest.mark.process


def wait_until(holds: Callable[[], object]) -> None:
    """Return once something holds."""
    until = time.monotonic() + WAIT_S
    while not holds():
        assert time.monotonic() < until, f"not within {WAIT_S:g} s"
        time.sleep(0.05)


def tries(connection: Connection, job_id: str) -> int:
    """Return how many tries are noted to have failed."""
    notes = connection.store.outbox.list_notifications(job_id)
    return sum(dispatch.tries for note in notes for dispatch in note.dispatches)


def has_guard(connection: Connection) -> bool:
    """Return whether an errand is being run."""
    return any(errand.is_guard for errand in connection.store.outbox.list_errands(10, due=False))


def test_another_worker_tells_what_the_killed_one_could_not(system: LocalSystem, clip: Path) -> None:
    """The receiver refused the first try; the next one is the same message, signed anew."""
    connection = systems.connect(system.settings)
    receiver = Receiver()
    receiver.status = 503
    with served(receiver):
        url = f"http://127.0.0.1:{receiver.port}/hook"
        first = system.start_worker()
        job = intake.accept(intake.Request(source=str(clip), notify=(url,)), connection).job
        ended = wait_for(connection, job, lambda seen, _units: not seen.is_open)
        assert ended.status is Status.SUCCEEDED, ended.reason
        # Not in the middle of the errand, which its guard would bring back a minute later.
        wait_until(lambda: tries(connection, job.id) and not has_guard(connection))
        first.kill()
        receiver.status = 200
        refused = len(receiver.seen)
        second = system.start_worker()
        wait_until(lambda: len(receiver.seen) > refused)
        system.stop_worker(second)
    (_, _, body), (_, got, again) = receiver.seen[0], receiver.seen[-1]
    assert body == again
    told = json.loads(body)
    assert (told["type"], told["job_id"]) == ("job.succeeded", job.id)
    assert told["master_url"].startswith(f"{system.endpoint_url}/rugbytx-output/out/{job.id}/")
    key = key_of(system.variables["RUGBYTX_NOTIFY_SECRET"])
    sent_at = float(got["webhook-timestamp"])
    expected = headers(key=key, message_id=told["id"], sent_at=sent_at, body=body)
    assert {name: got[name] for name in expected} == dict(expected)

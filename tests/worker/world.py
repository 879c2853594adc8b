"""A whole system of fakes: queue, store, bucket, and workers that run real lanes."""

import hashlib
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, cast

from rugbytx.core.fleet.presence import PERIODS, Worker
from rugbytx.core.job.job import Job, Pointer, Source
from rugbytx.core.job.message import Delivery
from rugbytx.core.lease.unit import CHECK, State, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import Manifest
from rugbytx.core.output.retention import CLEAN_AFTER_S, DUE_STEP_S
from rugbytx.errors import RugbytxError
from rugbytx.ports import Media, Ports, Queue
from rugbytx.ports.service import Storage
from rugbytx.ports.store import Store
from rugbytx.settings import Settings
from rugbytx.system import Connection
from rugbytx.upkeep.cleanup import PUT_OFF_S, clean_once
from rugbytx.upkeep.sweeper import sweep_once
from rugbytx.worker.lane.lane import Lane
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.shutdown.drain import Notice
from tests.connection import ADDRESS
from tests.fakes.media import FakeMedia
from tests.fakes.permission import FakePermissions
from tests.fakes.queue import FakeQueue
from tests.fakes.storage import FakeStorage
from tests.fakes.store import FakeStore
from tests.plans import PROFILE

BUCKET = "rugbytx-output"

#: More deliveries and idle moments than any schedule of one fault needs.
MOST_TURNS = 60


class Crash(BaseException):
    """The worker is gone: nothing of it runs any more, and nothing catches this."""


@dataclass(frozen=True)
class Call:
    """One call of a port's method: a step of the lane."""

    name: str
    method: Callable[..., Any]
    args: tuple[Any, ...]
    kwargs: dict[str, Any]

    def do(self) -> Any:
        """Have the effect and return the answer."""
        return self.method(*self.args, **self.kwargs)


OnCall = Callable[[Call], Any]


class Plug:
    """Stands before a port and hands every call to ``on_call``, which may do it, do it twice or die."""

    def __init__(self, name: str, port: object, on_call: OnCall) -> None:
        self._name, self._port, self._on_call = name, port, on_call

    def __getattr__(self, method: str) -> Any:
        """Return the port's method behind the plug."""
        real = getattr(self._port, method)

        def call(*args: Any, **kwargs: Any) -> Any:
            return self._on_call(Call(f"{self._name}.{method}", real, args, kwargs))

        return call


def plugged(store: Store, on_call: OnCall) -> Store:
    """Return the store with a plug before each of its ports."""
    ports: dict[str, Any] = {
        field.name: Plug(f"store.{field.name}", getattr(store, field.name), on_call)
        for field in fields(Store)
        if field.name != "now"
    }
    return Store(now=lambda: on_call(Call("store.now", store.now, (), {})), **ports)


class World:
    """One job of two chunks, an MP4 and audio, and the workers that do it.

    Each fresh worker has the next of ``makers`` for its encoder, in turn.
    """

    def __init__(
        self,
        scratch: Path,
        *,
        on_call: OnCall = Call.do,
        makers: Sequence[str] = ("x264-high",),
        splice: bool = True,
    ) -> None:
        self.makers, self.splice = makers, splice
        self.store, self.storage, self.media = FakeStore(), FakeStorage(), FakeMedia()
        # One clock for all: a lease that has run out belongs to a message that is visible again.
        self.clock = self.store.clock
        self.queue = FakeQueue(now=self.clock)
        self.settings = Settings(
            lease_s=120,
            heartbeat_s=40,
            visibility_s=120,
            transfer_patience_s=0,
            job_overhead_s=0,
            scratch=scratch,
            output_bucket=BUCKET,
        )
        self.scratch = scratch
        self.ports = Ports(
            store=plugged(self.store, on_call),
            queue=cast("Queue", Plug("queue", self.queue, on_call)),
            storage=cast("Storage", Plug("storage", self.storage, on_call)),
            media=cast("Media", Plug("media", self.media, on_call)),
        )
        self.workers = 0
        self.job_id = "7ad4"
        #: Tells the worker under way to leave; the next one has its own.
        self.notice = Notice()

    @property
    def connection(self) -> Connection:
        """Return the system as commands see it, step by step like the workers' ports."""
        return Connection(
            store=self.ports.store,
            queue=self.ports.queue,
            storage=self.ports.storage,
            settings=self.settings,
            address=ADDRESS,
            permissions=FakePermissions(),
        )

    def submit(self, job_id: str = "", *, size_bytes: int = 1000, due_s: float = 3600) -> Job:
        """Accept a job, the world's own by default: the record first, the pointer second."""
        job_id = job_id or self.job_id
        key = f"{job_id}.mp4"
        self.storage.put(b"x" * size_bytes, "source", key, content_type="video/mp4")
        stored = self.storage.head("source", key)
        assert stored
        source = Source(bucket="source", key=key, etag=stored.etag, size_bytes=size_bytes)
        now = self.store.now()
        job = self.store.jobs.create(
            Job(
                id=job_id,
                source=source,
                profile=PROFILE.model_copy(update={"mp4": True, "splice": self.splice}),
                chunk_s=6.0,
                submitted_at=now,
                deadline_at=now + due_s,
                wake_at=now + 600,
            )
        )
        self.queue.send([Pointer(job_id=job.id, generation=1)])
        return job

    def job(self) -> Job:
        """Return the job's record."""
        job = self.store.jobs.read(self.job_id)
        assert job
        return job

    def run_until_ended(self) -> Job:
        """Deliver messages to fresh workers, let time pass when there are none, and sweep."""
        for _ in range(MOST_TURNS):
            if not self.job().is_open:
                break
            if not self.deliver():
                self.clock.advance(30)
                self.sweep()
        return self.job()

    def sweep(self) -> None:
        """Sweep once, as a worker's thread does; a failed sweep is followed by another."""
        try:
            sweep_once(self.ports.store, self.ports.queue)
            clean_once(self.ports.store, self.ports.storage, BUCKET)
        except (RugbytxError, Crash):
            return

    def clean_up(self) -> None:
        """Let the day pass after which the sweep cleans up, and the sweep's next rounds."""
        self.clock.advance(CLEAN_AFTER_S + DUE_STEP_S)
        for _ in range(3):
            self.sweep()
            self.clock.advance(PUT_OFF_S)
        self.sweep()

    def strays(self) -> Iterator[str]:
        """Yield the keys of the output bucket that the job's manifest does not name."""
        job = self.store.jobs.read(self.job_id)
        named = set()
        if job and (outputs := job.outputs or job.published):
            manifest = Manifest.model_validate_json(self.storage.get(BUCKET, outputs.manifest_key))
            named = {entry.key for entry in manifest.entries} | {outputs.manifest_key}
            look = self.store.units.read(job.id, job.generation).get(CHECK)
            if look and look.state is State.DONE:
                named.add(object_keys.quality_key(job.id, job.generation, look.fence))
        for stored in self.storage.list(BUCKET, ""):
            if stored.key not in named and "/early/" not in stored.key:
                yield stored.key

    def early(self) -> dict[str, str]:
        """Return the early playlists by their names."""
        return {
            stored.key.rpartition("/")[2]: self.storage.get(BUCKET, stored.key).decode()
            for stored in self.storage.list(BUCKET, "")
            if "/early/" in stored.key
        }

    def deliver(self, *, acknowledge: bool = True) -> bool:
        """Run one lane for the next message, as the task does; False where no message is visible."""
        received = self.queue.receive()
        if received is None:
            return False
        self.workers += 1
        worker = f"worker-{self.workers}"
        self.notice = Notice()
        lane = Lane(
            ports=self.ports,
            settings=self.settings,
            worker=worker,
            scratch=self.scratch / worker,
            notice=self.notice,
        )
        delivery = Delivery(
            receipt=received.receipt,
            receives=received.receives,
            first_received_at=received.first_received_at,
        )
        # A lane that another interrupts has its own encoder again after it.
        before, self.media.made_by = self.media.made_by, self.makers[(self.workers - 1) % len(self.makers)]
        self._be_present(worker)
        try:
            ending = lane.run(received.pointer, delivery)
        except Crash:
            return True
        except RugbytxError:
            ending = Ending.HAND_BACK
        finally:
            self.media.made_by = before
        if ending is Ending.HAND_BACK:
            self.queue.extend(received.receipt, visibility_s=0)
        elif acknowledge:
            self.queue.delete(received.receipt)
        return True

    def _be_present(self, name: str) -> None:
        """Say that this worker lives, as its main process does; nobody says so again."""
        now = self.clock()
        self.store.workers.announce(
            Worker(
                name=name,
                worker_class="jetson",
                slots=1,
                busy=1,
                maker=self.media.made_by,
                seen_at=now,
                until=now + PERIODS * self.settings.presence_s,
            )
        )

    def untrue(self) -> Iterator[str]:
        """Yield what does not hold of a job that ended SUCCEEDED: nothing, if all is well."""
        job = self.job()
        if job.outputs is None:
            yield "no outputs"
            return
        units = dict(self.store.units.read(job.id, job.generation))
        # A look that was cut off is not made up for.
        units.pop(CHECK, None)
        yield from (f"{key} is {unit.state}" for key, unit in units.items() if unit.state is not State.DONE)
        if {UnitKey.parse(name) for name in job.done} != set(units):
            yield f"the job says {sorted(job.done)} are done"
        text = self.storage.get(BUCKET, job.outputs.manifest_key)
        if hashlib.sha256(text).hexdigest() != job.outputs.manifest_sha256:
            yield "the manifest is not the one that was committed"
        for entry in Manifest.model_validate_json(text).entries:
            body = self.storage.get(BUCKET, entry.key)
            if hashlib.sha256(body).hexdigest() != entry.sha256 or len(body) != entry.size_bytes:
                yield f"{entry.key} is torn"

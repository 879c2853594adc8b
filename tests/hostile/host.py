"""One host with one lane and the real ffmpeg, on a store, a queue and buckets in memory."""

from dataclasses import dataclass, replace
from pathlib import Path
from typing import cast

from rugbytx.core.job.job import Job, Pointer, Source, Status, identify
from rugbytx.core.job.message import Delivery
from rugbytx.core.job.profile import Profile
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Media, Ports, Storage
from rugbytx.settings import Settings
from rugbytx.worker.lane.lane import Lane
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.shutdown.drain import Notice
from tests.fakes.media import FakeMedia
from tests.fakes.queue import FakeQueue
from tests.fakes.storage import FakeStorage
from tests.fakes.store import FakeStore
from tests.plans import PROFILE
from tests.worker.world import Call, OnCall, Plug

BUCKET = "rugbytx-source"
OUTPUT = "rugbytx-output"
#: Far below what anything here takes, so that a test that hangs fails in good time.
STALL_S = 20
LEASE_S = 120
#: One rendition: what is tested here is the same for any number.
SMALL = PROFILE.model_copy(update={"rungs": PROFILE.rungs[1:]})


@dataclass(frozen=True, kw_only=True)
class Ended:
    """A job that has ended, and what it took."""

    job: Job
    deliveries: int
    #: Over all units: how often any was claimed again, or died.
    repeats: int
    #: What lies in the output bucket under the job's prefix.
    published: tuple[str, ...]


class Host:
    """Takes jobs one after the other, by one and the same lane."""

    def __init__(self, scratch: Path, *, ffmpeg: str = "ffmpeg", ffprobe: str = "ffprobe") -> None:
        self.store, self.storage = FakeStore(), FakeStorage()
        self.queue = FakeQueue(now=self.store.clock)
        self.scratch = scratch
        self._ports = Ports(
            store=self.store,
            queue=self.queue,
            storage=self.storage,
            media=FfmpegMedia(
                ffmpeg=ffmpeg,
                ffprobe=ffprobe,
                preset="ultrafast",
                threads=1,
                cache=scratch.with_name(f"{scratch.name}-trials.json"),
            ),
        )
        self._lanes = 0
        self._compares = True
        self.renew_lane()

    def submit(self, key: str, body: bytes, *, profile: Profile = SMALL, chunk_s: float | None = None) -> Job:
        """Put an object and accept it as a job, whatever it is: what may be refused at the door is not here."""
        self.storage.put(body, BUCKET, key, content_type="video/mp4")
        stored = self.storage.head(BUCKET, key)
        assert stored
        source = Source(bucket=BUCKET, key=key, etag=stored.etag, size_bytes=stored.size_bytes)
        now = self.store.now()
        job = Job(
            id=identify(source, profile),
            source=source,
            profile=profile,
            chunk_s=chunk_s,
            submitted_at=now,
            deadline_at=now + 3600,
            wake_at=now + 600,
        )
        self.store.jobs.create(job)
        self.queue.send([Pointer(job_id=job.id, generation=1)])
        return job

    def renew_lane(self, on_call: OnCall = Call.do) -> None:
        """Put a fresh lane in the place of the old one, with a plug before its media and its storage."""
        self._lanes += 1
        worker = f"worker-{self._lanes}"

        def on_media(call: Call) -> object:
            if call.name == "media.compare" and not self._compares:
                return FakeMedia().compare(*call.args, **call.kwargs)
            return on_call(call)

        ports = replace(
            self._ports,
            media=cast("Media", Plug("media", self._ports.media, on_media)),
            storage=cast("Storage", Plug("storage", self._ports.storage, on_call)),
        )
        settings = Settings(scratch=self.scratch, output_bucket=OUTPUT, lease_s=LEASE_S, stall_s=STALL_S)
        self._lane = Lane(
            ports=ports, settings=settings, worker=worker, scratch=self.scratch / worker, notice=Notice()
        )

    def deliver(self) -> bool:
        """Hand the next message to the lane, as the task does; False where none is visible."""
        received = self.queue.receive()
        if received is None:
            return False
        delivery = Delivery(
            receipt=received.receipt,
            receives=received.receives,
            first_received_at=received.first_received_at,
        )
        if self._lane.run(received.pointer, delivery) is Ending.ACKNOWLEDGE:
            self.queue.delete(received.receipt)
        else:
            self.queue.extend(received.receipt, visibility_s=0)
        return True

    def run(self, job: Job, *, compares: bool = True) -> Ended:
        """Deliver what is visible; time stands still, so that a unit which is to be tried again is left.

        ``compares`` False spares an ordinary film the comparison with its
        source after it was published, which takes longer than all else.
        """
        self._compares = compares
        deliveries = 0
        while deliveries < 5 and self.deliver():
            deliveries += 1
        return self.ended(job.id, deliveries)

    def ended(self, job_id: str, deliveries: int) -> Ended:
        """Return how a job stands."""
        job = self.store.jobs.read(job_id)
        assert job
        units = self.store.units.read(job.id, job.generation).values()
        return Ended(
            job=job,
            deliveries=deliveries,
            repeats=sum(unit.fence - 1 + unit.deaths for unit in units),
            published=tuple(stored.key for stored in self.storage.list(OUTPUT, f"out/{job.id}/")),
        )

    def is_well(self, key: str, good: bytes) -> bool:
        """Return whether the lane does an ordinary job, and nothing is left on the scratch disk after it."""
        ended = self.run(self.submit(key, good), compares=False)
        left = [path for path in self.scratch.rglob("*") if path.is_file()]
        return ended.job.status is Status.SUCCEEDED and not left

"""A system of fakes, and jobs to put into it."""

from collections.abc import Callable

from typer.testing import Result

from rugbytx.core.address import ServiceEndpoints
from rugbytx.core.job.job import Job, Outputs, Source, Status, identify
from rugbytx.core.job.profile import Profile, Rung
from rugbytx.settings import Settings
from rugbytx.system import Connection
from tests.fakes.permission import FakePermissions
from tests.fakes.queue import FakeQueue
from tests.fakes.storage import FakeStorage
from tests.fakes.store import FakeStore

PROFILE = Profile(name="small", rungs=(Rung(height=360, rate_bps=600_000, high_motion_rate_bps=900_000),))
NOW = 1_800_000_000.0
#: Where the fakes would be.
ADDRESS = ServiceEndpoints(
    region="eu-west-1", endpoints=dict.fromkeys(("SQS", "S3", "DynamoDB"), "http://127.0.0.1:5000")
)
OUTPUTS = Outputs(
    master_key="out/x/g1/master-f1.m3u8",
    manifest_key="out/x/g1/manifest-f1.json",
    manifest_sha256="0" * 64,
    size_bytes=4_000_000,
    frames=750,
    duration_s=30.0,
    renditions=("720p", "360p"),
)


#: Runs a command: its words, and ``environ`` and ``stdin`` by name.
Run = Callable[..., Result]


class Fakes:
    """The fakes of one system, by name, and the connection to them."""

    def __init__(self, settings: Settings | None = None) -> None:
        self.store = FakeStore()
        self.queue = FakeQueue()
        self.storage = FakeStorage()
        self.permissions = FakePermissions()
        self.connection = Connection(
            store=self.store,
            queue=self.queue,
            storage=self.storage,
            settings=settings or Settings(),
            address=ADDRESS,
            permissions=self.permissions,
        )

    def add_object(self, key: str, body: bytes = b"video", bucket: str = "rugbytx-source") -> str:
        """Put an object; return its URL."""
        self.storage.put(body, bucket, key, content_type="video/mp4")
        return f"s3://{bucket}/{key}"

    def end(self, job: Job, status: Status, *, reason: str = "") -> None:
        """End a job as its worker would."""
        outputs = OUTPUTS if status is Status.SUCCEEDED else None
        assert self.store.jobs.end(job.id, job.generation, status, reason=reason, outputs=outputs)

    def remove(self, job: Job) -> None:
        """Remove a job, ending it before where it is open."""
        self.store.jobs.end(job.id, job.generation, Status.CANCELLED)
        assert self.store.jobs.begin_removal(job.id, job.generation)
        self.store.jobs.delete(job.id)


def make_job(*, status: Status = Status.QUEUED, **fields: object) -> Job:
    """Return a job's record."""
    source = Source(bucket="rugbytx-source", key="final.mp4", etag="e", size_bytes=62_400_000)
    told = {
        "id": identify(source, PROFILE),
        "status": status,
        "source": source,
        "profile": PROFILE,
        "submitted_at": NOW,
        "deadline_at": NOW + 3600,
        "wake_at": NOW + 600,
    }
    return Job.model_validate(told | fields)

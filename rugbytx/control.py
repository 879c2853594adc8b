"""What people ask of jobs that exist."""

from dataclasses import dataclass
from itertools import islice

from rugbytx.core import layout
from rugbytx.errors import JobRejected, NotFound
from rugbytx.ports import JobStore, Storage

#: S3 removes at most so many objects in one request (DeleteObjects).
BATCH = 1000


@dataclass(frozen=True, kw_only=True)
class Removed:
    """What removing a job took away."""

    job_id: str
    objects: int
    size_bytes: int


def remove(job_id: str, *, store: JobStore, storage: Storage, bucket: str) -> Removed:
    """Remove an ended job: first its outputs in ``bucket``, all generations, then its records.

    In this order a removal that was cut off can simply be repeated.  The source
    stays.  Raises NotFound, or JobRejected for a job that is still open: its
    worker would write on into what is gone.
    """
    job = store.read_job(job_id)
    if job is None:
        raise NotFound(f"there is no job {job_id}")
    if job.is_open:
        raise JobRejected(f"job {job_id} is {job.status}; it can be removed once it has ended")
    objects, size_bytes = 0, 0
    stored_ones = iter(storage.list(bucket, layout.job_prefix(job.id)))
    while batch := list(islice(stored_ones, BATCH)):
        storage.delete(bucket, [stored.key for stored in batch])
        objects += len(batch)
        size_bytes += sum(stored.size_bytes for stored in batch)
    store.delete_job(job.id)
    return Removed(job_id=job.id, objects=objects, size_bytes=size_bytes)

"""Find published outputs: a job's in the bucket, which are copied here, or those of a folder."""

import shutil
from pathlib import Path

from rugbytx.core.job.job import Job, Outputs, Source
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import manifest_of
from rugbytx.errors import NotFound, ScratchFull, VerificationError
from rugbytx.ports import OnBytes
from rugbytx.ports.service import Storage

#: What must stay free beside the outputs.
MARGIN_BYTES = 256 << 20
#: The manifest's name in a folder that outputs were copied to.
MANIFEST_NAME = "manifest.json"


def fetch(storage: Storage, bucket: str, outputs: Outputs, folder: Path, *, on_bytes: OnBytes) -> Path:
    """Copy what the job's manifest names into ``folder``; return where its master then is.

    The files lie as in the bucket, under the job's prefix, so that units of
    former generations find their place.  What is missing is left out, for the
    look to find.  Raises TransferError, ScratchFull, or VerificationError where
    the manifest is not the one that was committed.
    """
    body = storage.get(bucket, outputs.manifest_key)
    manifest = manifest_of(body, outputs)
    prefix = object_keys.job_prefix(manifest.job_id)
    folder.mkdir(parents=True, exist_ok=True)
    needed, free = sum(entry.size_bytes for entry in manifest.entries), shutil.disk_usage(folder).free
    if free < needed + MARGIN_BYTES:
        raise ScratchFull(f"{folder} has {free >> 20} MiB free, and the outputs need {needed >> 20} MiB")
    for entry in manifest.entries:
        path = folder / entry.key.removeprefix(prefix)
        if not path.resolve().is_relative_to(folder.resolve()):
            raise VerificationError(f"the manifest names {entry.key}, which is not of this job")
        path.parent.mkdir(parents=True, exist_ok=True)
        stored = storage.head(bucket, entry.key)
        if stored is not None:
            source = Source(
                bucket=bucket,
                key=entry.key,
                etag=stored.etag,
                size_bytes=stored.size_bytes,
                version=stored.version,
            )
            storage.download(source, path, on_bytes=on_bytes)
    master = folder / manifest.master_key.removeprefix(prefix)
    (master.parent / MANIFEST_NAME).write_bytes(body)
    return master


def outputs_of(job: Job) -> Outputs:
    """Return what the job published; raises NotFound where it published nothing."""
    if job.outputs is None:
        raise NotFound(f"job {job.id} has no output: it is {job.status}")
    return job.outputs


def find_master(place: Path) -> Path:
    """Return the master playlist that ``place`` is, or holds; raises NotFound where there is not one."""
    if place.is_file():
        return place
    masters = sorted(place.glob("master*.m3u8"))
    if len(masters) != 1:
        raise NotFound(f"{place} should hold one master playlist and holds {len(masters)}")
    return masters[0]

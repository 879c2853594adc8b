"""Where one unit is worked on: its right to it, its tools, its place, and moving files in and out."""

import logging
import shutil
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from rugbytx.core.job.job import Job, Source
from rugbytx.core.lease.result import TrackFile
from rugbytx.core.lease.unit import Lease, Unit, UnitKey
from rugbytx.errors import (
    ScratchFull,
    SourceChanged,
    SourceMissing,
    TransferError,
    Unreachable,
    VerificationError,
)
from rugbytx.ports import Ports
from rugbytx.ports.media import Pulse
from rugbytx.worker.unit.measurement import Account

log = logging.getLogger(__name__)

#: A chunk of all renditions fits into this; the source is counted by its size.
SCRATCH_MARGIN_BYTES = 256 * 1024 * 1024


#: How the patience for a refused transfer is spent: each pause is twice the one before.
PATIENCE_SHARES = (1 / 15, 2 / 15, 4 / 15, 8 / 15)
#: How often a waiting transfer checks for cancellation.
CHECK_EVERY_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Bench:
    """Everything that the work of one unit needs: its right to it, its tools, its place."""

    job: Job
    lease: Lease
    units: Mapping[UnitKey, Unit]
    ports: Ports
    output_bucket: str
    #: The job's own folder on the scratch disk.
    scratch: Path
    account: Account
    pulse: Pulse
    #: How long a look at the outputs may take.
    check_s: float = 0.0
    #: How long a transfer may be refused, in all, before the unit's work is given up.
    patience_s: float = 0.0


def fetch_source(bench: Bench) -> Path:
    """Return the source on the scratch disk, downloading and preparing it the first time."""
    source, path = bench.job.source, bench.scratch / "source"
    if path.exists():
        return path
    arrived = bench.scratch / "arrived"
    if not arrived.exists():
        bench.pulse.step("download")
        require_room(bench.scratch, source.size_bytes)
        download(bench, source, arrived)
    bench.ports.media.ingest(arrived, path, pulse=bench.pulse)
    return path


def fetch_track(bench: Bench, file: TrackFile, folder: Path) -> Path:
    """Bring one of this job's own outputs back to the scratch disk, exactly as it was uploaded.

    One that is not to be had is no verdict on the source: the attempt fails, not the job.
    """
    bench.pulse.step("download")
    path = folder / file.key.replace("/", "-")
    try:
        stored = bench.ports.storage.head(bench.output_bucket, file.key)
        if stored is None or stored.size_bytes != file.size_bytes:
            raise VerificationError(f"{file.key} is not in the bucket as it was uploaded")
        source = Source(
            bucket=bench.output_bucket,
            key=file.key,
            etag=stored.etag,
            size_bytes=stored.size_bytes,
            version=stored.version,
        )
        download(bench, source, path)
    except (SourceChanged, SourceMissing) as error:
        raise VerificationError(f"{file.key} cannot be fetched back: {error}") from error
    return path


def download(bench: Bench, source: Source, path: Path) -> None:
    """Download an object, counting its bytes; one that broke off is resumed."""

    def count(size_bytes: int) -> None:
        bench.account.read(size_bytes, bench.pulse)

    _patiently(bench, source.key, lambda: bench.ports.storage.download(source, path, on_bytes=count))


def upload(bench: Bench, path: Path, key: str, content_type: str) -> None:
    """Upload a file under the lease's own key, counting its bytes."""

    def count(size_bytes: int) -> None:
        bench.account.wrote(size_bytes, bench.pulse)

    _patiently(
        bench,
        key,
        lambda: bench.ports.storage.upload(
            path, bench.output_bucket, key, content_type=content_type, on_bytes=count
        ),
    )


def _patiently(bench: Bench, key: str, transfer: Callable[[], object]) -> None:
    """Transfer, and again after growing pauses where the bucket refuses.

    A minute of encoding is worth some waiting beyond the SDK's own retries; and
    a lane that gave up at once would take unit after unit into the same outage.
    """
    for share in PATIENCE_SHARES if bench.patience_s else ():
        try:
            transfer()
        except (TransferError, Unreachable) as error:
            log.warning("transfer-refused", extra={"job_id": bench.job.id, "key": key, "reason": str(error)})
        else:
            return
        _wait(bench.pulse, bench.patience_s * share)
    transfer()


def _wait(pulse: Pulse, seconds: float) -> None:
    """Let time pass; raises what ``pulse.check`` raises as soon as it would."""
    until = time.monotonic() + seconds
    while (left_s := until - time.monotonic()) > 0:
        pulse.check()
        time.sleep(min(left_s, CHECK_EVERY_S))


def unit_folder(bench: Bench) -> Path:
    """Return the unit's own empty folder, which the lane removes afterwards."""
    folder = bench.scratch / "unit"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    return folder


def require_room(folder: Path, size_bytes: int) -> None:
    """Raise ScratchFull unless the disk has room for so much and the encoder's outputs."""
    free_bytes = shutil.disk_usage(folder).free
    if free_bytes < size_bytes + SCRATCH_MARGIN_BYTES:
        raise ScratchFull(
            f"the scratch disk has {free_bytes >> 20} MiB free, and the source needs {size_bytes >> 20} MiB"
        )

"""Cleaning up: objects that no manifest names are removed after publishing, and again a day later.

The second time is for what was uploaded after the first: by a worker that was
frozen past its lease, or for a generation that never published.
"""

import logging
from collections.abc import Sequence
from dataclasses import replace

from rugbytx.core.job.job import Job, Outputs
from rugbytx.core.lease.unit import CHECK, State
from rugbytx.core.output import object_keys, retention
from rugbytx.core.output.result import Manifest, manifest_of
from rugbytx.core.output.retention import Cleaning
from rugbytx.errors import RugbytxError
from rugbytx.ports.service import Storage
from rugbytx.ports.store import Store

log = logging.getLogger(__name__)

#: One round of the sweep looks at so many jobs' objects; the next one sees the rest.
MOST_CLEANINGS = 20

#: What could not be cleaned up is tried again so much later, and keeps nobody waiting until then.
PUT_OFF_S = 3600


def after_publishing(job: Job, outputs: Outputs, *, storage: Storage, bucket: str) -> None:
    """Remove what the generation that was just published does not name of its own.

    Objects of former generations stay for a day: somebody may be watching them.
    A failure is only logged, because the sweep cleans up again whatever happens here.
    """
    try:
        later = (
            object_keys.early_prefix(job.id, job.generation),
            object_keys.quality_prefix(job.id, job.generation),
        )
        listed = storage.list(bucket, object_keys.prefix(job.id, job.generation))
        # Somebody may be watching the early playlists: they stay for a day, as what samples say does.
        keys = [stored.key for stored in listed if not stored.key.startswith(later)]
        strays = retention.strays(keys, _manifest(outputs, storage, bucket), outputs)
        _remove(job.id, strays, storage, bucket)
    except RugbytxError as error:
        log.warning("clean-up-failed", extra={"job_id": job.id, "reason": str(error)})


def clean_once(store: Store, storage: Storage, bucket: str) -> int:
    """Do the clean-ups that are due; return how many objects went.

    A clean-up is forgotten last, so that one which was cut off is repeated, and
    one that failed is scheduled for later first: it must not keep the others waiting.
    """
    removed = 0
    for cleaning in store.cleanups.list_due(MOST_CLEANINGS):
        try:
            removed += _clean(cleaning, store, storage, bucket)
        except RugbytxError as error:
            log.warning("clean-up-failed", extra={"job_id": cleaning.job_id, "reason": str(error)})
            store.cleanups.schedule(replace(cleaning, due_at=int(store.now()) + PUT_OFF_S))
        store.cleanups.forget(cleaning)
    return removed


def _clean(cleaning: Cleaning, store: Store, storage: Storage, bucket: str) -> int:
    """Do one clean-up.

    The objects are listed before the job is read: whatever a generation writes
    that opens after the look cannot be among them, however slow we are.
    """
    keys = [stored.key for stored in storage.list(bucket, object_keys.job_prefix(cleaning.job_id))]
    job = store.jobs.read(cleaning.job_id)
    decision = retention.decide(job, now=store.now())
    if not decision.clean:
        return 0
    spared = decision.spared
    manifest = _manifest(spared, storage, bucket) if spared else None
    look = store.units.read(manifest.job_id, manifest.generation).get(CHECK) if manifest else None
    look_fence = look.fence if look and look.state is State.DONE else None
    strays = retention.strays(keys, manifest, spared, look_fence=look_fence)
    _remove(cleaning.job_id, strays, storage, bucket)
    return len(strays)


def _manifest(outputs: Outputs, storage: Storage, bucket: str) -> Manifest:
    """Return the manifest that the job's record names, and no other: it says what must not go."""
    return manifest_of(storage.get(bucket, outputs.manifest_key), outputs)


def _remove(job_id: str, strays: Sequence[str], storage: Storage, bucket: str) -> None:
    if strays:
        storage.delete(bucket, strays)
        log.info("strays-removed", extra={"job_id": job_id, "objects": len(strays)})

"""Adding to trails: what cannot be written is only logged, for the deed is done."""

import getpass
import logging
import socket

from rugbytx.core.job import audit_trail
from rugbytx.core.job.audit_trail import AuditEntry
from rugbytx.core.job.job import Job
from rugbytx.errors import RugbytxError
from rugbytx.ports import Store

log = logging.getLogger(__name__)


def record_entry(
    store: Store, job_id: str, what: str, *, by: str, generation: int = 0, reason: str = ""
) -> None:
    """Add an entry of this moment to a job's trail, or to the system's."""
    try:
        entry = AuditEntry(at=store.now(), what=what, by=by, generation=generation, reason=reason)
        store.audit.add(job_id, entry)
    except RugbytxError as error:
        log.warning("trail-not-written", extra={"job_id": job_id, "reason": str(error)})


def record_retry(store: Store, former: Job, following: Job, *, by: str, reason: str) -> None:
    """Add that a job is done again; its record forgets by that who had submitted it first."""
    try:
        if first := audit_trail.submitted(former):
            store.audit.add(former.id, first)
    except RugbytxError as error:
        log.warning("trail-not-written", extra={"job_id": former.id, "reason": str(error)})
    record_entry(
        store, following.id, audit_trail.RETRIED, by=by, generation=following.generation, reason=reason
    )


def who() -> str:
    """Return who this process works for, as ``name@host``."""
    try:
        name = getpass.getuser()
    except (KeyError, OSError):  # a container may run under a number that has no name
        name = "unknown"
    return f"{name}@{socket.gethostname()}"

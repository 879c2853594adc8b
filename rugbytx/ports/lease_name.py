"""The names of the leases that one process holds for all: what ``Leases.acquire`` is asked for."""

from enum import StrEnum


class LeaseName(StrEnum):
    """A lease of the whole system; several try, and one works."""

    #: To decide and to move the fleet.
    AUTOSCALER = "autoscaler"
    #: To send pointers for jobs that nobody keeps awake, and to clean up.
    SWEEP = "sweep"
    #: To tell others how jobs end.
    NOTIFY = "notify"


def early(job_id: str) -> str:
    """Return the name of a job's own lease: to write its early playlists."""
    return f"early-{job_id}"

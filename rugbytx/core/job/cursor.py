"""Lists of jobs, page by page: the last submitted first."""

from dataclasses import dataclass
from typing import Self

from rugbytx.core.job.job import Job


@dataclass(frozen=True, order=True)
class Mark:
    """A place in the list: behind the job with this time of submission and this id.

    >>> str(Mark(1_790_000_000.25, "7ad4"))
    '1790000000.25~7ad4'
    >>> Mark.parse("1790000000.25~7ad4")
    Mark(submitted_at=1790000000.25, job_id='7ad4')
    """

    submitted_at: float
    job_id: str

    def __str__(self) -> str:
        return f"{self.submitted_at!r}~{self.job_id}"

    @classmethod
    def parse(cls, text: str) -> Self:
        """Return the mark that ``str`` made; raises ValueError for anything else."""
        submitted_at, tilde, job_id = text.partition("~")
        if not tilde:
            raise ValueError(f"{text!r} is no place in the list")
        return cls(float(submitted_at), job_id)


def mark_of(job: Job) -> Mark:
    """Return the place behind a job."""
    return Mark(job.submitted_at, job.id)

"""What a queue tells of its messages."""

from dataclasses import dataclass

from rugbytx.core.job.job import Pointer


@dataclass(frozen=True, kw_only=True)
class Depth:
    """SQS's own, approximate counts."""

    visible: int
    in_flight: int


@dataclass(frozen=True, kw_only=True)
class DeadLetter:
    """A message that nobody could handle, as a receive hands it out."""

    id: str
    receipt: str
    #: The queue's own time.
    sent_at: float
    receives: int
    body: str
    #: What the body says, read as a worker reads it: a pointer, the source of a submission, or why it is neither.
    pointer: Pointer | None = None
    submits: str = ""
    refusal: str = ""

"""A host's permissions: everything, but for what a test denies."""

from collections.abc import Sequence
from dataclasses import dataclass, field

from rugbytx.ports import Tried

QUEUE = ("sqs:ReceiveMessage", "sqs:SendMessage")
TABLE = ("dynamodb:GetItem", "dynamodb:PutItem")


@dataclass(kw_only=True)
class FakePermissions:
    """The ``Permissions`` port in memory."""

    denied: set[str] = field(default_factory=set)

    def queue(self) -> Sequence[Tried]:
        """Say what may be done with the queue."""
        return self._tried(QUEUE)

    def table(self) -> Sequence[Tried]:
        """Say what may be done with the table."""
        return self._tried(TABLE)

    def bucket(self, name: str, *, writes: bool) -> Sequence[Tried]:
        """Say what may be done with a bucket."""
        del name
        return self._tried(("s3:ListBucket", "s3:GetObject", *(["s3:PutObject"] if writes else [])))

    def _tried(self, actions: Sequence[str]) -> Sequence[Tried]:
        return [
            Tried(action=action, refusal="AccessDenied" if action in self.denied else "")
            for action in actions
        ]

"""A courier in memory, whose targets refuse as often as a test says."""

from collections import Counter

from rugbytx.core.notify.notification import Notification
from rugbytx.errors import NotDelivered


class FakeCourier:
    """``ports.Courier`` in memory: what each target got, in order."""

    def __init__(self) -> None:
        self.got: dict[str, list[str]] = {}
        self.bodies: dict[str, set[str]] = {}
        #: How often each target refuses from here on.
        self.refusals: Counter[str] = Counter()
        #: What breaks the courier itself for a target.
        self.faults: dict[str, Exception] = {}
        self.tries = 0

    def deliver(self, target: str, notification: Notification, *, sent_at: float) -> None:
        """Take a notification, or refuse it."""
        del sent_at
        self.tries += 1
        if fault := self.faults.get(target):
            raise fault
        if self.refusals[target] > 0:
            self.refusals[target] -= 1
            raise NotDelivered("it answered 503")
        self.got.setdefault(target, []).append(notification.id)
        self.bodies.setdefault(notification.id, set()).add(notification.body)

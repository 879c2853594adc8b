"""EventBridge: notifications as events on a bus."""

from typing import Any

from rugbytx.aws.client import client as new_client
from rugbytx.aws.client import translated
from rugbytx.core.notify.notification import Notification
from rugbytx.errors import NotDelivered, Unreachable

#: The source of the events, for a rule's pattern.
SOURCE = "rugbytx"
PREFIX = "eventbridge:"


class EventBridge:
    """What carries notifications to buses: ``eventbridge:<name or ARN>``."""

    def __init__(self, client: Any = None) -> None:
        self._client = client

    def deliver(self, target: str, notification: Notification, *, sent_at: float) -> None:
        """Put one event; raises NotDelivered unless the bus has taken it."""
        del sent_at  # EventBridge dates what it takes
        self._client = self._client or new_client("events")
        bus = target.removeprefix(PREFIX)
        entry = {
            "EventBusName": bus,
            "Source": SOURCE,
            "DetailType": str(notification.kind),
            "Detail": notification.body,
        }
        try:
            with translated(self._client, f"event bus {bus}"):
                answer = self._client.put_events(Entries=[entry])
        except Unreachable as error:
            raise NotDelivered(str(error)) from error
        if answer.get("FailedEntryCount"):
            raise NotDelivered(f"EventBridge refused it: {answer['Entries'][0].get('ErrorCode')}")

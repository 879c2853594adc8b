"""The couriers put together: what a target's name says of the way to it."""

from dataclasses import dataclass

from rugbytx.aws.eventbridge import PREFIX, EventBridge
from rugbytx.core.notify.notification import Notification
from rugbytx.core.notify.signature import key_of
from rugbytx.notify.webhook import Webhooks
from rugbytx.ports import Courier
from rugbytx.settings import Settings


@dataclass(frozen=True, kw_only=True)
class Couriers:
    """A ``ports.Courier`` for every kind of target."""

    webhooks: Courier
    buses: Courier

    def deliver(self, target: str, notification: Notification, *, sent_at: float) -> None:
        """Hand the notification to whoever carries it to this target."""
        courier = self.buses if target.startswith(PREFIX) else self.webhooks
        courier.deliver(target, notification, sent_at=sent_at)


def couriers(settings: Settings) -> Couriers:
    """Return the couriers of a process with these settings."""
    secret = settings.notify_secret.get_secret_value()
    webhooks = Webhooks(key=key_of(secret) if secret else None, is_private_allowed=settings.notify_private)
    return Couriers(webhooks=webhooks, buses=EventBridge())


def everywhere(settings: Settings) -> tuple[str, ...]:
    """Return the targets that are told of every job."""
    return (f"{PREFIX}{settings.event_bus}",) if settings.event_bus else ()

"""One delivery of a message, and when the message is worn out."""

from dataclasses import dataclass

#: The receive at which a fresh message replaces this one, well before the tenth, after which SQS would move it to the
#: dead-letter queue.
WORN_RECEIVES = 5

#: The age at which a fresh message replaces this one: SQS extends no further than twelve hours from the receive, and
#: refuses what goes beyond (ChangeMessageVisibility).
WORN_S = 6 * 3600.0


@dataclass(frozen=True, kw_only=True)
class Delivery:
    """What a lane knows of the message that it was started for."""

    #: The handle that extends and acknowledges the message, until it is received again.
    receipt: str
    #: How often the message has been received, this time included.
    receives: int = 1
    #: When it was first received, by SQS's clock; None where SQS did not say.
    first_received_at: float | None = None


def worn(delivery: Delivery, *, now: float) -> str:
    """Return why a fresh message should take this one's place, or an empty string.

    A message first received long ago may have been in this lane's hands for a
    minute only.  Replacing it too early costs one message more; counting from
    this receive would need a clock that no lane has.

    >>> worn(Delivery(receipt="r", receives=2, first_received_at=1000.0), now=1060.0)
    ''
    >>> worn(Delivery(receipt="r", receives=5), now=1060.0)
    'received-too-often'
    """
    if delivery.receives >= WORN_RECEIVES:
        return "received-too-often"
    if delivery.first_received_at is not None and now - delivery.first_received_at >= WORN_S:
        return "held-too-long"
    return ""

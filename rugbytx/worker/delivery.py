"""What SQS said of the message behind a task."""

from typing import Any

from celery import Task

from rugbytx.core.job.message import Delivery


def delivery_of(task: Task[Any, Any]) -> Delivery:
    """Return what SQS said of the message: kombu keeps the receipt as the delivery tag, and the rest beside it.

    Which attributes are fetched is ``fetch_message_attributes`` in ``celeryconfig``.
    """
    properties: dict[str, Any] = task.request.properties or {}
    attributes: dict[str, str] = properties["delivery_info"]["sqs_message"].get("Attributes", {})
    first_received_ms = attributes.get("ApproximateFirstReceiveTimestamp")
    return Delivery(
        receipt=str(properties["delivery_tag"]),
        receives=int(attributes.get("ApproximateReceiveCount", 1)),
        first_received_at=int(first_received_ms) / 1000 if first_received_ms else None,
    )

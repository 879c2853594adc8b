"""Settling messages, away from the event loop: acknowledging them, or showing them again.

A call to SQS that hangs must stop neither the receives nor the pool, which is
what it does on kombu's event loop.  So a thread makes these calls, one after
the other, and tries again; whatever it cannot settle, SQS settles by the
message's visibility timeout, and the next delivery finds out from the store.
"""

import itertools
import logging
import queue
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from functools import cache, cached_property
from typing import TYPE_CHECKING

from rugbytx.aws.client import client, code, translated
from rugbytx.aws.sqs.queue import REFUSALS
from rugbytx.broker.poll import pause_s
from rugbytx.errors import RugbytxError

if TYPE_CHECKING:
    from mypy_boto3_sqs import SQSClient

log = logging.getLogger(__name__)

#: How long settling a message is tried: after that the message is visible again.
SETTLE_S = 60.0
#: How long a process that ends waits for its last messages.
LEAVE_S = 4.0


@dataclass(frozen=True, kw_only=True)
class Receipt:
    """What a received message is settled with."""

    message_id: str
    queue_url: str
    handle: str


class SettleStep(StrEnum):
    """What may be done with a message."""

    ACKNOWLEDGE = "acknowledge"
    SHOW = "show"


class Settler:
    """The thread that settles; it begins with the first message, after the pool has forked."""

    def __init__(self, make_client: "Callable[[], SQSClient]") -> None:
        self._make_client = make_client
        self._jobs: queue.SimpleQueue[tuple[SettleStep, Receipt]] = queue.SimpleQueue()
        self._thread: threading.Thread | None = None
        self._leaving = threading.Event()
        self._settled = threading.Condition()
        self._open = 0

    def acknowledge(self, receipt: Receipt) -> None:
        """Delete a message."""
        self._add(SettleStep.ACKNOWLEDGE, receipt)

    def show(self, receipt: Receipt) -> None:
        """Make a message visible at once."""
        self._add(SettleStep.SHOW, receipt)

    def finish(self, *, within_s: float) -> bool:
        """Return whether everything was settled in time; from now on each message has one try."""
        self._leaving.set()
        with self._settled:
            return self._settled.wait_for(lambda: not self._open, within_s)

    @property
    def is_done(self) -> bool:
        """Return whether everything so far was settled."""
        return not self._open

    def _add(self, step: SettleStep, receipt: Receipt) -> None:
        with self._settled:
            self._open += 1
        self._jobs.put((step, receipt))
        if self._thread is None:
            self._thread = threading.Thread(target=self._run, name="settle", daemon=True)
            self._thread.start()

    def _run(self) -> None:
        while True:
            step, receipt = self._jobs.get()
            try:
                self._settle(step, receipt)
            except Exception:
                log.exception("message-unsettled", extra=_fields(step, receipt))
            finally:
                with self._settled:
                    self._open -= 1
                    self._settled.notify_all()

    def _settle(self, step: SettleStep, receipt: Receipt) -> None:
        """Try until it is done, refused, or too late."""
        began = time.monotonic()
        for failures in itertools.count(1):
            try:
                refusal = self._call(step, receipt)
            except RugbytxError as error:
                extra = _fields(step, receipt, reason=str(error))
                wait_s = pause_s(failures)
                if time.monotonic() - began + wait_s > SETTLE_S or self._leaving.wait(wait_s):
                    log.error("message-unsettled", extra=extra)  # noqa: TRY400  the reason says it all
                    return
                log.warning("settle-retried", extra=extra)
            else:
                if refusal:
                    # Deleted, visible again, or received by another: no longer ours to settle.
                    log.warning("receipt-refused", extra=_fields(step, receipt, reason=refusal))
                return

    def _call(self, step: SettleStep, receipt: Receipt) -> str:
        """Ask SQS once; return the code with which it refused the receipt, if it did."""
        from botocore.exceptions import ClientError

        sqs = self._client
        with translated(sqs, "queue"):
            try:
                if step is SettleStep.ACKNOWLEDGE:
                    sqs.delete_message(QueueUrl=receipt.queue_url, ReceiptHandle=receipt.handle)
                else:
                    sqs.change_message_visibility(
                        QueueUrl=receipt.queue_url, ReceiptHandle=receipt.handle, VisibilityTimeout=0
                    )
            except ClientError as error:
                refusal = code(error).removeprefix("AWS.SimpleQueueService.")
                if refusal in REFUSALS:
                    return refusal
                raise
        return ""

    @cached_property
    def _client(self) -> "SQSClient":
        return self._make_client()


def _fields(step: SettleStep, receipt: Receipt, **more: str) -> dict[str, str]:
    return {"message_id": receipt.message_id, "step": step.value, **more}


@cache
def settler() -> Settler:
    """Return this process's settler."""
    return Settler(lambda: client("sqs"))

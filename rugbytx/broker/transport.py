"""kombu's SQS transport, mended where a long task or a bad network breaks it.

::

    Poll ──► gate open? a slot free? ──► receive ──► HELD ──► Celery's pool ──► acknowledged or
     (poll.py)        (QoS)            (wire.py)   (unsettled)                  shown (settle.py)

Between a receive and the start of its task the queue's own visibility timeout
holds the message: a message is received only when a pool process is free, so
that takes no longer than a call between two processes.  From then on the
task's heartbeat extends it.

No message is ever published here, so nothing of ETA, countdown or kombu's
``backoff_policy`` is used (that one ends the worker with a KeyError).  Written
for kombu 5.7.0 exactly: each override says what it is for.
"""

import logging
import os
from collections import OrderedDict
from collections.abc import Callable, Sequence
from functools import partial
from multiprocessing.util import Finalize
from typing import Any
from weakref import WeakSet

from celery.worker.state import active_requests, reserved_requests
from kombu.asynchronous.hub import get_event_loop, set_event_loop
from kombu.transport import SQS
from kombu.transport.virtual.base import queue_declare_ok_t
from vine import promise

from rugbytx.broker import gate, incoming
from rugbytx.broker.poll import OnReceived, Poll, Restraint
from rugbytx.broker.settle import LEAVE_S, Receipt, settler
from rugbytx.broker.wire import ANSWER_S, Curl, ReceiveResult, SqsConnection

log = logging.getLogger(__name__)

#: The shortest time between two checks whether a receive is allowed.
SHORTEST_INTERVAL_S = 0.1

#: kombu's messages that are not settled, by delivery tag.  Of the process and not of a channel: a
#: connection that is replaced does not end the tasks that came through it.
HELD: "OrderedDict[str, Any]" = OrderedDict()

#: One for the process, too: it is about the message and not about the connection.
restraint = Restraint()


class QoS(SQS.QoS):
    """What may be received, and what is held."""

    def __init__(self, channel: Any, prefetch_count: int = 0) -> None:
        """Hold messages in ``HELD``; nothing is restored when a channel is collected."""
        super().__init__(channel, prefetch_count)
        self._on_collect.cancel()
        self._delivered = HELD
        self._quick_append = HELD.__setitem__

    def can_consume(self) -> bool:
        """Return whether a slot is free and the gate open.

        kombu's own count forgets running tasks when a connection is replaced.
        """
        return self.can_consume_max_estimate() > 0 and not restraint.holds() and gate.current().is_open()

    def can_consume_max_estimate(self) -> int:
        """Return the number of free slots: what Celery reserved and what is held are busy ones."""
        slots: int = self.prefetch_count or 1
        return max(0, slots - max(len(reserved_requests), len(HELD)))

    def restore_unacked_once(self, stderr: object = None) -> None:
        """Do nothing: a closing channel's messages belong to the process, see ``Channel.close``."""


class Channel(SQS.Channel):
    """The worker's channel: it receives through ``Poll`` and settles through ``Settler``."""

    QoS = QoS

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        """Find the worker's event loop again.

        Celery resets its hub when a connection is lost, kombu's hub forgets
        itself then (celery/kombu#2404), and a channel without a hub never polls.
        """
        _restore_event_loop()
        super().__init__(*args, **kwargs)
        self._polls: dict[str, Poll] = {}
        self._wire: SqsConnection | None = None

    def queue_declare(self, queue: str | None = None, passive: bool = False, **_: Any) -> Any:
        """Answer without asking SQS.

        kombu asks for the number of messages, which nobody reads, and an answer
        that says no (a ClientError) ends the worker.  So connecting needs no
        network: the first receive finds out, and receives survive.
        """
        del passive
        self._new_queue(queue)  # raises for a queue that is not configured
        return queue_declare_ok_t(queue, 0, 0)

    def _schedule_queue(self, queue: str) -> None:
        """Begin to poll; kombu's chain of receives is replaced by ``Poll``'s."""
        if queue not in self._active_queues or queue in self._polls:
            return
        self._polls[queue] = Poll(
            hub=self.hub,
            queue=queue,
            may_receive=self._may_receive,
            receive=partial(self._receive, queue),
            abandon=self._hang_up,
            timeout_s=self.wait_time_seconds + ANSWER_S,
            interval_s=max(self.connection.polling_interval or 0.0, SHORTEST_INTERVAL_S),
        )
        self._polls[queue].start()

    def basic_cancel(self, consumer_tag: str) -> Any:
        """Stop polling as well; a receive under way is answered by showing its messages again."""
        if poll := self._polls.pop(self._tag_to_queue.get(consumer_tag, ""), None):
            poll.stop()
        return super().basic_cancel(consumer_tag)

    def close(self) -> None:
        """Show what Celery will drop, and keep what its pool is at work on.

        When a connection is replaced, Celery discards the requests that no pool
        process has accepted, and counts on their redelivery; the others go on,
        and acknowledge in the end.  kombu restores all, so that running tasks
        are run twice.
        """
        super().close()
        self._hang_up()
        running = {request.id for request in active_requests}
        for tag, message in list(HELD.items()):
            if message.channel is self and message.headers.get("id") not in running:
                _let_go(tag, message, settler().show)

    def _may_receive(self) -> bool:
        """Return whether a receive may begin: one at a time, as each may take all free slots.

        kombu receives from each queue for itself, so that a worker with two
        queues holds a message that it cannot begin: celery/celery#7742.
        """
        return self not in RECEIVING and self.qos.can_consume()

    def _receive(self, queue: str, on_received: OnReceived) -> None:
        """Ask for as many messages as there are slots free; whatever raises here, no receive is under way."""
        url = self._new_queue(queue)
        RECEIVING.add(self)
        try:
            self._wired(queue).receive_message(
                queue,
                url,
                number_messages=self._get_message_estimate(),
                wait_time_seconds=self.wait_time_seconds,
                callback=promise(partial(self._hand_over, queue, url, on_received)),
            )
        except Exception:
            RECEIVING.discard(self)
            raise

    def _wired(self, queue: str) -> SqsConnection:
        """Return the connection for receives; an HTTP client of its own, so that it can be broken off."""
        if self._wire is None:
            self._wire = SqsConnection(
                self.sqs(queue=self.canonical_queue_name(queue)),
                http_client=Curl(self.hub),
                timeout_s=self.wait_time_seconds + ANSWER_S,
                attributes=self.get_message_attributes["MessageSystemAttributeNames"],
            )
        return self._wire

    def _hand_over(self, queue: str, url: str, on_received: OnReceived, answer: ReceiveResult) -> None:
        """Give messages to Celery, those that are ours; one that breaks it ends the worker and is left to SQS."""
        deliver = self.connection._callbacks.get(queue) if self.connection else None  # noqa: SLF001  kombu's own way
        try:
            if deliver is None:
                self._release_messages(url, queue, answer.messages)
            else:
                for message in answer.messages:
                    self._deliver(deliver, message, queue, url)
        finally:
            # Not before: between the receive and HELD the worker would look idle.
            RECEIVING.discard(self)
        on_received(len(answer.messages), answer.failure)

    def _deliver(self, deliver: Any, message: dict[str, Any], queue: str, url: str) -> None:
        try:
            if readable := incoming.remade(message):
                deliver(self._message_to_python(readable, queue, url))
        except Exception:
            HELD.pop(message["ReceiptHandle"], None)
            log.exception("message-broke", extra={"message_id": message["MessageId"]})
            incoming.leave()

    def _release_messages(self, queue: str, qname: str, messages: Sequence[dict[str, Any]]) -> None:
        """Show messages that came after the consumer was cancelled; kombu blocks the event loop for it."""
        del qname
        for message in messages:
            settler().show(_receipt_of(queue, message))

    def _hang_up(self) -> None:
        """Break off the receive under way, if there is one."""
        RECEIVING.discard(self)
        if self._wire is not None:
            self._wire._httpclient.close()  # noqa: SLF001  kombu hands it no further
            self._wire = None

    def basic_ack(self, delivery_tag: str, multiple: bool = False) -> None:
        """Acknowledge through the settler, also where this channel has been replaced.

        kombu blocks the event loop for it, says nothing when SQS refuses, and
        forgets to do it on a channel that was closed.
        """
        del multiple
        if message := HELD.get(delivery_tag):
            restraint.reset()
            _let_go(delivery_tag, message, settler().acknowledge)

    def basic_reject(self, delivery_tag: str, requeue: bool = False) -> None:
        """Show the message at once, or leave it to its visibility timeout and the redrive policy; never delete it.

        kombu deletes a rejected message where the queue has no redrive policy,
        and shows one only after ``wait_time_seconds``, lest a dying poll receive
        it (celery/kombu#1835): here no poll is under way where all slots were
        busy, and ``Restraint`` keeps the next one from it.
        """
        message = HELD.get(delivery_tag)
        if message is None:
            return
        if requeue:
            restraint.handed_back()
            _let_go(delivery_tag, message, settler().show)
        else:
            del HELD[delivery_tag]
            log.warning("message-left", extra={"message_id": _receipt(message).message_id})


#: The channels with a receive under way.
RECEIVING: "WeakSet[Channel]" = WeakSet()


def is_idle() -> bool:
    """Return whether this process receives nothing, holds nothing, has no task and nothing left to settle.

    From any thread.  A message is always in one of these, and they are asked in
    the order that it takes through them.
    """
    if RECEIVING or HELD or reserved_requests or active_requests:
        return False
    return not settler.cache_info().currsize or settler().is_done


class Transport(SQS.Transport):
    """What ``broker_transport`` names."""

    Channel = Channel


def _let_go(tag: str, message: Any, settle: Callable[[Receipt], None]) -> None:
    """Settle a held message.  It is held until then, so that the worker never looks idle in between."""
    settle(_receipt(message))
    HELD.pop(tag, None)


def _receipt(message: Any) -> Receipt:
    """Return what settles a message of kombu's."""
    delivery = message.delivery_info
    return _receipt_of(delivery["sqs_queue"], delivery["sqs_message"])


def _receipt_of(queue_url: str, message: dict[str, Any]) -> Receipt:
    return Receipt(message_id=message["MessageId"], queue_url=queue_url, handle=message["ReceiptHandle"])


#: The event loop that this process's channels were last made with.
_loops: dict[int, Any] = {}


def _restore_event_loop() -> None:
    """Make the loop that was current in this process current again, or remember the one that is."""
    if loop := get_event_loop():
        _loops[os.getpid()] = loop
    elif loop := _loops.get(os.getpid()):
        set_event_loop(loop)


def _leave() -> None:
    """Show what a process that ends still holds, and settle what can be settled in time."""
    for tag, message in list(HELD.items()):
        _let_go(tag, message, settler().show)
    if settler.cache_info().currsize and not settler().finish(within_s=LEAVE_S):
        log.error("messages-unsettled-at-exit")


# Not atexit: this one keeps to the process that set it, and pool children inherit what is set here.
Finalize(None, _leave, exitpriority=0)

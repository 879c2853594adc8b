"""What a pointer looks like on SQS, so that a stock Celery worker can read it.

The messages are made here and not by Celery, so that an upload service that
submits a job needs neither Celery nor a broker connection.  What a body is::

    SQS body      kombu's envelope as plain JSON; kombu takes Base64 as well, but people read this one
    ├── headers   the task's name and id: Celery's message protocol, version 2
    └── body      [args, kwargs, embed] as a JSON string; kwargs are the pointer's fields

Protocol: https://docs.celeryq.dev/en/stable/internals/protocol.html
"""

import json
import os
import socket
import uuid
from typing import Any

from rugbytx.core.job.job import Pointer

#: Celery's name of the task that handles a pointer.
TASK = "rugbytx.transcode"
#: Celery's name of the task that handles a submission, see ``message_parser``.
SUBMISSION = "rugbytx.submit"
#: Celery's name of the queue, whatever SQS calls it.
ROUTING_KEY = "transcode"


def task_message(pointer: Pointer, *, task_id: str = "") -> str:
    """Return the body of an SQS message that makes a Celery worker run ``TASK`` for the pointer.

    Each message is a task of its own with an id of its own, a fresh one unless
    it is given.  ``argsrepr``, ``kwargsrepr`` and ``origin`` are what Flower shows.
    """
    return _message(TASK, pointer.model_dump(mode="json"), task_id)


def submission_message(source: str, profile: str, *, task_id: str = "") -> str:
    """Return the body of a message that makes a Celery worker submit a source."""
    return _message(SUBMISSION, {"source": source, "profile": profile}, task_id)


def _message(task: str, kwargs: dict[str, Any], task_id: str) -> str:
    task_id = task_id or str(uuid.uuid4())
    headers: dict[str, Any] = {
        "lang": "py",
        "task": task,
        "id": task_id,
        "root_id": task_id,
        "parent_id": None,
        "group": None,
        "group_index": None,
        "shadow": None,
        "eta": None,
        "expires": None,
        "retries": 0,
        "timelimit": [None, None],
        "argsrepr": "()",
        "kwargsrepr": repr(kwargs),
        "origin": f"{os.getpid()}@{socket.gethostname()}",
        "ignore_result": True,
        "replaced_task_nesting": 0,
        "stamped_headers": None,
        "stamps": {},
    }
    embed = {"callbacks": None, "errbacks": None, "chain": None, "chord": None}
    envelope = {
        "body": json.dumps([[], kwargs, embed]),
        "content-encoding": "utf-8",
        "content-type": "application/json",
        "headers": headers,
        "properties": {
            "correlation_id": task_id,
            "reply_to": "",
            "delivery_mode": 2,
            "delivery_info": {"exchange": "", "routing_key": ROUTING_KEY},
            "delivery_tag": task_id,
            "priority": 0,
        },
    }
    return json.dumps(envelope)

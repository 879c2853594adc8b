"""The reference's application: one Celery task on SQS, as a tutorial has it, and nothing of ours.

``BENCH_QUEUE`` is the address of a queue: then it is spoken to with the settings that
our workers have in the local system, by kombu's own transport.  Without it everything
is Celery's default.
"""

import os
import sys
from typing import Any

from celery import Celery

import celeryconfig.local

TASK = "bench.transcode"


def app_for(url: str) -> "Celery[Any]":
    """Return the application, for the queue at ``url`` or, where that is empty, as Celery makes it."""
    made = Celery("plain", broker="sqs://", set_as_current=False)
    if url:
        made.config_from_object(celeryconfig.local)
        made.conf.update(
            broker_transport="sqs",
            broker_transport_options={
                **celeryconfig.local.broker_transport_options,
                "predefined_queues": {"transcode": {"url": url}},
            },
        )
    made.conf.task_ignore_result = True
    made.task(name=TASK)(transcode)
    return made


def transcode(source: str) -> None:
    """Do nothing, at once."""
    del source


app = app_for(os.environ.get("BENCH_QUEUE", ""))


if __name__ == "__main__":
    for number in range(int(sys.argv[1])):
        app.tasks[TASK].delay(source=f"s3://bucket/{number}.mp4")

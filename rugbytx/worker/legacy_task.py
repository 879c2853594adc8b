"""The task behind a submission in the queue: submit the object that it names, as the upload service would have."""

import logging
from typing import Any

from celery import Task
from celery.exceptions import Reject

from rugbytx import intake
from rugbytx.aws.sqs.message import SUBMISSION
from rugbytx.errors import JobRejected, RugbytxError
from rugbytx.source import parse_url
from rugbytx.worker.app import app

log = logging.getLogger(__name__)


@app.task(bind=True, name=SUBMISSION)
def submit(_task: Task[Any, Any], /, *, source: str, profile: str) -> None:
    """Submit an object of a source bucket; returning acknowledges the message.

    Submitting twice is one job, so a message that is delivered twice does no
    harm.  What no repetition will cure is left to SQS, which moves it to the
    dead-letter queue, where somebody can look at it.
    """
    try:
        parse_url(source)  # a path would be of this host's disk, and nobody here may mean that
        # Unlike a command, a worker bears settings that it does not know.
        accepted = intake.accept(
            intake.Request(source=source, profile=profile), app.worker_process.connection
        )
    except JobRejected as error:
        log.warning("submission-refused", extra={"source": source, "reason": str(error)})
        raise Reject(str(error), requeue=False) from error
    except RugbytxError as error:
        log.warning("submission-failed", extra={"source": source, "reason": str(error)})
        raise Reject(str(error), requeue=True) from error
    log.info("submitted", extra={"source": source, "job_id": accepted.job.id, "reason": accepted.reason})

"""What a target gets to read: one JSON object, the same for webhooks and EventBridge (docs/howto/notifications.md)."""

import json

from rugbytx.core.job.job import Job
from rugbytx.core.notify.notification import Notification, NotificationKind
from rugbytx.core.timestamp import iso
from rugbytx.urls import OutputBucket, object_url

#: Grows only if a reader of the one before would misread it; a key more is none of that.
SCHEMA = 1


def body(notification: Notification, job: Job, place: OutputBucket) -> str:
    """Return the JSON text; keys are stable and always there, and what is not known is null.

    ``job`` may be of a later generation: its source and profile are the same.
    """
    is_same = job.generation == notification.generation
    outputs = job.outputs if is_same else notification.outputs
    if notification.kind is not NotificationKind.SUCCEEDED:
        outputs = None
    values = {
        "schema": SCHEMA,
        "id": notification.id,
        "type": str(notification.kind),
        "timestamp": iso((job.ended_at if is_same else None) or notification.at),
        "job_id": job.id,
        "generation": notification.generation,
        "reason": (job.reason if is_same else "") or notification.reason or None,
        "source": job.source.url,
        "profile": job.profile.name,
        "submitted_at": iso(job.submitted_at) if is_same else None,
        "deadline_at": iso(job.deadline_at) if is_same else None,
        "finish_at": iso(notification.finish_at),
        "master_url": object_url(outputs.master_key, place) if outputs else None,
        "mp4_url": object_url(outputs.mp4_key, place) if outputs and outputs.mp4_key else None,
        "poster_url": object_url(outputs.poster_key, place) if outputs and outputs.poster_key else None,
        "manifest_key": outputs.manifest_key if outputs else None,
        "duration_s": outputs.duration_s if outputs else None,
        "output_bytes": outputs.size_bytes if outputs else None,
    }
    return json.dumps(values, ensure_ascii=False)

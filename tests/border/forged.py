"""Messages that somebody forged: a row for each header of Celery's protocol, and for each form of body.

The protocol is https://docs.celeryq.dev/en/stable/internals/protocol.html, version 2.
"""

import base64
import gzip
import json
import pickle
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from rugbytx.aws.sqs import message_parser as kinds
from rugbytx.aws.sqs.message import SUBMISSION, task_message
from rugbytx.core.job.job import Pointer

#: A job that nobody submitted: a lane finds nothing to do for it.
POINTER = Pointer(job_id="00000000000000000000", generation=1)
#: What is expected of a message that is a pointer in spite of what was forged.
READ = ""
FAR = "2099-01-01T00:00:00+00:00"
DEEP = 200_000


@dataclass(frozen=True, kw_only=True)
class Forged:
    """A message, and why it is refused; ``READ`` for a pointer that is read, and nothing besides it."""

    name: str
    body: str
    refusal: str


#: What stands in a header of a message that is well-formed otherwise.
HEADERS: Mapping[str, tuple[Any, ...]] = {
    "timelimit": ([1], "x", [-1, -1], [{"a": 1}, None], ["a", "b"], [1, 1, 1], {"a": 1}),
    "eta": (FAR, "yesterday", 7, ["2099"]),
    "expires": ("2001-01-01T00:00:00+00:00", FAR, -1, "never"),
    "retries": (-1, 10**9, "x", None),
    "argsrepr": ([1], None, "x" * 100_000),
    "kwargsrepr": ([1], None, {"job_id": 1}),
    "id": ("", None, ["x"], "../../etc/passwd"),
    "root_id": ([1],),
    "parent_id": ({"a": 1},),
    "group": ("g", [1]),
    "group_index": ("x",),
    "shadow": ("celery.backend_cleanup", [1]),
    "lang": ("c++", None),
    "origin": ([1],),
    "ignore_result": ("no",),
    "replaced_task_nesting": ("x",),
    "stamped_headers": ("x", [["a"]]),
    "stamps": ("x", {"a": ["b"]}),
    "method": ("__init__",),
    "compression": ("application/x-gzip", "application/x-bz2", "rot13"),
    "delay": (10**9,),
}
#: What stands in the properties of one.
PROPERTIES: Mapping[str, tuple[Any, ...]] = {
    "correlation_id": ([1], None),
    "reply_to": ("someone", [1]),
    "delivery_mode": ("x",),
    "delivery_info": ("x", {"exchange": "celery.pidbox", "routing_key": "other"}, None),
    "delivery_tag": ([1], None, 7),
    "priority": ("x", -1, 10**9),
}
#: What the inner body embeds beside a task's arguments.
EMBEDDED: Mapping[str, Any] = {
    "callbacks": [{"task": SUBMISSION, "args": [], "kwargs": {"source": "/etc/passwd", "profile": "clip"}}],
    "errbacks": [{"task": "celery.backend_cleanup", "args": [], "kwargs": {}}],
    "chain": [{"task": "celery.group", "args": [[]], "kwargs": {}}],
    "chord": {"task": "celery.chord_unlock", "args": [], "kwargs": {}},
}
#: Tasks that every Celery app has.
CELERYS = (
    "accumulate",
    "backend_cleanup",
    "chain",
    "chord",
    "chord_unlock",
    "chunks",
    "group",
    "map",
    "starmap",
)
#: What may stand for a pointer's fields.
POINTERS: Mapping[str, Any] = {
    "empty": {},
    "no generation": {"job_id": "a"},
    "generation of text": {"job_id": "a", "generation": "1"},
    "generation that is true": {"job_id": "a", "generation": True},
    "generation 0": {"job_id": "a", "generation": 0},
    "generation of 300 digits": {"job_id": "a", "generation": 10**300},
    "id of no text": {"job_id": ["a"], "generation": 1},
    "id with a key's separator": {"job_id": "a#JOB", "generation": 1},
    "id that is empty": {"job_id": "", "generation": 1},
    "id of 100,000 characters": {"job_id": "a" * 100_000, "generation": 1},
    "schema of text": {"job_id": "a", "generation": 1, "schema": "2"},
}


def table() -> Iterator[Forged]:
    """Yield every row; names are unique."""
    for header, values in HEADERS.items():
        for number, value in enumerate(values):
            yield Forged(
                name=f"header {header} {number}",
                body=_changed(lambda it, header=header, value=value: it["headers"].update({header: value})),
                refusal=READ,
            )
    for name, values in PROPERTIES.items():
        for number, value in enumerate(values):
            yield Forged(
                name=f"property {name} {number}",
                body=_changed(lambda it, name=name, value=value: it["properties"].update({name: value})),
                refusal=READ,
            )
    for name, value in EMBEDDED.items():
        inner = json.dumps([[], POINTER.model_dump(mode="json"), {name: value}])
        yield Forged(
            name=f"embedded {name}",
            body=_changed(lambda it, inner=inner: it.update(body=inner)),
            refusal=READ,
        )
    yield from _tasks()
    yield from _arguments()
    yield from _bodies()


def _tasks() -> Iterator[Forged]:
    """Yield messages whose task is not ours, or is off."""
    for task in CELERYS:
        yield Forged(
            name=f"task celery.{task}", body=_of_task(f"celery.{task}", {}), refusal=kinds.UNKNOWN_TASK
        )
    yield Forged(name="task of no text", body=_of_task(["x"], {}), refusal=kinds.NO_ENVELOPE)
    yield Forged(
        name="no task", body=_changed(lambda it: it["headers"].pop("task")), refusal=kinds.NO_ENVELOPE
    )
    for source in ("/etc/passwd", "file:///etc/passwd", "s3://rugbytx-source/a.mp4"):
        body = _of_task(SUBMISSION, {"source": source, "profile": "clip"})
        yield Forged(name=f"submission of {source}", body=body, refusal=kinds.SUBMISSIONS_OFF)


def _arguments() -> Iterator[Forged]:
    """Yield messages of our task whose arguments are none."""
    for name, fields in POINTERS.items():
        body = _of_task("rugbytx.transcode", fields)
        yield Forged(name=f"pointer: {name}", body=body, refusal=kinds.WRONG_ARGUMENTS)
    newer = {"job_id": "a", "generation": 1, "schema": 99}
    yield Forged(
        name="pointer: newer", body=_of_task("rugbytx.transcode", newer), refusal=kinds.WRITTEN_BY_NEWER
    )
    inner: Mapping[str, tuple[Any, str]] = {
        "no JSON": ("hello", kinds.NO_JSON),
        "empty": ("", kinds.NO_JSON),
        "deep": ("[" * DEEP, kinds.NO_JSON),
        "NaN": ("[NaN, {}, {}]", kinds.NO_JSON),
        "an object": ("{}", kinds.WRONG_ARGUMENTS),
        "an empty list": ("[]", kinds.WRONG_ARGUMENTS),
        "arguments without names": ('[["a", 1], {}, {}]', kinds.WRONG_ARGUMENTS),
        "no text": ([[], {}, {}], kinds.NO_ENVELOPE),
        "null": (None, kinds.NO_ENVELOPE),
        "gzip": (base64.b64encode(gzip.compress(b"[[], {}, {}]")).decode(), kinds.NO_JSON),
        "pickle": (base64.b64encode(pickle.dumps([[], {}, {}])).decode(), kinds.NO_JSON),
        "YAML": ("!!python/object/apply:os.system ['true']", kinds.NO_JSON),
        "__type__": ('{"__type__": "uuid", "__value__": "x"}', kinds.WRONG_ARGUMENTS),
    }
    for name, (value, refusal) in inner.items():
        yield Forged(
            name=f"inner body: {name}",
            body=_changed(lambda it, value=value: it.update(body=value)),
            refusal=refusal,
        )


def _bodies() -> Iterator[Forged]:
    """Yield messages that are none of Celery's at all."""
    whole: Mapping[str, tuple[str, str]] = {
        "text": ("hello", kinds.NO_JSON),
        "Base64 of nothing": ("AAAA", kinds.NO_JSON),
        "deep": ("[" * DEEP, kinds.NO_JSON),
        "1,000 deep": ("[" * 1000, kinds.NO_JSON),
        "deep in Base64": (base64.b64encode(b"[" * 100_000).decode(), kinds.NO_JSON),
        "pickle in Base64": (base64.b64encode(pickle.dumps({"a": 1})).decode(), kinds.NO_JSON),
        "a number": ("7", kinds.NO_ENVELOPE),
        "null": ("null", kinds.NO_ENVELOPE),
        "a list": ("[]", kinds.NO_ENVELOPE),
        "a list of objects": ('[{"properties": {}, "headers": {}}]', kinds.NO_ENVELOPE),
        "an object": ("{}", kinds.LEGACY_BODY_OFF),
        "another system's": ('{"bucket": "uploads", "key": "final.mp4"}', kinds.LEGACY_BODY_OFF),
        "headers of no object": ('{"body": "", "headers": [], "properties": {}}', kinds.NO_ENVELOPE),
        "properties of no object": (
            '{"body": "", "headers": {"task": "x"}, "properties": 7}',
            kinds.NO_ENVELOPE,
        ),
        "an unknown encoding": (
            _changed(lambda it: it["properties"].update(body_encoding="rot13")),
            kinds.NO_ENVELOPE,
        ),
        "large": (json.dumps({"key": "a" * 250_000}), kinds.LEGACY_BODY_OFF),
        "protocol 1": (
            json.dumps(
                {
                    "body": json.dumps({"task": "rugbytx.transcode", "args": [], "kwargs": {}, "id": "x"}),
                    "headers": {},
                    "properties": {},
                }
            ),
            kinds.NO_ENVELOPE,
        ),
    }
    for name, (body, refusal) in whole.items():
        yield Forged(name=f"body: {name}", body=body, refusal=refusal)
    in_base64 = base64.b64encode(task_message(POINTER).encode()).decode()
    yield Forged(name="body: ours in Base64", body=in_base64, refusal=READ)
    for kind in ("application/x-python-serialize", "application/x-yaml", "application/x-msgpack", None):
        body = _changed(lambda it, kind=kind: it.update({"content-type": kind}))
        yield Forged(name=f"content type {kind}", body=body, refusal=READ)


def _changed(change: Callable[..., Any]) -> str:
    """Return our own message with a change."""
    envelope = json.loads(task_message(POINTER))
    change(envelope)
    return json.dumps(envelope)


def _of_task(task: Any, fields: Mapping[str, Any]) -> str:
    envelope = json.loads(task_message(POINTER))
    envelope["headers"]["task"] = task
    envelope["body"] = json.dumps([[], fields, {}])
    return json.dumps(envelope)

"""Records that nobody of ours wrote: of each kind one without fields, and some with fields of another form."""

import json
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

Item = dict[str, Any]

#: What stands where a number, a text, a set or nested JSON belongs.
ODD_VALUES: tuple[Item, ...] = (
    {"S": "x"},
    {"N": "-1e30"},
    {"BOOL": True},
    {"NULL": True},
    {"L": [{"N": "1"}]},
    {"M": {}},
    {"S": "[" * 1000},
)

#: A job's attributes that are looked at; ``source`` and ``profile`` are JSON.
JOB_FIELDS = (
    "id",
    "source",
    "profile",
    "generation",
    "deadline_at",
    "wake_at",
    "notify",
    "schema",
    "outputs",
)
UNIT_FIELDS = ("key", "state", "fence", "generation", "progress", "measured", "lost", "schema")
WORKER_FIELDS = (
    "name",
    "worker_class",
    "slots",
    "busy",
    "until",
    "seen_at",
    "speeds",
    "jobs",
    "load",
    "schema",
)
SPAN_FIELDS = ("worker", "worker_class", "started_at", "seen_at", "busy_s", "schema")
HALT_FIELDS = ("scope", "name", "at", "by", "schema")

#: Keys of records that are one of a kind, or stand in a partition of their kind.
EMPTY: tuple[tuple[str, str], ...] = (
    ("WORKER", "celery@forged"),
    ("HALT", "class#aws"),
    ("HALT", "odd"),
    ("SCALING", "TOLD"),
    ("SCALING", "DECISION"),
    ("CLEAN", "000000000000001"),
    ("CLEAN", "0"),
    ("OUTBOX", "000000000000001"),
    ("OUTBOX", "0"),
    ("TRAIL", "ENTRY#000001795543200123#x##0"),
    ("LEASE#sweep", "LEASE"),
    ("LEASE#autoscaler", "LEASE"),
    ("LEASE#notify", "LEASE"),
)


def items(*, day: str, now: float, honest: Item, unit: Item) -> Iterator[Item]:
    """Yield odd records beside a system's own; ``honest`` is a job's item, and ``unit`` one of its units.

    >>> len(list(items(day="2026-12-01", now=0.0, honest={"sk": {"S": "JOB"}}, unit={}))) > 150
    True
    """
    for pk, sk in EMPTY:
        yield {"pk": {"S": pk}, "sk": {"S": sk}}
    for number, status in enumerate(("QUEUED", "RUNNING", "SUCCEEDED", "FAILED", "CANCELLED", "DONE")):
        indexed = {"job_status": {"S": status}, "submitted_at": {"N": str(1_795_543_200 + number)}}
        yield {"pk": {"S": f"JOB#bare-{number}"}, "sk": {"S": "JOB"}, **indexed}
    for name, number, value in _odd(JOB_FIELDS):
        job_id = f"odd-{name}-{number}"
        yield {**honest, "id": {"S": job_id}, "pk": {"S": f"JOB#{job_id}"}, name: value}
    yield {**honest, "pk": {"S": "JOB#anothers-id"}}
    yield {**honest, "pk": {"S": "JOB#../../x"}, "id": {"S": "../../x"}}
    for name, number, value in _odd(UNIT_FIELDS):
        keys = {"pk": {"S": f"JOB#unit-{name}-{number}"}, "sk": {"S": "UNIT#0001#PLAN"}}
        yield {**unit, **keys, name: value}
    for name, number, value in _odd(WORKER_FIELDS):
        own = {"S": f"{name}-{number}"}
        alive = {"seen_at": {"N": str(now)}, "until": {"N": str(now + 3600)}}
        yield {**_seed("worker"), **alive, "sk": own, "name": own, name: value}
    for pk, kind, fields in ((f"SPAN#{day}", "span", SPAN_FIELDS), ("HALT", "halt", HALT_FIELDS)):
        for name, number, value in _odd(fields):
            yield {**_seed(kind), "pk": {"S": pk}, "sk": {"S": f"{name}#{number}"}, name: value}


def _seed(kind: str) -> Item:
    """Return the first honest record of a kind's corpus."""
    item: Item = json.loads(
        Path(__file__).with_name("corpus").joinpath(f"{kind}.jsonl").read_text().splitlines()[0]
    )
    return item


def _odd(names: Iterable[str]) -> Iterator[tuple[str, int, Item]]:
    """Yield each field with each odd value."""
    for name in names:
        for number, value in enumerate(ODD_VALUES):
            yield name, number, value

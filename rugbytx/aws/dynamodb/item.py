"""Records as items of the table, and back; ``record_reader`` calls what reads them back.

What conditions and indexes look at is an attribute of its own; what only
travels with a record (source, profile, outputs, ...) is one JSON string::

    pk          sk                       what
    JOB#<id>    JOB                      a job
    JOB#<id>    UNIT#0001#VIDEO#00003    a unit: its generation, then its name
    LEASE#<n>   LEASE                    a singleton's lease
    CLEAN       000001795543200#<id>     a clean-up: when it is due, and of which job
    WORKER      <name>                   what a worker last said of itself
    SPAN#<day>  <worker>#<start>         what a worker was on that day, for the ledger
    SCALING     TOLD                     how many AWS workers are wanted, since when: what gates read
    SCALING     DECISION                 the latest scaling decision, with its facts
    JOB#<id>    ENTRY#000001795543200123#unit-done#VIDEO#00003#1    an entry of the job's trail
    JOB#<id>    NOTE#0001#2#job.failed   what others are told of the job
    OUTBOX      000001795543200#<id>     an errand: when to look at what a job has to tell
    TRAIL       ENTRY#…                  an entry of the system's own trail
    HALT        class#aws                who is to receive nothing
"""

import json
from collections.abc import Mapping
from typing import Any

from pydantic_core import from_json

from rugbytx.aws.dynamodb.record_reader import ODD, schema_of
from rugbytx.aws.dynamodb.table import EXPIRES, Item, attribute
from rugbytx.core.cost.usage import Span, day_of
from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.job import Job, require_id
from rugbytx.core.lease.unit import Unit, UnitKey
from rugbytx.core.output.retention import Cleaning
from rugbytx.core.record import SCHEMA
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.errors import RecordUnreadable, WrittenByNewer

DAY_S = 86_400
#: How long records stay after their last write.
JOB_DAYS = 400
UNIT_DAYS = 30
WORKER_DAYS = 1
SPAN_DAYS = 400

#: A clean-up that nobody did must not outlive its job's record: it would find nothing that spares the outputs.
CLEANING_DAYS = 30

#: How the names of instants end, and the instants of the calendar's first and last day but one.
INSTANTS = ("_at", "until")
FIRST, LAST = -62_135_510_400, 253_402_214_400

JOB_SK = "JOB"
LEASE_SK = "LEASE"
CLEANING_PK = "CLEAN"
WORKER_PK = "WORKER"
SCALING_PK = "SCALING"
TOLD_SK = "TOLD"
DECISION_SK = "DECISION"

#: Attributes that are one JSON string.
NESTED = frozenset(
    {
        *("source", "profile", "outputs", "published", "adopted", "progress", "measured", "repinned"),
        *("jobs", "speeds", "load", "lost", "endings", "dispatches"),
    }
)


def job_pk(job_id: str) -> str:
    """Return the partition key of a job and its units."""
    return f"JOB#{job_id}"


def lease_pk(name: str) -> str:
    """Return the partition key of a singleton's lease."""
    return f"LEASE#{name}"


def unit_sk(generation: int, key: UnitKey | str = "") -> str:
    """Return a unit's sort key, or what the sort keys of all of a generation's units begin with.

    >>> unit_sk(1, UnitKey.parse("VIDEO#00003"))
    'UNIT#0001#VIDEO#00003'
    """
    return f"UNIT#{generation:04d}#{key}"


def expires_at(written_at: float, days: int) -> int:
    """Return when DynamoDB may remove a record, in the whole seconds that its TTL wants."""
    return int(written_at) + days * DAY_S


def job_item(job: Job, *, opening: str) -> Item:
    """Return a job as an item; ``opening`` names the write that opened this generation."""
    fields = job.model_dump(mode="json")
    fields["job_status"] = fields.pop("status")  # only jobs have it, which keeps the index sparse
    fields["done"], fields["notify"] = job.done, job.notify
    fields["opening"] = opening
    fields[EXPIRES] = expires_at(job.submitted_at, JOB_DAYS)
    return make_item(job_pk(job.id), JOB_SK, fields)


def unit_item(job_id: str, unit: Unit, *, written_at: float) -> Item:
    """Return a unit as an item."""
    fields = unit.model_dump(mode="json")
    fields[EXPIRES] = expires_at(written_at, UNIT_DAYS)
    return make_item(job_pk(job_id), unit_sk(unit.generation, unit.key), fields)


def cleaning_sk(due_at: int, job_id: str = "") -> str:
    """Return a clean-up's sort key; without a job, what comes before all that are due then.

    >>> cleaning_sk(1795543200, "7ad4")
    '000001795543200#7ad4'
    """
    return f"{due_at:015d}#{job_id}"


def cleaning_item(cleaning: Cleaning) -> Item:
    """Return a clean-up as an item."""
    fields = {"schema": SCHEMA, EXPIRES: expires_at(cleaning.due_at, CLEANING_DAYS)}
    return make_item(CLEANING_PK, cleaning_sk(cleaning.due_at, cleaning.job_id), fields)


def parse_cleaning(item: Item) -> Cleaning:
    """Return the item's clean-up."""
    due_at, _, job_id = item["sk"]["S"].partition("#")
    return Cleaning(job_id=require_id(job_id), due_at=int(due_at))


def parse_job(item: Item) -> Job:
    """Return the item's job."""
    fields = fields_of(item)
    fields["status"] = fields.pop("job_status")
    job = Job.model_validate(fields)
    _require_key(item, job_pk(require_id(job.id)), JOB_SK)
    return job


def parse_unit(item: Item) -> Unit:
    """Return the item's unit."""
    unit = Unit.model_validate(fields_of(item))
    _require_key(item, item["pk"]["S"], unit_sk(unit.generation, unit.key))
    return unit


def worker_item(worker: Worker) -> Item:
    """Return a worker's presence as an item."""
    fields = worker.model_dump(mode="json")
    fields[EXPIRES] = expires_at(worker.until, WORKER_DAYS)
    return make_item(WORKER_PK, worker.name, fields)


def parse_worker(item: Item) -> Worker:
    """Return the item's worker."""
    worker = Worker.model_validate(fields_of(item))
    _require_key(item, WORKER_PK, worker.name)
    return worker


def span_pk(day: str) -> str:
    """Return the partition key of a UTC day's spans."""
    return f"SPAN#{day}"


def span_item(span: Span) -> Item:
    """Return a span as an item."""
    fields = span.model_dump(mode="json")
    fields[EXPIRES] = expires_at(span.seen_at, SPAN_DAYS)
    sk = f"{span.worker}#{span.started_at:.3f}"
    return make_item(span_pk(day_of(span.started_at)), sk, fields)


def parse_span(item: Item) -> Span:
    """Return the item's span."""
    return Span.model_validate(fields_of(item))


def target_item(target: WorkerTarget) -> Item:
    """Return what gates read as an item."""
    return make_item(SCALING_PK, TOLD_SK, {"schema": SCHEMA, "at": target.at, "wanted": target.wanted})


def decision_item(text: str) -> Item:
    """Return a recorded decision as an item."""
    return make_item(SCALING_PK, DECISION_SK, {"schema": SCHEMA, "text": text})


def parse_decision(item: Item) -> str:
    """Return the decision's text."""
    return str(item["text"]["S"])


def parse_target(item: Item) -> WorkerTarget:
    """Return the target by which gates decide."""
    fields = fields_of(item)
    return WorkerTarget(at=float(fields["at"]), wanted=int(fields["wanted"]))


def _require_key(item: Item, pk: str, sk: str) -> None:
    """Raise ValueError where a record stands under another key than its own: whoever reads it would act on a third."""
    if (item["pk"]["S"], item["sk"]["S"]) != (pk, sk):
        raise ValueError("it stands under another record's key")


def require_known_schema(item: Item) -> None:
    """Raise WrittenByNewer for an item that a newer version wrote: it is left alone, and nobody is charged."""
    try:
        schema = schema_of(item)
    except ODD as error:
        raise RecordUnreadable(
            f"{item['pk']['S']} {item['sk']['S']} has no schema that is a number"
        ) from error
    if schema > SCHEMA:
        kind, _, name = item["pk"]["S"].partition("#")
        raise WrittenByNewer(
            f"{kind.lower()} {name} was written by a newer rugbytx (schema {schema}); update this host"
        )


def make_item(pk: str, sk: str, fields: Mapping[str, Any]) -> Item:
    """Return typed attributes; what is None or an empty set has none."""
    item = {"pk": attribute(pk), "sk": attribute(sk)}
    for name, value in fields.items():
        if value is not None and value != frozenset():
            item[name] = attribute(json.dumps(value) if name in NESTED else value)
    return item


def fields_of(item: Item) -> dict[str, Any]:
    """Return the attributes as what the record's model takes; raises ValueError for an instant of no calendar."""
    fields = {name: _value(name, typed) for name, typed in item.items()}
    _require_instants(fields)
    return fields


def _require_instants(value: Any) -> None:
    """Raise ValueError where an instant, at any depth, is none that can be shown."""
    if isinstance(value, dict):
        for name, inner in value.items():
            is_instant = name == "at" or str(name).endswith(INSTANTS)
            if is_instant and isinstance(inner, float | int) and not FIRST <= inner <= LAST:
                raise ValueError(f"{name} is no instant of the years 1 to 9999")
            _require_instants(inner)
    elif isinstance(value, list):
        for inner in value:
            _require_instants(inner)


def _value(name: str, typed: dict[str, Any]) -> Any:
    (kind, value) = next(iter(typed.items()))
    match kind:
        case "S":
            return from_json(value.encode()) if name in NESTED else value
        case "N":
            return float(value)
        case _:
            return value

"""The conditions under which records are written, by name.

Every write survives its own repetition: the SDK sends a request again when
the answer to the first was lost, and then the condition finds the first one's
work.  So a refused write looks at what stands there before it calls itself
beaten; each adapter's module says how it knows its own writes.
"""

from rugbytx.aws.dynamodb.table import Value
from rugbytx.core.job.job import Status
from rugbytx.core.lease import transition
from rugbytx.core.lease.transition import Event
from rugbytx.core.lease.unit import State
from rugbytx.core.record import SCHEMA

#: Nothing stands under this key: a job nobody submitted, a unit nobody ever claimed, a clean-up nobody scheduled.
ABSENT = "attribute_not_exists(#pk)"

#: No newer version wrote this record.
KNOWN = "#schema <= :SCHEMA"

#: Nobody's schema stands under this key: whatever does was not written by rugbytx.
FOREIGN = "NOT attribute_type(#schema, :NUMBER)"

#: The unit is as its claimer saw it: nobody claimed it, renewed it or gave it back since.
STANDS_AS_SEEN = (
    f"{KNOWN} AND #fence = :seen_fence AND #state = :seen_state AND #lease_until = :seen_lease_until"
)

#: The record is about this generation of the job.
IS_GENERATION = f"{KNOWN} AND #generation = :generation"

#: The job wants work done in this generation.
IS_OPEN = f"{IS_GENERATION} AND #job_status IN (:QUEUED, :RUNNING)"

#: The open job is pinned as its lane saw it; a record from before there were pins has none.
IS_PINNED_AS_SEEN = (
    f"{IS_OPEN} AND (attribute_not_exists(#pin) OR (#pin = :seen_pin AND #repinned = :seen_repinned))"
)

#: Nothing stands under this key that a newer version wrote; what nobody of ours wrote gives way.
FREE_OR_KNOWN = f"{ABSENT} OR {FOREIGN} OR {KNOWN}"

#: Nobody has begun this generation.
IS_QUEUED = f"{IS_GENERATION} AND #job_status = :QUEUED"

#: The generation has ended.
HAS_ENDED = f"{IS_GENERATION} AND NOT #job_status IN (:QUEUED, :RUNNING)"

#: The generation has ended and stays, so the next may open.
MAY_REOPEN = f"{HAS_ENDED} AND attribute_not_exists(#removed_at)"

#: The job is being removed.
IS_REMOVED = f"{KNOWN} AND attribute_exists(#removed_at)"

#: The open job's deadline is later than the one asked for.
IS_LATER_DEADLINE = f"{IS_OPEN} AND #deadline_at > :deadline_at"

#: The open job would be woken only after this instant.
WAKES_LATER = f"{IS_OPEN} AND #wake_at > :wake_at"

#: The named lease is free, ours already, or has run out.
IS_FREE = (
    f"{ABSENT} OR {FOREIGN} OR NOT attribute_type(#lease_until, :NUMBER)"
    f" OR ({KNOWN} AND (#owner = :owner OR #lease_until <= :now))"
)

#: The notification is as its writer saw it.
IS_EDITION = f"{KNOWN} AND #edition = :seen_edition"

#: The words that conditions above use as values.
WORDS: dict[str, Value] = {
    **{state: state for state in State},
    "QUEUED": Status.QUEUED,
    "RUNNING": Status.RUNNING,
    "SCHEMA": SCHEMA,
    "NUMBER": "N",
}


def holds_fence(event: Event) -> str:
    """Return the condition that this very claim still has the unit, in a state from which the event leads on.

    The clock is not asked: a lease that ran out is still ours until somebody
    takes it, and taking it raises the fence.
    """
    states = ", ".join(f":{state}" for state in transition.sources(event))
    return f"{KNOWN} AND #fence = :fence AND #token = :token AND #state IN ({states})"

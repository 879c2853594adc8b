"""What goes wrong, and when: a pure function of the seed.

Nothing here names an instant.  An event is due once so much of all the work is
done, so that a slow machine meets the same faults as a fast one::

    work done   0 ──── 0.13 ─────── 0.31 ── 0.35 ──────────────── 1
                       │            │       └ slot 2: SIGSTOP while it publishes
                       │            └ slots 0, 1, 2: DynamoDB refuses for 5 s
                       └ slot 1: kill -9 of the encoder
"""

import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from tests.faults.proxy import Fault

#: Of the work; the rest of it shows that everything calms down again.
LAST_EVENT = 0.92


Card = TypeVar("Card")


class Kind(StrEnum):
    """What a blow does to a worker."""

    KILL_MAIN = "kill-main"
    KILL_CHILD = "kill-child"
    KILL_ENCODER = "kill-encoder"
    #: SIGSTOP past the lease, then SIGCONT: of main process, pool child and encoder.
    FREEZE = "freeze"
    TERMINATE = "terminate"


class Moment(StrEnum):
    """What the worker is at when the blow falls."""

    ANY = "any"
    PLANNING = "planning"
    ENCODING = "encoding"
    #: Right after it has committed a unit.
    COMMITTED = "committed"
    PUBLISHING = "publishing"


@dataclass(frozen=True, kw_only=True)
class Blow:
    """Something befalls the processes of one slot's worker."""

    at: float
    slot: int
    kind: Kind
    moment: Moment


@dataclass(frozen=True, kw_only=True)
class Storm:
    """Something befalls the requests of some slots for a while."""

    at: float
    #: What the table calls it.
    name: str
    slots: tuple[int, ...]
    fault: Fault
    service: str = ""
    operation: str = ""
    for_s: float
    #: So many requests of each slot; None for all of them.
    times: int | None = None
    probability: float = 1.0
    delay_s: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Echo:
    """SQS delivers a message twice, as a standard queue may."""

    at: float
    #: Which of the open jobs, as a share of their number.
    choice: float


@dataclass(frozen=True, kw_only=True)
class Purge:
    """Somebody empties the queue."""

    at: float


Event = Blow | Storm | Echo | Purge

#: Every kind at every moment where it makes sense, once a round.
BLOWS = (
    (Kind.KILL_MAIN, Moment.PLANNING),
    (Kind.KILL_MAIN, Moment.ENCODING),
    (Kind.KILL_MAIN, Moment.COMMITTED),
    (Kind.KILL_MAIN, Moment.PUBLISHING),
    (Kind.KILL_MAIN, Moment.ANY),
    (Kind.KILL_CHILD, Moment.PLANNING),
    (Kind.KILL_CHILD, Moment.ENCODING),
    (Kind.KILL_CHILD, Moment.COMMITTED),
    (Kind.KILL_CHILD, Moment.PUBLISHING),
    (Kind.KILL_ENCODER, Moment.ENCODING),
    (Kind.KILL_ENCODER, Moment.ENCODING),
    (Kind.FREEZE, Moment.ENCODING),
    (Kind.FREEZE, Moment.COMMITTED),
    (Kind.FREEZE, Moment.PUBLISHING),
    (Kind.TERMINATE, Moment.ENCODING),
    (Kind.TERMINATE, Moment.COMMITTED),
    (Kind.TERMINATE, Moment.ANY),
)

#: Writes whose repetition, or lost answer, must not be taken for somebody else's.
WRITES = (
    ("dynamodb", "UpdateItem"),
    ("dynamodb", "PutItem"),
    ("s3", "PutObject"),
    ("sqs", "DeleteMessage"),
    ("sqs", "SendMessageBatch"),
    ("sqs", "ReceiveMessage"),
    ("sqs", "ChangeMessageVisibility"),
)
SERVICES = (("dynamodb", ""), ("s3", ""), ("sqs", ""), ("", ""))


@dataclass(frozen=True, kw_only=True)
class Weather:
    """What storms of one name have in common; a pair is a range."""

    fault: Fault
    for_s: tuple[float, float]
    #: Services and operations, one of which a storm befalls.
    targets: Sequence[tuple[str, str]] = SERVICES
    is_everywhere: bool = False
    #: One to three requests, not all of them.
    is_brief: bool = False
    probability: float = 1.0
    delay_s: tuple[float, float] = (30.0, 30.0)


WEATHER = {
    "403": Weather(fault=Fault.STATUS_403, for_s=(0.5, 2.0), probability=0.7),
    "500": Weather(fault=Fault.STATUS_500, for_s=(0.5, 2.0), probability=0.7),
    "503": Weather(fault=Fault.STATUS_503, for_s=(0.5, 2.0), probability=0.7),
    "refused": Weather(fault=Fault.REFUSE, for_s=(0.5, 3.0)),
    "hang": Weather(fault=Fault.HANG, for_s=(3.0, 9.0), is_brief=True),
    "slow": Weather(fault=Fault.SLOW, for_s=(2.0, 5.0), delay_s=(0.1, 1.0)),
    "cut": Weather(fault=Fault.CUT, for_s=(3.0, 5.0), is_brief=True),
    "answer-lost": Weather(fault=Fault.LOSE_ANSWER, for_s=(5.0, 8.0), targets=WRITES, is_brief=True),
    "twice": Weather(fault=Fault.TWICE, for_s=(5.0, 8.0), targets=WRITES, is_brief=True),
    "store-unreachable": Weather(
        fault=Fault.REFUSE, for_s=(2.0, 8.0), targets=(("dynamodb", ""),), is_everywhere=True
    ),
    #: A worker that nothing answers.
    "cut-off": Weather(fault=Fault.REFUSE, for_s=(3.0, 9.0), targets=(("", ""),)),
}


def lay(*, seed: int, slots: int, jobs: int) -> Sequence[Event]:
    """Return the events of a run, in the order in which they fall due.

    >>> lay(seed=7, slots=3, jobs=30) == lay(seed=7, slots=3, jobs=30)
    True
    >>> lay(seed=7, slots=3, jobs=30) == lay(seed=8, slots=3, jobs=30)
    False
    """
    luck = random.Random(seed)  # noqa: S311  faults, not secrets
    events: list[Event] = []
    for kind, moment in _deck(luck, BLOWS, jobs):
        events.append(Blow(at=_at(luck), slot=luck.randrange(slots), kind=kind, moment=moment))
    events += [_storm(luck, name, slots) for name in _deck(luck, tuple(WEATHER), max(3, jobs * 2 // 3))]
    events += [Echo(at=_at(luck), choice=luck.random()) for _ in range(max(1, jobs // 3))]
    events += [Purge(at=_at(luck)) for _ in range(max(1, jobs // 10))]
    return sorted(events, key=lambda event: event.at)


def _storm(luck: random.Random, name: str, slots: int) -> Storm:
    weather = WEATHER[name]
    service, operation = luck.choice(weather.targets)
    return Storm(
        at=_at(luck),
        name=name,
        slots=tuple(range(slots)) if weather.is_everywhere else (luck.randrange(slots),),
        fault=weather.fault,
        service=service,
        operation=operation,
        for_s=luck.uniform(*weather.for_s),
        times=luck.randint(1, 3) if weather.is_brief else None,
        probability=weather.probability,
        delay_s=luck.uniform(*weather.delay_s),
    )


def _at(luck: random.Random) -> float:
    return luck.uniform(0.01, LAST_EVENT)


def _deck(luck: random.Random, cards: Sequence[Card], count: int) -> Iterator[Card]:
    """Yield so many cards, every one of the deck before any comes again."""
    dealt = 0
    while dealt < count:
        for card in luck.sample(cards, len(cards))[: count - dealt]:
            dealt += 1
            yield card

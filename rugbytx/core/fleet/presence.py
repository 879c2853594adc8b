"""Which workers live: each says so every few seconds, and for how long to believe it."""

from collections.abc import Iterable
from typing import Annotated

from pydantic import BeforeValidator, PlainSerializer

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.record import Versioned

#: A worker that has not been heard for so many of its periods is silent: a minute, with the default period.
PERIODS = 4


#: The class of a worker that may have fallen silent before it said one; records have an empty string for None.
SaidClass = Annotated[
    WorkerClass | None,
    BeforeValidator(lambda value: value or None),
    PlainSerializer(lambda value: value or "", return_type=str),
]


class Worker(Versioned):
    """What a worker last said of itself.  Instants are float seconds of store time."""

    name: str
    worker_class: WorkerClass
    slots: int
    busy: int
    #: The encoder family; empty while no encoder works.
    encoder: str = ""
    #: The fingerprint of its encoder; see ``ports.Media.maker``.
    maker: str = ""
    seen_at: float
    #: When it counts as silent unless it reports again.
    until: float
    #: Why its gate is open or closed.
    gate: str = ""
    #: Whether it could work if it were let.
    is_able: bool = True
    #: The jobs whose messages it has, one for each busy slot.
    jobs: tuple[str, ...] = ()
    started_at: float = 0.0
    #: When the last slot became free; the worker's start, before the first task.
    idle_since: float = 0.0
    #: The speeds of the chunks that it finished last, in px/s, the latest last.
    speeds: tuple[float, ...] = ()
    #: The hottest sensor's reading, where the host shows one.
    temperature_c: float | None = None
    #: A Jetson's ``nvpmodel`` mode.
    power_mode: str = ""
    #: How many processes run or wait to on its host, over the last 1, 5 and 15 minutes; empty where nobody says.
    load: tuple[float, ...] = ()


def lives_until(workers: Iterable[Worker], maker: str) -> float:
    """Return until when somebody with this encoder is believed to live; 0 where nobody is."""
    return max((worker.until for worker in workers if worker.maker == maker), default=0.0)

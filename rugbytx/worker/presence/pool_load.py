"""What Celery's main process knows of its pool: which messages are at work."""

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from celery.worker import state


@dataclass(frozen=True, kw_only=True)
class PoolLoad:
    """What the pool is at."""

    busy: int = 0
    #: The jobs of the messages at work.
    jobs: tuple[str, ...] = ()
    #: How many tasks have begun since the worker did.
    begun: int = 0


OnLoad = Callable[[], PoolLoad]

#: Celery's own thread may change the set while it is copied, which Python refuses then.
_TRIES = 5


def load() -> PoolLoad:
    """Return what the pool is at; callable from any thread."""
    requests = _active()
    jobs = (str((request.kwargs or {}).get("job_id", "")) for request in requests)
    return PoolLoad(
        busy=len(requests),
        jobs=tuple(sorted(filter(None, jobs))),
        begun=sum(state.total_count.copy().values()),
    )


def _active() -> list[Any]:
    for _ in range(_TRIES):
        with suppress(RuntimeError):
            return list(state.active_requests)
    return []

"""What Celery's main process knows of its pool."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from celery.worker import state

from rugbytx.worker.presence.pool_load import PoolLoad, load


@dataclass(eq=False)
class Request:
    """The little of Celery's request that is looked at."""

    id: str
    kwargs: dict[str, Any] | None
    name: str = "rugbytx.transcode"


@pytest.fixture(autouse=True)
def clean() -> Iterator[None]:
    """Leave Celery's module-wide sets as they were."""
    yield
    state.reset_state()


def test_a_pool_at_nothing() -> None:
    """Neither busy nor ever begun."""
    assert load() == PoolLoad()


def test_a_pool_at_work() -> None:
    """Accepted messages are at work until they are ready; who has begun stays counted."""
    requests = [Request("1", {"job_id": "b"}), Request("2", {"job_id": "a"}), Request("3", None)]
    for request in requests:
        state.task_accepted(request)
    assert load() == PoolLoad(busy=3, jobs=("a", "b"), begun=3)
    state.task_ready(requests[0])
    assert load() == PoolLoad(busy=2, jobs=("a",), begun=3)

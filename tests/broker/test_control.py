"""Celery's remote control is refused in a sentence, whichever of its commands asks."""

from collections.abc import Callable
from typing import Any

import pytest
from celery import Celery

from rugbytx.broker.control import Control
from rugbytx.errors import SettingsError
from rugbytx.settings import NO_REMOTE_CONTROL

#: What `celery` asks a worker and tells it, and what Flower would.
ASKED: dict[str, Callable[[Any], object]] = {
    "ping": lambda control: control.ping(),
    "inspect": lambda control: control.inspect(destination=["jetson-1@pitch"]).stats(),
    "shutdown": lambda control: control.shutdown(),
    "revoke": lambda control: control.revoke("7ad4", terminate=True),
    "enable_events": lambda control: control.enable_events(),
    "pool_grow": lambda control: control.pool_grow(1, reply=True),
}


@pytest.mark.parametrize("name", ASKED)
def test_nobody_waits_for_an_answer_that_cannot_come(name: str) -> None:
    """No broker is asked: this app has none."""
    app = Celery("asker", control=Control, broker="nowhere://")
    with pytest.raises(SettingsError) as caught:
        ASKED[name](app.control)
    assert str(caught.value) == NO_REMOTE_CONTROL

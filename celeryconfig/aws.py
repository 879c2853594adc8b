"""Celery's keys for a worker on an AWS GPU host."""

from celeryconfig.base import *  # noqa: F403  Celery reads a module's names
from celeryconfig.base import broker_transport_options as _base

# Short polls: a receive under way must not outlive the decision that allowed it.
broker_transport_options = {**_base, "wait_time_seconds": 2}

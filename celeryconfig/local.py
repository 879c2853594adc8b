"""Celery's keys for the workers of the local system: everything answers at once."""

from celeryconfig.base import *  # noqa: F403  Celery reads a module's names
from celeryconfig.base import broker_transport_options as _base

# Short, so that a test or a person who is watching waits for nothing; the emulator charges for no request.
broker_transport_options = {**_base, "wait_time_seconds": 2, "polling_interval": 0.1}

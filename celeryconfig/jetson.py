"""Celery's keys for the on-premises worker."""

from celeryconfig.base import *  # noqa: F403  Celery reads a module's names

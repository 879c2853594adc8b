"""Celery's remote control, refused: SQS pushes nothing to a worker, and the store answers the same questions."""

from typing import Any, NoReturn

from celery.app.control import Control as CeleryControl

from rugbytx.errors import SettingsError
from rugbytx.settings import NO_REMOTE_CONTROL


class Control(CeleryControl):
    """What ``Celery(control=...)`` names, so that nobody waits for an answer that cannot come."""

    def broadcast(self, *_: Any, **__: Any) -> NoReturn:
        """Raise SettingsError: Celery sends every command and every question through here."""
        raise SettingsError(NO_REMOTE_CONTROL)

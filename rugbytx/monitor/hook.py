"""How plain ``celery -A rugbytx flower`` becomes the monitor.

The ``celery`` command has loaded Flower's own command by the time that it loads
the app, and calls it later: what it calls is wrapped here, and nothing of Flower
is imported by it, for every worker comes this way too.
"""

import sys
from collections.abc import Callable
from functools import wraps
from typing import Any

#: Where Flower's command is, once the ``celery`` command has loaded its plug-ins.
COMMAND = "flower.command"


def install() -> None:
    """Let Flower's command, where this process has one, start the monitor; once is enough."""
    command = sys.modules.get(COMMAND)
    if command is not None and not getattr(command.flower.callback, "is_monitor", False):
        command.flower.callback = _wrapped(command.flower.callback)


def _end(*_: Any) -> None:
    """End at SIGTERM.  Flower's own handler logs first, which raises where the signal met a log call, and Flower stayed."""
    sys.exit(0)


def _wrapped(start: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(start)
    def start_monitor(*args: Any, **kwargs: Any) -> Any:
        from rugbytx.monitor.app import prepare

        prepare()
        sys.modules[COMMAND].sigterm_handler = _end  # type: ignore[attr-defined]  # Flower installs it by this name
        return start(*args, **kwargs)

    vars(start_monitor)["is_monitor"] = True
    return start_monitor

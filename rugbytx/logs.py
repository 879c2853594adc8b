"""Logs: JSON lines on hosts, readable lines on a terminal; an event's name and its fields, no prose."""

import json
import logging
import sys
from datetime import UTC, datetime
from typing import Any, TextIO

#: What every LogRecord has: anything else came in through ``extra``.
_ORDINARY = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName", "data"}


def fields(record: logging.LogRecord) -> dict[str, Any]:
    """Return the fields that a log call added to its event.

    >>> fields(logging.makeLogRecord({"msg": "unit-done", "fence": 3}))
    {'fence': 3}
    """
    return {name: value for name, value in vars(record).items() if name not in _ORDINARY}


class JsonLines(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        """Return the record as a JSON object."""
        line = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "event": record.getMessage(),
            **fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, default=str)


class Readable(logging.Formatter):
    """A line for a person."""

    def format(self, record: logging.LogRecord) -> str:
        """Return time, level, event and fields."""
        extra = " ".join(f"{name}={value}" for name, value in fields(record).items())
        line = f"{self.formatTime(record, '%H:%M:%S')} {record.levelname:<7} {record.getMessage()} {extra}"
        if record.exc_info:
            line += "\n" + self.formatException(record.exc_info)
        return line.rstrip()


def set_up(level: int | str, logfile: str | None, stream: TextIO = sys.stderr) -> None:
    """Send every logger's lines to ``logfile``, or else to ``stream``."""
    handler = logging.FileHandler(logfile) if logfile else logging.StreamHandler(stream)
    readable = logfile is None and stream.isatty()
    handler.setFormatter(Readable() if readable else JsonLines())
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level)
    # These two tell every request at INFO.
    for name in ("botocore", "urllib3"):
        logging.getLogger(name).setLevel(logging.WARNING)


def set_up_logging(loglevel: int | str, logfile: str | None, **_: Any) -> None:
    """Log JSON lines to files and pipes, and readable lines to a terminal; Celery asks for it."""
    set_up(loglevel, logfile)

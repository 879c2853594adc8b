"""Loaded into a worker, ours or the reference's: notes when each task starts, in the file ``BENCH_MARKS``.

The monotonic clock is the machine's, so that another process can subtract (clock_gettime(2)).
"""

import os
import time
from pathlib import Path
from typing import Any

from celery import signals


@signals.task_prerun.connect
def note(**_: Any) -> None:
    """Note that a task starts; it is the pool's process that says so."""
    with Path(os.environ["BENCH_MARKS"]).open("a", encoding="ascii") as marks:
        marks.write(f"{time.monotonic()}\n")

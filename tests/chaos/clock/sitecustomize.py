"""Let Python sleep under libfaketime; a worker whose clock is shifted finds this on its PYTHONPATH.

Python's ``time.sleep`` (since 3.11) is clock_nanosleep(2) to an absolute instant
of CLOCK_MONOTONIC, and libfaketime 0.9.10 answers that with EINVAL.  Every other
wait of Python's is unharmed, ``select`` among them.
"""

import os
import select
import time
from typing import Any


def sleep(seconds: Any, /) -> None:
    """Wait as ``time.sleep`` does."""
    if seconds < 0:
        message = "sleep length must be non-negative"
        raise ValueError(message)
    select.select([], [], [], seconds)


if "FAKETIME" in os.environ:
    time.sleep = sleep

"""Leaving: what a signal asks of a worker, and that it is done in time.

::

    main process                                   pool child, in a lane
    ────────────                                   ─────────────────────
    signal ─► the notice, one shared byte ───────► Heartbeat.check raises Draining
       │      stop receiving (Celery's warm stop)  ffmpeg's group ends, the unit is given back,
       │                                           the message is visible, the task is over
       └ LEAVE_S later: exit, whatever hangs       (dies with the main process)

Celery's own cold shutdown is never reached: it ends the pool's children by
SIGTERM, with the lease held and the message hidden.  Its warm one waits for the
tasks, and the notice makes them short.  A Spot notice comes as a signal too: from
``worker.spot``, or as a SIGTERM from an ECS agent that drains its instance
(https://docs.aws.amazon.com/AmazonECS/latest/developerguide/container-instance-spot.html).
"""

import ctypes
import mmap
import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum
from types import FrameType

from rugbytx.errors import Draining

#: The time from the notice to leave at once until the main process is gone, by force where it must. ``docker stop``
#: sends SIGKILL after 10 s.
LEAVE_S = 8.0

#: The exit status of a worker that could not hand everything back in time: the lease runs out instead.
EXIT_CUT_SHORT = os.EX_TEMPFAIL

#: prctl's PR_SET_PDEATHSIG (linux/prctl.h).
PR_SET_PDEATHSIG = 1

#: The signals that end a worker.
LEAVING = (signal.SIGTERM, signal.SIGINT, signal.SIGQUIT)


class Leave(IntEnum):
    """How soon a worker is to leave."""

    #: It stays.
    NOT = 0
    #: It leaves after the unit in work.
    CHUNK = 1
    #: It leaves at once.
    NOW = 2


class Notice:
    """What the main process and its pool children know of leaving: bytes of memory that a fork shares.

    Bytes and not Events, because whoever writes or reads it may be killed at
    any moment, and must not take a lock with it.
    """

    def __init__(self) -> None:
        self._shared = mmap.mmap(-1, 2)
        #: The notice that this process alone was given.
        self._own = Leave.NOT

    @property
    def asked(self) -> Leave:
        """Return how soon this process is to leave; only ever sooner."""
        return max(Leave(self._shared[0]), self._own)

    def give(self, leave: Leave) -> None:
        """Tell every process of this worker."""
        self._shared[0] = max(self._shared[0], leave)

    @property
    def is_halted(self) -> bool:
        """Return whether this worker is to begin no further unit for now; see ``core.halt``."""
        return bool(self._shared[1])

    def halt(self, *, is_halted: bool) -> None:
        """Tell every process of this worker whether it is to begin no further unit."""
        self._shared[1] = is_halted

    def check(self) -> None:
        """Raise Draining if the unit in work is to be handed back."""
        if self.asked is Leave.NOW:
            raise Draining("the worker was told to leave")

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Let a signal to this pool child hand its unit back, instead of ending it with the lease held.

        systemd's ``KillMode=control-group`` sends SIGTERM to every process of
        a service.  For the child it always means now: its encoder got it as
        well.  It is set for each task because billiard installs its own handler
        after Celery's hooks have run, and between tasks that one will do.
        """
        self._own = Leave.NOT
        before = {number: signal.signal(number, self._hear) for number in (signal.SIGTERM, signal.SIGQUIT)}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _hear(self, _number: int, _frame: FrameType | None) -> None:
        self._own = Leave.NOW


def wanted(number: int, *, asked: Leave, first: Leave) -> Leave:
    """Return how soon a worker is to leave on this signal.

    A first SIGTERM or SIGINT asks what the settings say; SIGQUIT, and any second
    signal, asks to leave now.

    >>> wanted(signal.SIGTERM, asked=Leave.NOT, first=Leave.CHUNK)
    <Leave.CHUNK: 1>
    >>> wanted(signal.SIGTERM, asked=Leave.CHUNK, first=Leave.CHUNK)
    <Leave.NOW: 2>
    """
    is_plain = number != signal.SIGQUIT and asked is Leave.NOT
    return first if is_plain else Leave.NOW


def obey(notice: Notice, *, first: Leave) -> None:
    """Let SIGTERM, SIGINT and SIGQUIT end this worker; call it once Celery's own handlers are in place.

    A thread hears of a signal through the interpreter's wake-up descriptor, so
    that a main thread that hangs in a call (a name that is not resolved, a broker
    that does not answer) delays neither the notice nor the end.  An alarm signal
    would not do: PID 1 of a container does not feel one.
    """
    heard, wakes = os.pipe()
    os.set_blocking(wakes, False)
    signal.set_wakeup_fd(wakes, warn_on_full_buffer=False)
    threading.Thread(target=_heed, args=(notice, heard, first), name="leave", daemon=True).start()
    # Celery's handler of SIGTERM stops the receiving and waits for the tasks: all three do that.
    warm_stop = signal.getsignal(signal.SIGTERM)
    for number in LEAVING:
        signal.signal(number, warm_stop)


def after_unit(notice: Notice) -> None:
    """Have this worker leave after the unit in work, as ``RUGBYTX_LEAVE=chunk`` does; from any thread.

    Not by a signal: the first that comes after this one means now.
    """
    from celery.worker import state

    notice.give(Leave.CHUNK)
    # What Celery's handler of SIGTERM does; the stub knows only the value that it begins with.
    state.should_stop = os.EX_OK  # type: ignore[assignment]


def be_child() -> None:
    """Let a forked child's signals be its own: the wake-up descriptor is the main process's."""
    signal.set_wakeup_fd(-1)


def die_with(parent: int) -> None:
    """Have the kernel kill this process when its parent goes: nobody could acknowledge its lane.

    Who has another parent already is an orphan.  That the parent is PID 1 proves
    nothing: in a container the main process is.
    """
    if sys.platform != "linux":
        return
    if ctypes.CDLL(None, use_errno=True).prctl(PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_PDEATHSIG) was refused")
    if os.getppid() != parent:
        os.kill(os.getpid(), signal.SIGKILL)


def _heed(notice: Notice, heard: int, first: Leave) -> None:
    """Give the notice on each signal; ``LEAVE_S`` after the last word end the process, unless it ended itself."""
    while notice.asked is not Leave.NOW:
        [number] = os.read(heard, 1)
        if number in LEAVING:
            notice.give(wanted(number, asked=notice.asked, first=first))
    time.sleep(LEAVE_S)
    # Not a word: whoever holds the log's lock may be what hangs.
    os._exit(EXIT_CUT_SHORT)

"""Being told to leave: who hears it, what it asks for, and that it is done in time."""

import os
import signal
import subprocess
import sys
import textwrap

import pytest

from rugbytx.errors import Draining
from rugbytx.worker.shutdown import drain
from rugbytx.worker.shutdown.drain import EXIT_CUT_SHORT, Leave, Notice
from tests.processes import ends, watched


@pytest.fixture
def notice() -> Notice:
    """Return a notice that nobody was given."""
    return Notice()


def test_only_now_ends_the_unit_in_work(notice: Notice) -> None:
    """A worker that stays, or leaves after its unit, goes on with it."""
    notice.check()
    notice.give(Leave.CHUNK)
    notice.check()
    notice.give(Leave.NOW)
    with pytest.raises(Draining, match="told to leave"):
        notice.check()


def test_a_notice_is_not_taken_back(notice: Notice) -> None:
    """A later, milder word changes nothing."""
    notice.give(Leave.NOW)
    notice.give(Leave.CHUNK)
    assert notice.asked is Leave.NOW


def test_a_forked_child_hears_what_its_parent_is_told(notice: Notice) -> None:
    """The notice crosses the fork, so that the pool's children need no signal."""
    heard_r, heard_w = os.pipe()
    told_r, told_w = os.pipe()
    child = os.fork()
    if child == 0:
        os.read(told_r, 1)
        os.write(heard_w, bytes([notice.asked]))
        os._exit(0)
    notice.give(Leave.CHUNK)
    os.write(told_w, b".")
    os.waitpid(child, 0)
    assert os.read(heard_r, 1) == bytes([Leave.CHUNK])
    for descriptor in (heard_r, heard_w, told_r, told_w):
        os.close(descriptor)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
def test_a_signal_to_a_busy_child_hands_its_unit_back(notice: Notice, number: signal.Signals) -> None:
    """The child lives on and gives its unit back; its next task, if there is one, starts afresh."""
    for _task in range(2):
        with notice.heard():
            notice.check()
            signal.raise_signal(number)
            with pytest.raises(Draining):
                notice.check()


def test_a_signal_to_one_child_is_nobody_elses(notice: Notice) -> None:
    """Other slots, and the main process, go on."""
    with notice.heard():
        signal.raise_signal(signal.SIGTERM)
    assert notice._shared[0] == Leave.NOT


def test_between_tasks_the_pools_own_handlers_stand(notice: Notice) -> None:
    """An idle child ends by SIGTERM, as Celery expects it to."""
    before = signal.getsignal(signal.SIGTERM)
    with notice.heard():
        assert signal.getsignal(signal.SIGTERM) != before
    assert signal.getsignal(signal.SIGTERM) == before


@pytest.mark.parametrize(
    ("first", "signals", "asked"),
    [
        (Leave.NOW, [signal.SIGTERM], Leave.NOW),
        (Leave.NOW, [signal.SIGQUIT], Leave.NOW),
        (Leave.CHUNK, [signal.SIGTERM], Leave.CHUNK),
        (Leave.CHUNK, [signal.SIGINT], Leave.CHUNK),
        (Leave.CHUNK, [signal.SIGQUIT], Leave.NOW),
        (Leave.CHUNK, [signal.SIGTERM, signal.SIGTERM], Leave.NOW),
        (Leave.CHUNK, [signal.SIGTERM, signal.SIGINT], Leave.NOW),
    ],
    ids=lambda value: "+".join(one.name for one in value) if isinstance(value, list) else value.name,
)
def test_only_a_first_plain_signal_may_wait_for_the_chunk(
    first: Leave, signals: list[signal.Signals], asked: Leave
) -> None:
    """SIGQUIT, and impatience, ask to leave now."""
    heard = Leave.NOT
    for number in signals:
        heard = drain.wanted(number, asked=heard, first=first)
    assert heard is asked


#: A main process whose own handling of a signal, Celery's, gets it nowhere.
_HANGS = """
    import ctypes, signal, time
    from rugbytx.worker.shutdown import drain
    signal.signal(signal.SIGTERM, lambda *_: None)
    drain.LEAVE_S = 0.2
    drain.obey(drain.Notice(), first=drain.Leave.{first})
    print("ready", flush=True)
    {hang}
"""
_WAITS = "while True: time.sleep(60)"
#: As a name that is not resolved: no handler written in Python runs meanwhile.
_STUCK_IN_C = """
    mutex, c = ctypes.create_string_buffer(256), ctypes.CDLL(None)
    while True: c.pthread_mutex_lock(mutex)
"""


def _start(first: Leave, hang: str) -> subprocess.Popen[str]:
    argv = [sys.executable, "-c", textwrap.dedent(_HANGS.format(first=first.name, hang=hang))]
    process = subprocess.Popen(argv, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    assert process.stdout.readline() == "ready\n"
    return process


@pytest.mark.process
@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGQUIT])
@pytest.mark.parametrize("hang", [_WAITS, _STUCK_IN_C], ids=["waits", "stuck in C"])
def test_a_worker_that_hangs_is_gone_in_time(hang: str, number: signal.Signals) -> None:
    """A store or a queue that does not answer cannot hold the main process."""
    with _start(Leave.NOW, hang) as process, watched(process.pid) as main:
        process.send_signal(number)
        assert ends(main)
        assert process.wait(10) == EXIT_CUT_SHORT


@pytest.mark.process
def test_a_planned_stop_has_the_time_it_needs() -> None:
    """Nothing cuts a chunk short that may be finished, until a second signal does."""
    with _start(Leave.CHUNK, _WAITS) as process, watched(process.pid) as main:
        process.terminate()
        assert not ends(main, within_s=0.6)
        process.terminate()
        assert ends(main)

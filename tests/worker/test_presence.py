"""A worker says that it lives, and what it can encode, for as long as it does."""

import threading
from typing import cast

import pytest

from rugbytx.core.presence import Worker
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.worker.presence import Presence
from tests.fakes.store import FakeStore

BOUND_S = 20.0


class Encoder:
    """The little of a host's media that presence asks for."""

    is_fit = True

    def known(self) -> tuple[str, str]:
        """Return the family and the fingerprint, where an encoder is known to work."""
        return ("x264", "a") if self.is_fit else ("", "")


class Heard(FakeStore):
    """A store that tells when a worker was heard."""

    def __init__(self) -> None:
        super().__init__()
        self.heard = threading.Semaphore(0)

    def present(self, worker: Worker) -> None:
        """Note it, and tell."""
        super().present(worker)
        self.heard.release()


def presence_of(store: FakeStore, encoder: Encoder) -> Presence:
    """Return the presence of a worker that speaks all the time."""
    media = cast("FfmpegMedia", encoder)
    return Presence(store=store, media=media, worker_class="aws", presence_s=0.01)


@pytest.mark.parametrize(("is_fit", "told"), [(True, ("x264", "a")), (False, ("", ""))])
def test_a_worker_says_who_it_is(*, is_fit: bool, told: tuple[str, str]) -> None:
    """With what it encodes, which is nothing where no encoder works, and again until it leaves."""
    store, encoder = Heard(), Encoder()
    encoder.is_fit = is_fit
    presence = presence_of(store, encoder)
    presence.start(name="aws-1", slots=2, busy=lambda: 1)
    assert store.heard.acquire(timeout=BOUND_S)
    assert store.heard.acquire(timeout=BOUND_S)
    (worker,) = store.workers()
    assert (worker.name, worker.worker_class, worker.slots, worker.busy) == ("aws-1", "aws", 2, 1)
    assert (worker.encoder, worker.maker) == told
    assert worker.until == pytest.approx(worker.seen_at + 0.04)
    presence.stop()
    assert store.workers() == []


def test_a_worker_speaks_again_after_an_outage() -> None:
    """What could not be said once is said a period later."""
    store = Heard()
    store.down = True
    presence = presence_of(store, Encoder())
    presence.start(name="aws-1", slots=1, busy=lambda: 0)
    store.down = False
    assert store.heard.acquire(timeout=BOUND_S)
    presence.stop()


def test_leaving_unheard_is_no_error() -> None:
    """Others then wait until the last word has run out."""
    store = Heard()
    presence = presence_of(store, Encoder())
    presence.start(name="aws-1", slots=1, busy=lambda: 0)
    assert store.heard.acquire(timeout=BOUND_S)
    store.down = True
    presence.stop()
    store.down = False
    assert [worker.name for worker in store.workers()] == ["aws-1"]
    presence_of(store, Encoder()).stop()

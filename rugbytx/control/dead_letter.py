"""What people ask of the dead-letter queue: to look, to send again, to drop.

In it is what nobody could read, or what killed its worker ten times over.  The
jobs themselves are safe in the store, and the sweep sends pointers for them; so
a dead letter is a sign that something is wrong, and seldom a job.
"""

from collections.abc import Collection, Iterator, Sequence

from rugbytx.core.job.dead_letter import DeadLetter
from rugbytx.errors import NotFound
from rugbytx.ports import Queue

#: One command handles about so many messages at most.
MOST_LETTERS = 1000


def list_letters(queue: Queue) -> Sequence[DeadLetter]:
    """Return what the dead-letter queue holds, the oldest first, and show it again at once.

    Looking counts as a receive, which this queue does not mind.
    """
    letters = list(_receive(queue))
    queue.show_dead(letters)
    return sorted(letters, key=lambda letter: letter.sent_at)


def redrive(queue: Queue, ids: Collection[str] = ()) -> Iterator[DeadLetter]:
    """Send dead letters to the queue again, those with these ids or all, yielding each that went.

    Sent first and deleted second: cut off between the two, a letter is there
    twice, and a pointer that comes twice finds nothing to do.
    """
    for letter in _choose(queue, ids):
        queue.send_again(letter)
        queue.drop_dead([letter])
        yield letter


def drop(queue: Queue, ids: Collection[str] = ()) -> Iterator[DeadLetter]:
    """Delete dead letters, those with these ids or all, yielding each that went."""
    for letter in _choose(queue, ids):
        queue.drop_dead([letter])
        yield letter


def _choose(queue: Queue, ids: Collection[str]) -> Iterator[DeadLetter]:
    """Yield the letters with these ids, or all, and show the others again; raises NotFound for an id that is not there."""
    missing = set(ids)
    others = []
    for letter in _receive(queue):
        if ids and letter.id not in ids:
            others.append(letter)
            continue
        missing.discard(letter.id)
        yield letter
    queue.show_dead(others)
    if missing:
        raise NotFound(f"the dead-letter queue shows no message {', '.join(sorted(missing))}")


def _receive(queue: Queue) -> Iterator[DeadLetter]:
    """Yield messages until none is shown; one that is delivered twice is yielded once."""
    yielded: set[str] = set()
    for _ in range(MOST_LETTERS):
        received = queue.receive_dead()
        if not received or len(yielded) >= MOST_LETTERS:
            return
        for letter in received:
            if letter.id not in yielded:
                yielded.add(letter.id)
                yield letter

"""Whose queue for control messages is whose, and when it is nobody's."""

import pytest

from rugbytx.core.mailbox import (
    ASKER_GONE,
    QUESTION_S,
    START_S,
    WORKER_GONE,
    WORKER_RESTARTED,
    Leftover,
    Mailbox,
    addressed,
    leftovers,
    replies_prefix,
    worker_prefix,
)

QUEUE = "rugbytx-transcode"
NOW = 1_700_000_000.0
JETSON = worker_prefix(QUEUE, "jetson-1@pitch")
AWS = worker_prefix(QUEUE, "aws-1@cloud")
QUESTION = replies_prefix(QUEUE) + "0f"
OLD = START_S + 1


@pytest.mark.parametrize(
    ("ages", "living", "expected"),
    [
        # A living worker's only one stays, however old it is.
        ({JETSON + "a": 9e6}, ["jetson-1@pitch"], {}),
        # A worker that has just begun has no presence yet.
        ({JETSON + "a": START_S}, [], {}),
        ({JETSON + "a": OLD}, [], {JETSON + "a": WORKER_GONE}),
        # Killed and started again under the same name: the youngest is in use.
        ({JETSON + "a": 9e6, JETSON + "b": 5}, ["jetson-1@pitch"], {JETSON + "a": WORKER_RESTARTED}),
        # Another worker's life keeps nothing but its own.
        ({JETSON + "a": OLD, AWS + "a": OLD}, ["aws-1@cloud"], {JETSON + "a": WORKER_GONE}),
        # Somebody may still wait for an answer.
        ({QUESTION: QUESTION_S}, [], {}),
        ({QUESTION: QUESTION_S + 1}, ["jetson-1@pitch"], {QUESTION: ASKER_GONE}),
        # What only begins like ours is not ours.
        ({f"{QUEUE}-dead": 9e6, f"{QUEUE}-events": 9e6, QUEUE: 9e6}, [], {}),
    ],
)
def test_leftovers(ages: dict[str, float], living: list[str], expected: dict[str, str]) -> None:
    """Only what nobody reads any more goes, and it is said why."""
    boxes = [Mailbox(name=name, created_at=NOW - age) for name, age in ages.items()]
    found = leftovers(boxes, queue=QUEUE, living=living, now=NOW)
    assert list(found) == [Leftover(name=name, reason=reason) for name, reason in expected.items()]


def test_messages_go_to_whom_they_name() -> None:
    """Without a name to all workers, never to a queue for answers, and to nobody where none is meant."""
    names = [JETSON + "a", AWS + "a", QUESTION]
    assert addressed(names, queue=QUEUE, workers=None) == [JETSON + "a", AWS + "a"]
    assert addressed(names, queue=QUEUE, workers=["aws-1@cloud"]) == [AWS + "a"]
    assert addressed(names, queue=QUEUE, workers=[]) == []


def test_sqs_takes_the_names() -> None:
    """CreateQueue takes 80 characters: letters, digits, hyphens and underscores."""
    name = worker_prefix(QUEUE, "jetson-1@pitch.example.org") + "0" * 8
    assert len(name) <= 80
    assert name.replace("-", "").isalnum()

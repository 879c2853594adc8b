"""The two walks of ARCHITECTURE.md are walked: one real job, done in this process, calls what they name, in order."""

import re
import sys
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from types import FrameType

import pytest

from rugbytx import intake, system
from rugbytx.aws.client import client
from rugbytx.aws.sqs.message_parser import pointer_in
from rugbytx.core.job.job import Status
from rugbytx.core.job.message import Delivery
from rugbytx.local.system import LocalSystem
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Ports
from rugbytx.worker.lane.lane import Lane
from rugbytx.worker.lane.outcome import Ending
from rugbytx.worker.shutdown.drain import Notice
from tests.docs.document import ROOT, Mention, mentions
from tests.footage import film

ARCHITECTURE = ROOT / "ARCHITECTURE.md"
#: What runs inside Celery, in threads or for what goes wrong: this job, in one process, comes by none of it.
ELSEWHERE = (
    *(
        "rugbytx/broker/",
        "rugbytx/worker/app.py",
        "rugbytx/worker/gate/gate.py",
        "rugbytx/core/scaling/admission.py",
    ),
    *("rugbytx/upkeep/sweeper.py", "rugbytx/core/lease/retry.py"),
)


class Calls:
    """The calls of the functions that a walk names, one after the other."""

    def __init__(self, named: Iterable[Mention]) -> None:
        self._named = frozenset(named)
        self.made: list[Mention] = []

    def note(self, frame: FrameType, event: str, _argument: object) -> None:
        """Note a call; a profile function of ``sys.setprofile``."""
        file = frame.f_code.co_filename
        if event != "call" or "/rugbytx/" not in file:
            return
        path = f"rugbytx/{file.rpartition('/rugbytx/')[2]}"
        call = Mention(path=path, name=frame.f_code.co_qualname)
        if call in self._named:
            self.made.append(call)

    def stopped_at(self, walk: Sequence[Mention]) -> Mention | None:
        """Return the first step of a walk that was not taken after the one before it; None where all were."""
        left = iter(self.made)
        return next((step for step in walk if step not in left), None)


@contextmanager
def noted(named: Iterable[Mention]) -> Iterator[Calls]:
    """Note the calls of this thread."""
    calls = Calls(named)
    sys.setprofile(calls.note)
    try:
        yield calls
    finally:
        sys.setprofile(None)


@pytest.fixture(scope="module")
def calls(tmp_path_factory: pytest.TempPathFactory) -> Calls:
    """Return the calls of one job of one chunk, from its submit to its lane's end, on the local system."""
    folder = tmp_path_factory.mktemp("walk")
    path = film(folder / "match.mp4", length_s=1.0)
    with LocalSystem(jetson=0) as local:
        connection = system.connect(local.settings)
        sqs = client("sqs")
        url = sqs.get_queue_url(QueueName=local.settings.queue)["QueueUrl"]
        bucket = local.settings.source_buckets[0]
        connection.storage.put(path.read_bytes(), bucket, path.name, content_type="video/mp4")
        with noted([*steps("one"), *steps("two")]) as noted_calls:
            wanted = intake.Request(source=f"s3://{bucket}/{path.name}", profile="match")
            accepted = intake.accept(wanted, connection)
            (message,) = sqs.receive_message(QueueUrl=url)["Messages"]
            pointer = pointer_in(message["Body"])
            assert pointer
            lane = Lane(
                ports=Ports(
                    store=connection.store,
                    queue=connection.queue,
                    storage=connection.storage,
                    media=FfmpegMedia(preset="ultrafast", cache=folder / "trials.json"),
                ),
                settings=local.settings,
                worker="walker",
                scratch=folder / "scratch",
                notice=Notice(),
            )
            assert lane.run(pointer, Delivery(receipt=message["ReceiptHandle"])) is Ending.ACKNOWLEDGE
        job = connection.store.jobs.read(accepted.job.id)
    assert job
    assert job.status is Status.SUCCEEDED, job.reason
    return noted_calls


def steps(walk: str) -> list[Mention]:
    """Return the functions that a walk names, in its order, each once."""
    text = ARCHITECTURE.read_text(encoding="utf-8")
    part = re.split(rf"^## Walk {walk}: .*$", text, flags=re.MULTILINE)[1].partition("\n## ")[0]
    named = (
        found
        for found in mentions(part)
        if found.name
        and not found.path.startswith(ELSEWHERE)
        and re.match(r"[a-z_]", found.name.split(".")[-1])
    )
    return list(dict.fromkeys(named))


@pytest.mark.process
@pytest.mark.parametrize("walk", ["one", "two"])
def test_a_job_takes_the_walk(walk: str, calls: Calls) -> None:
    """Each function that is named is called, after the one that the page has before it."""
    named = steps(walk)
    assert len(named) > 10
    assert calls.stopped_at(named) is None


@pytest.mark.process
def test_another_walk_is_not_taken(calls: Calls) -> None:
    """A page that has two steps the wrong way round would be noticed."""
    first, *others = steps("one")
    assert calls.stopped_at([*others, first]) == first

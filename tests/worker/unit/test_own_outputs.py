"""What became of our own outputs says nothing of the source."""

from pathlib import Path
from typing import Any

import pytest

from rugbytx.core.job.job import Status
from rugbytx.core.lease.retry import LONGEST_PAUSE_S
from rugbytx.errors import SourceChanged, SourceMissing
from tests.worker.world import BUCKET, Call, World


@pytest.mark.parametrize("error", [SourceMissing, SourceChanged])
@pytest.mark.parametrize("name", ["storage.head", "storage.download"])
def test_an_output_that_cannot_be_fetched_back_is_tried_again(
    name: str, error: type[Exception], tmp_path: Path
) -> None:
    """The MP4 is joined from chunks in the bucket; once S3 does not hand one out, and the job succeeds."""
    left = 1

    def refuse(call: Call) -> Any:
        nonlocal left
        of = getattr(call.args[0], "bucket", call.args[0]) if call.name == name else ""
        if of == BUCKET and left:
            left -= 1
            raise error("S3 says no")
        return call.do()

    world = World(tmp_path, on_call=refuse)
    world.submit()
    job = world.run_until_ended()
    assert (left, job.status) == (0, Status.SUCCEEDED), job.reason
    assert world.clock() - job.submitted_at < LONGEST_PAUSE_S

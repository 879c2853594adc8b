"""A host without the encoder that it should have, with the real command and the real worker."""

import json
import time

import pytest

from rugbytx.local.fleet import LocalWorker
from rugbytx.local.system import LocalSystem
from rugbytx.media import host
from tests.e2e.conftest import RunCommand

pytestmark = [
    pytest.mark.process,
    pytest.mark.skipif(bool(host.driver()) or host.read().has_nvidia_device, reason="this host has a GPU"),
]

#: More than it takes on a busy machine.
LONGEST_S = 120.0


def wait_end(worker: LocalWorker) -> int | None:
    """Return the exit status of a worker that ends by itself in time."""
    deadline = time.monotonic() + LONGEST_S
    while not worker.has_ended() and time.monotonic() < deadline:
        time.sleep(0.1)
    return worker.exit_code


def test_an_aws_worker_without_its_gpu_says_so_and_leaves(system: LocalSystem) -> None:
    """Before it has received anything: it would do a tenth of the work at the same price."""
    worker = system.start_worker(RUGBYTX_WORKER_CLASS="aws", RUGBYTX_CELERY_CONFIG="aws")
    assert wait_end(worker) == 0
    events = {
        event["event"]: event
        for event in map(
            json.loads, filter(lambda line: line.startswith("{"), worker.log.read_text().splitlines())
        )
    }
    assert "may not encode on its CPU (no-nvidia-device)" in events["encoder-unfit"]["reason"]
    assert "gate-open" not in events
    system.stop_worker(worker)


def test_doctor_is_content_with_the_local_system(system: LocalSystem, run_command: RunCommand) -> None:
    """Everything answers, x264 is taken, and the status is 0; for the class aws it is not."""
    done = run_command("doctor", "--json", **system.variables)
    told = {finding["check"]: finding for finding in map(json.loads, done.stdout.splitlines())}
    assert [finding for finding in told.values() if finding["health"] != "ok"] == []
    assert done.returncode == 0
    assert told["encoder"]["text"] == "x264 is taken (no-nvidia-device)"
    done = run_command("doctor", **{**system.variables, "RUGBYTX_WORKER_CLASS": "aws"})
    assert done.returncode == 1

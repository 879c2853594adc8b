"""One video submitted twice, at once, from two processes, is one job with one set of outputs."""

import json
import os
import subprocess
import time
from pathlib import Path

import pytest

from rugbytx import system as systems
from rugbytx.core.cost import usage
from rugbytx.core.job.job import Status
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import Manifest
from rugbytx.local.system import LocalSystem
from tests.e2e.conftest import RUGBYTX

pytestmark = pytest.mark.process

BOUND_S = 120.0


def test_two_submits_make_one_job(system: LocalSystem, clip: Path) -> None:
    """Both commands name the same job, one of them made it, and the bucket holds one set of outputs."""
    argv = [RUGBYTX, "submit", str(clip), "--profile", "clip", "--json"]
    commands = [
        subprocess.Popen(argv, env=os.environ, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(2)
    ]
    answers = [command.communicate(timeout=BOUND_S) for command in commands]
    assert [command.returncode for command in commands] == [0, 0], answers
    said = [json.loads(out) for out, _ in answers]
    assert said[0]["job_id"] == said[1]["job_id"]
    assert sorted(answer["action"] for answer in said) == ["create", "join"]

    connection = systems.connect(system.settings)
    job_id = said[0]["job_id"]
    began_at = connection.store.now()
    worker = system.start_worker(RUGBYTX_USD_PER_H="0.36")
    until = time.monotonic() + BOUND_S
    while (job := connection.store.jobs.read(job_id)) is not None and job.is_open:
        assert time.monotonic() < until, "the job did not end"
        time.sleep(0.05)
    until = time.monotonic() + BOUND_S
    while not (present := connection.store.workers.list()) or not present[0].speeds or present[0].busy:
        assert time.monotonic() < until, f"the worker's presence does not tell of its chunk: {present}"
        time.sleep(0.05)
    system.stop_worker(worker)
    assert present[0].is_able, present[0].gate
    days = usage.days(began_at, connection.store.now())
    spans = [one for day in days for one in connection.store.workers.list_spans(day)]
    assert {one.worker for one in spans} == {present[0].name}
    assert spans[-1].ending == usage.End.LEFT
    total = usage.total(spans, now=connection.store.now())
    assert 0 < total.busy_s <= total.paid_s
    assert total.usd == pytest.approx(total.busy_s * 0.0001), "a host of ours costs while it works"
    assert job
    assert (job.status, job.generation) == (Status.SUCCEEDED, 1), job.reason
    assert [listed.id for listed in connection.store.jobs.list()] == [job_id]

    assert job.outputs
    assert job.outputs.mp4_key, "the clip profile makes an MP4"
    bucket = system.settings.output_bucket
    manifest = Manifest.model_validate_json(connection.storage.get(bucket, job.outputs.manifest_key))
    named = {entry.key for entry in manifest.entries} | {job.outputs.manifest_key}
    stored = {found.key for found in connection.storage.list(bucket, object_keys.job_prefix(job_id))}
    beside = object_keys.quality_prefix(job_id, 1)
    assert {key for key in stored if not key.startswith(beside)} == named

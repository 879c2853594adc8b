"""Every error is one plain sentence on stderr and an exit code, without a traceback."""

import io
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from rugbytx.cli import main
from rugbytx.cli.shared.exit import Code, code_of
from rugbytx.cli.shared.output import console, emit, say
from rugbytx.errors import HostUnfit, RugbytxError, SourceChanged, TransferError
from tests.connection import ADDRESS, Fakes, Run, make_job

JOB = "0" * 20

# arguments, environment, exit code, sentence
ERRORS: list[tuple[str, dict[str, str], int, str]] = [
    ("submit s3://rugbytx-source/none.mp4", {}, 3, "there is no object s3://rugbytx-source/none.mp4"),
    ("submit s3://payroll/a.mp4", {}, 4, "bucket payroll may not be read; RUGBYTX_SOURCE_BUCKETS allows"),
    ("submit s3://rugbytx-source", {}, 2, "names no object: it should be s3://bucket/key"),
    ("submit https://example.org/a.mp4", {}, 2, "a source is s3://bucket/key or a local file"),
    ("submit {tmp}/none.mp4", {}, 3, "there is no file"),
    ("submit {tmp}", {}, 2, "is a folder, not a video file"),
    ("submit {tmp}/empty.mp4", {}, 2, "is empty"),
    ("submit {tmp}/a.mp4 --profile mach", {}, 2, "there is no profile 'mach'; there is clip and match"),
    ("submit {tmp}/a.mp4 --chunk 1s", {}, 2, "a chunk is between 2 and 600 seconds long"),
    ("submit {tmp}/a.mp4 --deadline 60d", {}, 2, "'60d' is no duration; write 90, 90s, 45m, 2h or 1h30m"),
    ("submit {tmp}/a.mp4 --chunk 0", {}, 2, "a duration is longer than nothing"),
    ("submit --from {tmp}/none.txt", {}, 3, "cannot be read: no such file or directory"),
    ("submit --from {tmp}/bytes.mp4", {}, 2, "it is not UTF-8 text"),
    ("submit --from {tmp}/long.txt", {}, 2, "longer than 4096 characters"),
    ("submit", {}, 2, "name at least one source"),
    (
        "submit {tmp}/a.mp4",
        {"RUGBYTX_PROFILES": "/nowhere"},
        2,
        "RUGBYTX_PROFILES: there is no folder /nowhere",
    ),
    ("plan s3://rugbytx-source/none.mp4", {}, 3, "there is no object s3://rugbytx-source/none.mp4"),
    ("plan s3://payroll/a.mp4", {}, 4, "bucket payroll may not be read; RUGBYTX_SOURCE_BUCKETS allows"),
    ("plan s3://rugbytx-source", {}, 2, "names no object: it should be s3://bucket/key"),
    ("plan https://example.org/a.mp4", {}, 2, "a source is s3://bucket/key or a local file"),
    ("plan {tmp}/none.mp4", {}, 3, "there is no file"),
    ("plan {tmp}", {}, 2, "is a folder, not a video file"),
    ("plan {tmp}/empty.mp4", {}, 2, "is empty"),
    ("plan {tmp}/a.mp4 --profile mach", {}, 2, "there is no profile 'mach'; there is clip and match"),
    ("plan {tmp}/a.mp4 --chunk 1s", {}, 2, "a chunk is between 2 and 600 seconds long"),
    ("plan {tmp}/a.mp4", {"RUGBYTX_LEASE": "5"}, 2, "RUGBYTX_LEASE is not a setting"),
    (f"status {JOB}", {}, 3, f"there is no job {JOB}"),
    (f"url {JOB}", {}, 3, f"there is no job {JOB}"),
    (f"watch {JOB}", {}, 3, f"there is no job {JOB}"),
    (f"rm {JOB}", {}, 3, f"there is no job {JOB}"),
    ("url {open}", {}, 3, "has no output: it is QUEUED"),
    ("rm {open}", {}, 2, "is QUEUED; it can be removed once it has ended"),
    ("list --status done", {}, 2, "'done' is none of queued, running, succeeded, failed, cancelled"),
    ("list", {"RUGBYTX_LEASE": "5"}, 2, "RUGBYTX_LEASE is not a setting; did you mean RUGBYTX_LEASE_S?"),
    (
        "list",
        {"RUGBYTX_LEASE_S": "5"},
        2,
        "RUGBYTX_HEARTBEAT_S (30) must be at most a third of RUGBYTX_LEASE_S (5)",
    ),
    ("list", {"RUGBYTX_STALL_S": "long"}, 2, "RUGBYTX_STALL_S: input should be a valid number"),
    ("lst", {}, 2, "No such command 'lst'. Did you mean 'list'?"),
    ("watch " + " ".join(["x"] * 101), {}, 2, "at most 100 jobs can be watched at once, not 101"),
]


@pytest.mark.parametrize(("arguments", "environ", "exit_code", "sentence"), ERRORS)
def test_an_error_is_a_sentence_and_an_exit_code(
    run: Run,
    fakes: Fakes,
    tmp_path: Path,
    arguments: str,
    environ: dict[str, str],
    exit_code: int,
    sentence: str,
) -> None:
    """Nothing of it goes to stdout."""
    (tmp_path / "a.mp4").write_bytes(b"video")
    (tmp_path / "empty.mp4").touch()
    (tmp_path / "bytes.mp4").write_bytes(b"\xff\xfe\xfd")
    (tmp_path / "long.txt").write_text("x" * 5000)
    job = fakes.store.jobs.create(make_job())
    result = run(*(word.format(tmp=tmp_path, open=job.id) for word in arguments.split()), environ=environ)
    assert (result.exit_code, result.stdout) == (exit_code, "")
    assert sentence in result.stderr
    assert "Traceback" not in result.stderr


def test_the_sentence_stands_alone(run: Run) -> None:
    """Besides it there is only the name of the system."""
    system, complaint = run("status", JOB).stderr.splitlines()
    assert system.startswith(f"{ADDRESS.place} (profile default, ")
    assert complaint == f"rugbytx: there is no job {JOB}"


def test_a_store_that_does_not_answer(run: Run, fakes: Fakes) -> None:
    """Every command that asks it says so."""
    fakes.store.table.down = True
    for command in (("status", JOB), ("url", JOB), ("list",), ("watch",), ("watch", JOB), ("rm", JOB)):
        assert run(*command).exit_code == Code.SILENT


@pytest.mark.parametrize(
    ("error", "code"),
    [(SourceChanged("x"), 3), (TransferError("x"), 5), (HostUnfit("x"), 5), (RugbytxError("x"), 5)],
)
def test_every_error_has_a_code(error: RugbytxError, code: int) -> None:
    """Also those that no command raises today."""
    assert code_of(error) == code


@pytest.mark.process
@pytest.mark.parametrize("arguments", [["list"], ["status", JOB], ["submit", "s3://rugbytx-source/a.mp4"]])
def test_an_aws_that_does_not_answer(tmp_path: Path, arguments: list[str]) -> None:
    """The real command and the real SDK: a sentence with the address, and exit status 5."""
    environ = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "AWS_ENDPOINT_URL": "http://127.0.0.1:1",
        "AWS_REGION": "eu-west-1",
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
    }
    command = Path(sys.executable).with_name("rugbytx")
    done = subprocess.run(
        [command, *arguments], env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert (done.returncode, done.stdout) == (5, "")
    named, complaint = done.stderr.splitlines()
    assert named == (
        "http://127.0.0.1:1 (credentials of the environment, region eu-west-1), queue rugbytx-transcode"
    )
    assert complaint == "rugbytx: DynamoDB at http://127.0.0.1:1 does not answer: connection refused"


@pytest.mark.process
def test_the_help_is_light() -> None:
    """It names the exit codes, and loads neither boto3 nor Celery nor pydantic."""
    code = (
        "import sys; from typer.testing import CliRunner; from rugbytx.cli.app import app\n"
        "print(CliRunner().invoke(app, ['--help']).output)\n"
        "print({'boto3', 'celery', 'pydantic', 'rich', 'moto'} & set(sys.modules))"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=30, check=True
    )
    assert "Exit status: 0 done; 1 a watched job ended FAILED or CANCELLED;" in done.stdout
    assert done.stdout.endswith("set()\n")


@pytest.mark.parametrize(
    ("encoding", "shown"), [("utf-8", "Übung ⚽.mkv"), ("ascii", r"\xdcbung \u26bd.mkv")]
)
def test_a_terminal_may_know_few_letters(monkeypatch: pytest.MonkeyPatch, encoding: str, shown: str) -> None:
    """A name that it cannot show is shown in another way, and JSON is JSON."""
    written = io.BytesIO()
    with io.TextIOWrapper(written, encoding=encoding) as stdout:
        monkeypatch.setattr(sys, "stdout", stdout)
        monkeypatch.setattr(sys, "argv", ["rugbytx", "plan", "/nowhere/film.mkv"])
        with pytest.raises(SystemExit):
            main()
        say("Übung ⚽.mkv")
        console().print("Übung ⚽.mkv")
        emit({"source": "Übung ⚽.mkv"})
        line, same, told = written.getvalue().decode(encoding).splitlines()
    assert (line, same.rstrip()) == (shown, shown)
    assert json.loads(told) == {"source": "Übung ⚽.mkv"}

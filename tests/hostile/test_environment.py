"""What ffmpeg and ffprobe learn of a worker's environment, whoever starts them."""

import shutil
from pathlib import Path

import pytest

from rugbytx.media.process import child
from tests.hostile.host import SMALL, Host

pytestmark = pytest.mark.process

#: What leads to AWS on a host, in a container and in Lambda, and what else is no business of theirs.
SECRETS = (
    *("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_PROFILE"),
    *("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "AWS_CONTAINER_CREDENTIALS_FULL_URI"),
    *("AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_WEB_IDENTITY_TOKEN_FILE", "ECS_CONTAINER_METADATA_URI_V4"),
    *("RUGBYTX_QUEUE", "HOME", "http_proxy"),
)

#: Leaves an empty file for each variable, which even a program that may write no byte can do.
TELLTALE = """#!/usr/bin/env bash
env | cut -d = -f 1 | (cd "%FOLDER%" && xargs touch --)
exec %PROGRAM% "$@"
"""


def test_no_child_learns_a_secret(tmp_path: Path, good: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every program that a whole job starts tells the names in its environment before it does its work."""
    for name in SECRETS:
        monkeypatch.setenv(name, "hush")
    learnt = {}
    for name in ("ffmpeg", "ffprobe"):
        learnt[name] = tmp_path / f"of-{name}"
        learnt[name].mkdir()
        script = TELLTALE.replace("%FOLDER%", str(learnt[name])).replace("%PROGRAM%", str(shutil.which(name)))
        (tmp_path / name).write_text(script)
        (tmp_path / name).chmod(0o755)
    host = Host(tmp_path / "scratch", ffmpeg=str(tmp_path / "ffmpeg"), ffprobe=str(tmp_path / "ffprobe"))
    ended = host.run(host.submit("film.mp4", good, profile=SMALL.model_copy(update={"mp4": True})))
    assert ended.job.outputs, ended.job.reason
    for folder in learnt.values():
        # bash adds the last three itself.
        names = {path.name for path in folder.iterdir()}
        assert {"PATH"} <= names <= {*child.ENVIRONMENT, "PWD", "SHLVL", "_"}

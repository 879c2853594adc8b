"""A command finds the local system only where nothing else was chosen, and only while it lives."""

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal

import pytest

from rugbytx import system
from rugbytx.aws.client import address as address_of
from rugbytx.aws.client import client
from rugbytx.cli.shared.connection import describe
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings

SETTINGS = {"AWS_ENDPOINT_URL": "http://127.0.0.1:1", "RUGBYTX_LEASE_S": "12"}


@pytest.fixture
def endpoint() -> Iterator[str]:
    """Listen on a port of this machine, as the local system does."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield f"http://127.0.0.1:{server.getsockname()[1]}"


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """Return an environment that chooses nothing, with a runtime folder of its own."""
    return {"XDG_RUNTIME_DIR": str(tmp_path), "HOME": str(tmp_path / "home"), "AWS_PAGER": ""}


@pytest.fixture
def announced(environ: dict[str, str], endpoint: str) -> Path:
    """Announce this process as a local system; return the file."""
    path = system.state_path(environ)
    assert path
    system.announce(endpoint_url=endpoint, settings=SETTINGS, path=path)
    return path


def test_an_announced_system_is_found(announced: Path, environ: dict[str, str], endpoint: str) -> None:
    """Its settings come with it, and nobody else may read them."""
    found = system.locate(environ)
    assert found == system.System(is_local=True, environ=SETTINGS, endpoint_url=endpoint)
    assert announced.stat().st_mode & 0o777 == 0o600
    assert announced.parent.stat().st_mode & 0o777 == 0o700


@pytest.mark.usefixtures("announced")
@pytest.mark.parametrize("name", ["AWS_PROFILE", "AWS_ENDPOINT_URL_S3", "AWS_REGION", "RUGBYTX_QUEUE"])
def test_any_choice_in_the_environment_goes_first(environ: dict[str, str], name: str) -> None:
    """Who named an account must not reach a laptop."""
    assert not system.locate(environ | {name: "x"}).is_local


@pytest.mark.usefixtures("announced")
@pytest.mark.parametrize(
    "name",
    [
        *("AWS_CA_BUNDLE", "AWS_RETRY_MODE", "AWS_MAX_ATTEMPTS", "AWS_CLI_AUTO_PROMPT"),
        *("RUGBYTX_WORKER_CLASS", "RUGBYTX_ENCODER", "RUGBYTX_SCRATCH"),
    ],
)
def test_what_chooses_no_system_does_not_count(environ: dict[str, str], name: str) -> None:
    """These say how to speak, and who speaks, but not to whom."""
    assert system.locate(environ | {name: "x"}).is_local


def test_what_the_caller_says_of_himself_goes_before_what_was_announced(
    environ: dict[str, str], endpoint: str
) -> None:
    """The local system has settings of its own."""
    told = {**SETTINGS, "RUGBYTX_SCRATCH": "/theirs", "RUGBYTX_X264_PRESET": "fast"}
    system.announce(endpoint_url=endpoint, settings=told, path=system.state_path(environ))
    found = system.locate(environ | {"RUGBYTX_SCRATCH": "/mine"})
    assert found.environ == {**SETTINGS, "RUGBYTX_X264_PRESET": "fast"}
    system.withdraw(system.state_path(environ))


def test_every_setting_of_a_workers_own_is_one() -> None:
    """And not a name that was misspelt."""
    assert {name.removeprefix("RUGBYTX_").lower() for name in system.OWN} <= set(Settings.model_fields)


def test_nothing_is_found_where_nothing_was_announced(environ: dict[str, str]) -> None:
    """The first command on a machine speaks to AWS."""
    assert system.locate(environ) == system.System(is_local=False)


@pytest.mark.parametrize(
    "change",
    [
        {"pid": 2**22 + 1},
        {"started_ticks": 1},
        {"endpoint_url": "http://127.0.0.1:1"},
        {"endpoint_url": "not a url"},
        {"environ": {"LD_PRELOAD": "x.so"}},
        {"environ": None},
    ],
    ids=["no such process", "another process", "port closed", "no endpoint", "foreign variable", "torn"],
)
def test_what_does_not_live_is_not_found(
    announced: Path, environ: dict[str, str], change: dict[str, object]
) -> None:
    """A pid alone proves nothing: it comes back."""
    announced.write_text(json.dumps(json.loads(announced.read_text()) | change))
    assert not system.locate(environ).is_local


def test_a_file_that_others_may_write_is_not_believed(announced: Path, environ: dict[str, str]) -> None:
    """Its settings would go into our environment."""
    announced.chmod(0o622)
    assert not system.locate(environ).is_local


def test_withdrawing_removes_only_ones_own_announcement(announced: Path, environ: dict[str, str]) -> None:
    """Another system's stays."""
    mine = announced.read_text()
    announced.write_text(json.dumps(json.loads(mine) | {"pid": os.getppid()}))
    system.withdraw(announced)
    assert announced.exists()
    announced.write_text(mine)
    system.withdraw(announced)
    assert not system.locate(environ).is_local
    system.withdraw(announced)


def test_two_systems_at_once_are_refused(announced: Path, environ: dict[str, str], endpoint: str) -> None:
    """The second would answer for the first."""
    code = (
        "import sys; from pathlib import Path; from rugbytx import system\n"
        "system.announce(endpoint_url=sys.argv[2], settings={}, path=Path(sys.argv[1]))"
    )
    argv = [sys.executable, "-c", code, str(announced), endpoint]
    second = subprocess.run(argv, capture_output=True, text=True, timeout=30, check=False)
    assert f"is up already at {endpoint} (process {os.getpid()})" in second.stderr
    assert system.locate(environ).is_local


def test_a_dead_one_is_replaced(announced: Path, environ: dict[str, str], endpoint: str) -> None:
    """A system that was killed could not withdraw."""
    announced.write_text(json.dumps(json.loads(announced.read_text()) | {"pid": 2**22 + 1}))
    system.announce(endpoint_url=endpoint, settings={}, path=announced)
    assert system.locate(environ).is_local


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path, endpoint: str) -> None:
    """XDG_RUNTIME_DIR may point anywhere."""
    (tmp_path / "file").write_text("")
    with pytest.raises(SettingsError, match="cannot be announced"):
        system.announce(endpoint_url=endpoint, settings={}, path=tmp_path / "file" / "rugbytx" / "local.json")


@pytest.mark.parametrize(
    ("environ", "folder"),
    [
        ({"XDG_RUNTIME_DIR": "/run/user/7", "HOME": "/home/x"}, "/run/user/7/rugbytx"),
        ({"XDG_CACHE_HOME": "/var/cache/x", "HOME": "/home/x"}, "/var/cache/x/rugbytx"),
        ({"HOME": "/home/x"}, "/home/x/.cache/rugbytx"),
    ],
)
def test_the_file_is_in_a_folder_of_the_user(environ: dict[str, str], folder: str) -> None:
    """Two users of one machine have two systems."""
    assert system.state_path(environ) == Path(folder) / "local.json"


@pytest.fixture
def aws(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Take every AWS variable away; return the file where the user's configuration would be."""
    for name in system.chosen(os.environ):
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    (tmp_path / ".aws").mkdir()
    return tmp_path / ".aws" / "config"


CONFIG = """
[default]
region = us-west-2
endpoint_url = http://127.0.0.1:3

[profile club]
region = eu-central-1
services = near

[services near]
sqs =
  endpoint_url = http://127.0.0.1:4
"""
KEYS = {"AWS_ACCESS_KEY_ID": "AKIA", "AWS_SECRET_ACCESS_KEY": "x"}
OF_THE_ENVIRONMENT = "(credentials of the environment, region eu-west-1), queue q"


@pytest.mark.parametrize(
    ("environ", "config", "line"),
    [
        (
            {"AWS_ENDPOINT_URL": "http://stack:4566", "AWS_REGION": "eu-west-1"},
            "",
            "http://stack:4566 (profile default, region eu-west-1), queue q",
        ),
        ({**KEYS, "AWS_REGION": "eu-west-1"}, "", f"AWS {OF_THE_ENVIRONMENT}"),
        ({**KEYS, "AWS_DEFAULT_REGION": "eu-west-1"}, "", f"AWS {OF_THE_ENVIRONMENT}"),
        (
            {
                **KEYS,
                "AWS_REGION": "eu-west-1",
                **{f"AWS_ENDPOINT_URL_{one}": "http://127.0.0.1:1" for one in ("SQS", "S3", "DYNAMODB")},
            },
            "",
            f"http://127.0.0.1:1 {OF_THE_ENVIRONMENT}",
        ),
        (
            {
                **KEYS,
                "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:2",
                "AWS_ENDPOINT_URL_SQS": "http://127.0.0.1:1",
            },
            "",
            f"SQS at http://127.0.0.1:1, S3 and DynamoDB at http://127.0.0.1:2 {OF_THE_ENVIRONMENT}",
        ),
        (
            {**KEYS, "AWS_REGION": "eu-west-1", "AWS_ENDPOINT_URL_S3": "http://127.0.0.1:2"},
            "",
            f"SQS and DynamoDB at AWS, S3 at http://127.0.0.1:2 {OF_THE_ENVIRONMENT}",
        ),
        # The dangerous direction: an endpoint that is named and not used.
        (
            {
                **KEYS,
                "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL": "http://127.0.0.1:2",
                "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true",
            },
            "",
            f"AWS {OF_THE_ENVIRONMENT}",
        ),
        (
            {
                **KEYS,
                "AWS_REGION": "eu-west-1",
                "AWS_ENDPOINT_URL_SQS": "https://sqs.us-east-1.amazonaws.com",
            },
            "",
            f"SQS at https://sqs.us-east-1.amazonaws.com, S3 and DynamoDB at AWS {OF_THE_ENVIRONMENT}",
        ),
        (
            {},
            CONFIG,
            "http://127.0.0.1:3 (profile default, region us-west-2), queue q; no local system is up",
        ),
        (
            {"AWS_PROFILE": "club"},
            CONFIG,
            "SQS at http://127.0.0.1:4, S3 and DynamoDB at AWS (profile club, region eu-central-1), queue q",
        ),
        # A region beside a profile's own: what is named is what is used.
        (
            {"AWS_PROFILE": "club", "AWS_REGION": "eu-west-1"},
            CONFIG,
            "SQS at http://127.0.0.1:4, S3 and DynamoDB at AWS (profile club, region eu-west-1), queue q",
        ),
        (
            {"AWS_PROFILE": "nobody", "AWS_DEFAULT_PROFILE": "club"},
            CONFIG,
            "SQS at http://127.0.0.1:4, S3 and DynamoDB at AWS (profile club, region eu-central-1), queue q",
        ),
        (
            {"AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "true"},
            CONFIG,
            "AWS (profile default, region us-west-2), queue q",
        ),
    ],
)
def test_a_line_names_what_the_clients_speak_to(
    aws: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], config: str, line: str
) -> None:
    """Every command prints it, so nobody acts on the wrong account unawares."""
    aws.write_text(config)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    address = system.connect(Settings()).address
    assert describe(system.System(is_local=False), environ, address=address, queue="q") == line


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize(
    "region", ["us-east-1", "eu-west-1", "ap-southeast-4", "us-gov-west-1", "cn-north-1"]
)
def test_the_endpoints_of_a_region_are_aws(monkeypatch: pytest.MonkeyPatch, region: str) -> None:
    """However botocore writes them."""
    monkeypatch.setenv("AWS_REGION", region)
    made = [client(service) for service in ("sqs", "s3", "dynamodb", "ecs", "cloudformation")]
    assert address_of(*made).place == "AWS"


@pytest.mark.parametrize(
    ("environ", "config", "region"),
    [
        ({"AWS_REGION": "eu-west-1"}, "", "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1"}, "", "eu-west-1"),
        ({"AWS_REGION": "eu-west-1", "AWS_DEFAULT_REGION": "us-west-2"}, "", "eu-west-1"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": "us-west-2"}, "", "us-west-2"),
        ({"AWS_REGION": "", "AWS_DEFAULT_REGION": ""}, CONFIG, "us-west-2"),
        ({"AWS_REGION": "eu-west-1"}, CONFIG, "eu-west-1"),
        ({"AWS_DEFAULT_REGION": "eu-west-1", "AWS_PROFILE": "club"}, CONFIG, "eu-west-1"),
        ({"AWS_PROFILE": "club"}, CONFIG, "eu-central-1"),
    ],
)
def test_the_region_is_the_first_that_is_said(
    aws: Path, monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], config: str, region: str
) -> None:
    """By AWS_REGION, AWS_DEFAULT_REGION or the profile, in this order; an empty variable says nothing."""
    aws.write_text(config)
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    before = dict(os.environ)
    made = [client(service) for service in ("sqs", "s3", "dynamodb", "ecs", "events")]
    assert {one.meta.region_name for one in made} == {region}
    assert dict(os.environ) == before, "the caller's environment is the caller's"


@pytest.mark.usefixtures("aws")
@pytest.mark.parametrize("service", ["sqs", "s3"])
def test_no_region_is_a_sentence(monkeypatch: pytest.MonkeyPatch, service: Literal["sqs", "s3"]) -> None:
    """Also for S3, which botocore would look for in a region of its own choice."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "")
    with pytest.raises(SettingsError, match=r"^no AWS region is configured: set AWS_REGION, or a region in"):
        client(service)


def test_connecting_asks_nothing_yet(monkeypatch: pytest.MonkeyPatch) -> None:
    """The connection knows where S3 is, for the URLs of outputs."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:1")
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-west-1")
    assert system.connect(Settings()).s3_url == "http://127.0.0.1:1"

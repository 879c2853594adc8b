"""How each deployed process starts, by the files that deploy it: its command, its variables, and where it may write.

Nothing of it is typed again here, but for what AWS and systemd add by themselves.
"""

import re
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.deploy.template import REGION, Stack
from tests.deploy.test_docker import DOCKER, instructions

#: What Docker and systemd both give where nobody says otherwise.
PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
#: What ECS says of itself on EC2, besides addresses (ECS Developer Guide, "Amazon ECS environment variables").  The
#: regions that the guide names too are not among it: its agent sets none where a task definition has one of them, and
#: before it learned to, none at all (aws/amazon-ecs-agent#4946, aws/containers-roadmap#1611).
ECS_ON_EC2 = {"AWS_EXECUTION_ENV": "AWS_ECS_EC2"}
#: What Lambda's guide promises of the region ("Defined runtime environment variables").  Functions are seen to have
#: AWS_DEFAULT_REGION as well, which is left out.
LAMBDA = {"AWS_REGION": REGION}
#: What stands in for Lambda's own client: it calls the handler that it is told, with the event in its input.
_INVOKE = """
import importlib, json, sys
module, _, name = sys.argv[1].rpartition(".")
print(json.dumps(getattr(importlib.import_module(module), name)(json.load(sys.stdin), None)))
"""


@dataclass(frozen=True, kw_only=True)
class Start:
    """The start of one process."""

    argv: tuple[str, ...]
    environ: Mapping[str, str]
    #: The folders that it may write to; there is no other.
    writable: tuple[str, ...] = ()
    umask: str = "0022"


def container(stack: Stack, logical_id: str, **secrets: str) -> Start:
    """Return how ECS starts the one container of a task; ``secrets`` are the values of what it fetches elsewhere."""
    task = stack.of_type("AWS::ECS::TaskDefinition")[logical_id]
    (found,) = task["ContainerDefinitions"]
    image = _image()
    told = {one["Name"]: str(one["Value"]) for one in found["Environment"]}
    fetched = {one["Name"]: secrets[one["Name"]] for one in found.get("Secrets", [])}
    # A volume of Docker's begins as the image's folder, with its owner; a bare one is root's alone.
    dockers = {volume["Name"] for volume in task.get("Volumes", []) if "DockerVolumeConfiguration" in volume}
    volumes = [
        mount["ContainerPath"] for mount in found.get("MountPoints", []) if mount["SourceVolume"] in dockers
    ]
    memory = [one["ContainerPath"] for one in found["LinuxParameters"].get("Tmpfs", [])]
    return Start(
        argv=_without_init([*found.get("EntryPoint", image.entry), *found.get("Command", image.command)]),
        environ={**image.environ, **told, **fetched},
        writable=(*volumes, *memory),
    )


def function(stack: Stack, logical_id: str) -> Start:
    """Return how Lambda starts a function of the image, with a client of our own in its client's place."""
    found = stack.of_type("AWS::Lambda::Function")[logical_id]
    python, *client = found["ImageConfig"]["EntryPoint"]
    assert client == ["-m", "awslambdaric"]
    return Start(
        argv=(python, "-c", _INVOKE, *found["ImageConfig"]["Command"]),
        environ={**_image().environ, **variables(found), **LAMBDA},
        writable=("/tmp",),  # noqa: S108  Lambda's own
    )


def variables(function: Mapping[str, Any]) -> dict[str, str]:
    """Return the variables that a template gives a function."""
    return {name: str(value) for name, value in function["Environment"]["Variables"].items()}


def service(root: Path) -> Start:
    """Return how systemd starts the worker that ``deploy/jetson/install --root`` put below a folder."""
    lines = (root / "etc/systemd/system/rugbytx-worker.service").read_text().splitlines()
    said = [line.partition("=")[::2] for line in lines if re.match(r"[A-Za-z]+=", line)]
    own = dict(value.split("=", 1) for name, value in said if name == "Environment")
    unit = dict(said)
    # What the file says overrides the unit's own lines: systemd.exec(5), EnvironmentFile.
    told = (root / unit["EnvironmentFile"].removeprefix("/")).read_text().splitlines()
    read = dict(line.split("=", 1) for line in told if line and not line.startswith("#"))
    return Start(
        argv=tuple(shlex.split(unit["ExecStart"].replace("%H", "premises"))),
        environ={"PATH": PATH, **own, **read},
        writable=(f"/var/cache/{unit['CacheDirectory']}", "/tmp"),  # noqa: S108  PrivateTmp
        umask=unit["UMask"],
    )


@dataclass(frozen=True, kw_only=True)
class _Image:
    environ: Mapping[str, str]
    entry: list[str]
    command: list[str]


def _image() -> _Image:
    """Return what the image says of its last stage."""
    found = instructions(DOCKER / "Dockerfile")
    last = found[max(number for number, (name, _) in enumerate(found) if name == "FROM") :]
    environ = dict(pair.split("=", 1) for name, rest in last if name == "ENV" for pair in shlex.split(rest))
    said = {name: re.findall(r'"([^"]*)"', rest) for name, rest in last}
    return _Image(
        environ={**environ, "PATH": environ["PATH"].replace("$PATH", PATH)},
        entry=said["ENTRYPOINT"],
        command=said["CMD"],
    )


def _without_init(argv: list[str]) -> tuple[str, ...]:
    """Return the command behind tini, which is the image's and has a process namespace to look after."""
    assert argv[:2] == ["tini", "--"]
    return tuple(argv[2:])

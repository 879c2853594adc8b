"""The images by what their files say: no engine runs here, so none was built."""

import re
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml

from rugbytx.worker.shutdown import watchdog
from rugbytx.worker.shutdown.drain import LEAVE_S
from tests.deploy.stacks import smallest
from tests.deploy.template import AWS

ROOT = AWS.parents[1]
DOCKER = ROOT / "deploy" / "docker"
FILES = [DOCKER / "Dockerfile", DOCKER / "Dockerfile.jetson"]


def instructions(path: Path) -> list[tuple[str, str]]:
    """Return a Dockerfile's instructions in order, continued lines joined and comments left out."""
    lines = [line for line in path.read_text().splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    words = [line.strip().partition(" ") for line in joined.splitlines() if line.strip()]
    return [(name, " ".join(rest.split())) for name, _, rest in words]


def values(path: Path, name: str) -> list[str]:
    """Return what one kind of instruction says, each time."""
    return [rest for found, rest in instructions(path) if found == name]


@pytest.mark.parametrize(
    ("path", "pinned"),
    [
        (FILES[0], r"debian:13\.\d+-slim@sha256:[0-9a-f]{64}"),
        (FILES[1], r"nvcr\.io/nvidia/l4t-jetpack:r36\.\d+\.\d+"),
    ],
    ids=["Dockerfile", "Dockerfile.jetson"],
)
def test_every_image_it_begins_with_is_pinned(path: Path, pinned: str) -> None:
    """By a digest; the Jetson's by a version, for its registry is out of reach of whoever wrote this."""
    arguments = dict(rest.split("=", 1) for rest in values(path, "ARG") if "=" in rest)
    for rest in values(path, "FROM"):
        image = re.sub(r"\$\{(\w+)\}", lambda found: arguments[found[1]], rest.split()[0])
        assert re.fullmatch(pinned, image), image


def test_the_jetsons_sources_are_pinned_by_commit() -> None:
    """A branch moves; a tag is held against the commit."""
    arguments = dict(rest.split("=", 1) for rest in values(FILES[1], "ARG") if "=" in rest)
    for name in ("NVMPI_COMMIT", "FFMPEG_COMMIT"):
        assert re.fullmatch(r"[0-9a-f]{40}", arguments[name])
        assert any(f'"${name}"' in rest for rest in values(FILES[1], "RUN"))


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_it_runs_as_nobody_in_particular_under_tini(path: Path) -> None:
    """In exec form, so that SIGTERM arrives; and built in stages, so that no compiler is in it."""
    assert values(path, "USER") == ["10001"]
    assert values(path, "ENTRYPOINT") == ['["tini", "--"]']
    (command,) = values(path, "CMD")
    assert command.startswith('["celery", "-A", "rugbytx", "worker", "-Q", "transcode"')
    last = instructions(path)[max(n for n, (name, _) in enumerate(instructions(path)) if name == "FROM") :]
    packages = " ".join(rest for name, rest in last if name == "RUN")
    assert "tini" in packages
    assert not re.search(r"\b(gcc|build-essential|git|python3-dev)\b", packages)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_its_health_is_what_ecs_looks_at(path: Path) -> None:
    """The same file, which the worker's main loop touches, with the same patience."""
    (task,) = smallest()["fleet"].of_type("AWS::ECS::TaskDefinition").values()
    (container,) = task["ContainerDefinitions"]
    (check,) = values(path, "HEALTHCHECK")
    assert check.endswith(container["HealthCheck"]["Command"][1])
    assert f"/{watchdog.FILE} -mmin -5" in check
    assert watchdog.BEAT_S * 3 < 300
    for option, key in (("interval", "Interval"), ("timeout", "Timeout"), ("start-period", "StartPeriod")):
        assert f"--{option}={container['HealthCheck'][key]}s" in check


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_what_it_copies_is_there_and_is_sent(path: Path) -> None:
    """.dockerignore lets through what a Dockerfile asks for, and the project lets through what it needs."""
    sent = {line[1:] for line in (ROOT / ".dockerignore").read_text().splitlines() if line.startswith("!")}
    copied = [rest.split()[:-1] for rest in values(path, "COPY") if not rest.startswith("--from")]
    for name in (name for names in copied for name in names):
        assert (ROOT / name).exists(), name
        assert any(name == one or name.startswith(f"{one}/") for one in sent), name


def test_the_player_comes_along() -> None:
    """The wheel takes hls.js from where the image's first stage puts it."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    artifacts = project["tool"]["hatch"]["build"]["targets"]["wheel"]["artifacts"]
    assert "--from=player /src/node_modules rugbytx/player/node_modules" in values(FILES[0], "COPY")
    assert all(artifact.startswith("rugbytx/player/node_modules/") for artifact in artifacts)


def test_functions_find_their_runtime_in_the_image() -> None:
    """Lambda starts the interpreter where the image has it, and the extra brings Lambda's client."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())
    assert any(
        need.startswith("awslambdaric") for need in project["project"]["optional-dependencies"]["lambda"]
    )
    assert "EXTRAS=lambda" in values(FILES[0], "ARG")
    assert "deploy/layer /opt/rugbytx $EXTRAS" in values(FILES[0], "RUN")
    for function in smallest()["control"].of_type("AWS::Lambda::Function").values():
        assert function["ImageConfig"]["EntryPoint"] == ["/opt/rugbytx/bin/python", "-m", "awslambdaric"]


def test_the_compose_file_stops_and_confines_as_ecs_does() -> None:
    """A worker has longer than it needs to leave, and no more rights than on ECS."""
    composed: dict[str, Any] = yaml.safe_load((DOCKER / "compose.yaml").read_text())
    for service in composed["services"].values():
        assert (service["read_only"], service["cap_drop"]) == (True, ["ALL"])
        assert int(service["stop_grace_period"].removesuffix("s")) > LEAVE_S
        assert (ROOT / service["build"]["dockerfile"]).exists()
        for volume in service["volumes"]:
            assert volume.partition(":")[0] in composed["volumes"]

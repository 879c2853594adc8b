"""`scripts/deploy` on the emulator: makes, asks, updates, and refuses to take away what somebody waits for."""

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

import boto3
import pytest

from rugbytx import intake, system
from rugbytx.control import job as control
from rugbytx.settings import Settings
from rugbytx.system import chosen
from tests.deploy.account import empty_account
from tests.deploy.template import AWS, REGION
from tests.footage import film

pytestmark = [pytest.mark.process, pytest.mark.filterwarnings("ignore:Tried to parse")]

ROOT = AWS.parents[1]
#: More than the script takes on a busy machine.
SCRIPT_S = 200.0
#: The fleet's template is not for the emulator, so the note's own service is controlled.
MAKE = ("--image", "0123abc", "--adopt", "rugbycodex-cluster/rugbycodex-transcoder-service")
#: See ``tests.deploy.conftest``.
BUS = ("--parameter", "data:EventBus=club")


@pytest.fixture(scope="module")
def environ(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Return the environment of somebody who deploys, to an account that is empty."""
    with empty_account() as account:
        path = f"{Path(__file__).parent / 'command'}:{Path(sys.executable).parent}:{os.environ['PATH']}"
        own = {name: value for name, value in os.environ.items() if name not in chosen(os.environ)}
        yield {
            **own,
            **account,
            "PATH": path,
            "AWS_STAND_IN": str(tmp_path_factory.mktemp("change-sets")),
            "XDG_RUNTIME_DIR": str(tmp_path_factory.mktemp("runtime")),
        }


def deploy(environ: Mapping[str, str], *arguments: str) -> "subprocess.CompletedProcess[str]":
    """Run the script, where nobody can be asked."""
    return subprocess.run(
        [ROOT / "scripts" / "deploy", *arguments],
        env=environ,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
        timeout=SCRIPT_S,
        start_new_session=True,  # without a terminal
    )


def stacks() -> dict[str, str]:
    """Return the stacks that there are, with their status."""
    cloudformation = boto3.client("cloudformation")
    return {stack["StackName"]: stack["StackStatus"] for stack in cloudformation.describe_stacks()["Stacks"]}


@pytest.mark.parametrize("wrong", [("--updaet",), ("--parameter", "date:Name=x"), ("--adopt", "cluster")])
def test_what_it_does_not_understand_it_does_not_do(environ: dict[str, str], wrong: tuple[str, ...]) -> None:
    """It says how it is called."""
    done = deploy(environ, *wrong)
    assert done.returncode == 2
    assert "scripts/deploy --destroy" in done.stderr


@pytest.mark.long
def test_it_changes_nothing_that_nobody_agrees_to(environ: dict[str, str]) -> None:
    """It shows the change set and asks; without a terminal the answer is no."""
    unasked = deploy(environ, *MAKE, *BUS)
    assert unasked.returncode == 1
    assert "Add" in unasked.stderr
    assert "stopped; nothing more was changed" in unasked.stderr
    assert stacks() == {}


def test_a_parameter_that_no_template_knows_is_refused(environ: dict[str, str]) -> None:
    """Before there is a change set."""
    mistaken = deploy(environ, *MAKE, "--yes", "--parameter", "data:Nmae=x")
    assert mistaken.returncode != 0
    assert "the template has no parameter Nmae" in mistaken.stderr
    assert stacks() == {}


@pytest.fixture(scope="module")
def made(environ: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Make everything."""
    return deploy(environ, *MAKE, *BUS, "--yes", "--parameter", "control:MaxWorkers=5")


@pytest.mark.long
def test_it_makes_the_stacks_in_their_order_and_asks_the_doctor(
    made: "subprocess.CompletedProcess[str]",
) -> None:
    """It shows each change set, prints the settings, and takes over the service that it was told to."""
    assert made.returncode == 0, made.stderr
    assert stacks() == {"rugbytx-data": "CREATE_COMPLETE", "rugbytx-control": "CREATE_COMPLETE"}
    assert made.stderr.index("rugbytx-data would change so:") < made.stderr.index(
        "rugbytx-control would change so:"
    )
    assert "AWS::DynamoDB::Table\tJobs" in made.stderr
    lines = made.stdout.splitlines()
    assert "RUGBYTX_QUEUE=rugbytx-transcode" in lines
    assert "RUGBYTX_SERVICE=rugbycodex-transcoder-service" in lines
    assert any(line.startswith("ok   table permissions") for line in lines), made.stdout
    function = boto3.client("lambda").get_function(FunctionName="rugbytx-autoscaler")["Configuration"]
    variables = function["Environment"]["Variables"]
    assert (variables["RUGBYTX_CLUSTER"], str(variables["RUGBYTX_MAX_WORKERS"])) == (
        "rugbycodex-cluster",
        "5",
    )


@pytest.mark.long
def test_an_update_keeps_what_nobody_changes(
    environ: dict[str, str], made: "subprocess.CompletedProcess[str]"
) -> None:
    """A parameter that is not given again keeps its value, the image is another, and a stack without changes is left alone."""
    assert made.returncode == 0
    done = deploy(environ, "--update", "--yes", "--image", "4567def", *MAKE[2:])
    assert done.returncode == 0, done.stderr
    assert "rugbytx-data: nothing to change" in done.stderr
    # The emulator cannot carry it out: this is what it was asked for.
    wish = json.loads((Path(environ["AWS_STAND_IN"]) / "rugbytx-control.json").read_text())
    parameters = {one["ParameterKey"]: one for one in wish["Parameters"]}
    assert wish["ChangeSetType"] == "UPDATE"
    assert parameters["ImageTag"]["ParameterValue"] == "4567def"
    assert parameters["MaxWorkers"]["UsePreviousValue"] is True


@pytest.mark.long
def test_it_takes_nothing_away_while_a_job_is_open(
    environ: dict[str, str], made: "subprocess.CompletedProcess[str]", tmp_path: Path
) -> None:
    """Afterwards everything goes but what users gave us."""
    assert made.returncode == 0
    here = connected(made)
    source = film(tmp_path / "film.mp4", length_s=1.0)
    job = intake.accept(intake.Request(source=str(source)), here).job
    refused = deploy(environ, "--destroy", "--yes")
    assert refused.returncode == 1
    assert "jobs are open (1 are shown by: rugbytx list)" in refused.stderr
    assert len(stacks()) == 2
    control.cancel(job.id, here)
    done = deploy(environ, "--destroy", "--yes")
    assert done.returncode == 0, done.stderr
    assert stacks() == {}


def calls(environ: Mapping[str, str]) -> list[str]:
    """Return every call of the command line of AWS so far."""
    return (Path(environ["AWS_STAND_IN"]) / "calls").read_text().splitlines()


def connected(made: "subprocess.CompletedProcess[str]") -> system.Connection:
    """Return the system that the script has printed the settings of."""
    told = dict(line.split("=", 1) for line in made.stdout.splitlines() if line.startswith("RUGBYTX_"))
    fields = {name.removeprefix("RUGBYTX_").lower(): value for name, value in told.items()}
    return system.connect(Settings.model_validate(fields))


def halts(made: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return who is asked to receive nothing."""
    return [halt.name for halt in connected(made).store.halts.list()]


@pytest.fixture
def network(environ: dict[str, str]) -> tuple[str, ...]:
    """Make a network; return the options that name it, for the emulator takes no network from the fleet's own template."""
    assert environ
    ec2 = boto3.client("ec2")
    vpc = ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"]
    subnets = [
        ec2.create_subnet(VpcId=vpc, CidrBlock=f"10.0.{number}.0/24", AvailabilityZone=f"{REGION}{zone}")
        for number, zone in enumerate("ab")
    ]
    names = ",".join(subnet["Subnet"]["SubnetId"] for subnet in subnets)
    return ("--parameter", f"fleet:ExistingVpc={vpc}", "--parameter", f"fleet:ExistingSubnets={names}")


@pytest.mark.long
def test_a_fleet_comes_is_rolled_and_goes(environ: dict[str, str], network: tuple[str, ...]) -> None:
    """All three stacks in their order; an update closes the gates and opens them again; hosts go before their stack."""
    name = ("--name", "club", "--yes")
    made = deploy(environ, *name, "--image", "0123abc", *BUS, *network)
    assert made.returncode == 0, made.stderr
    assert list(stacks()) == ["club-data", "club-fleet", "club-control"]
    assert "RUGBYTX_SERVICE=club-worker" in made.stdout.splitlines()
    wish = json.loads((Path(environ["AWS_STAND_IN"]) / "club-fleet.json").read_text())
    assert {"ParameterKey": "Workers", "ParameterValue": "0"} in wish["Parameters"]
    ecs = boto3.client("ecs")
    (service,) = ecs.describe_services(cluster="club", services=["club-worker"])["services"]
    (container,) = ecs.describe_task_definition(taskDefinition=service["taskDefinition"])["taskDefinition"][
        "containerDefinitions"
    ]
    assert container["image"].endswith("/club:0123abc")

    rolled = deploy(environ, *name, "--update", "--image", "4567def")
    assert rolled.returncode == 0, rolled.stderr
    wish = json.loads((Path(environ["AWS_STAND_IN"]) / "club-fleet.json").read_text())
    assert {"ParameterKey": "Workers", "ParameterValue": "keep"} in wish["Parameters"]
    assert {"ParameterKey": "ExistingVpc", "UsePreviousValue": True} in wish["Parameters"]
    assert rolled.stderr.index("AWS workers receive nothing") < rolled.stderr.index("club-fleet would change")
    assert halts(made) == []

    broken = deploy(environ, *name, "--update", "--image", "89abcde", "--parameter", "fleet:Nmae=x")
    assert broken.returncode != 0
    assert "AWS workers receive nothing" in broken.stderr
    assert halts(made) == []  # whatever became of the update, they work again

    autoscaling = boto3.client("autoscaling")
    (group,) = (
        one["AutoScalingGroupName"] for one in autoscaling.describe_auto_scaling_groups()["AutoScalingGroups"]
    )
    autoscaling.set_desired_capacity(AutoScalingGroupName=group, DesiredCapacity=1)
    before = len(calls(environ))
    done = deploy(environ, *name, "--destroy")
    assert done.returncode == 0, done.stderr
    assert stacks() == {}
    changes = [call for call in calls(environ)[before:] if re.match(r"\S+ (delete|update|set|wait)", call)]
    assert [" ".join(call.split()[:5]) for call in changes] == [
        "cloudformation delete-stack --stack-name club-control",
        "cloudformation wait stack-delete-complete --stack-name club-control",
        "ecs update-service --cluster club --service",
        "ecs wait services-stable --cluster club",
        f"autoscaling update-auto-scaling-group --auto-scaling-group-name {group} --min-size",
        f"autoscaling set-instance-protection --auto-scaling-group-name {group} --no-protected-from-scale-in",
        "cloudformation delete-stack --stack-name club-fleet",
        "cloudformation wait stack-delete-complete --stack-name club-fleet",
        "cloudformation delete-stack --stack-name club-data",
        "cloudformation wait stack-delete-complete --stack-name club-data",
    ]

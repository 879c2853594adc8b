"""What the emulator makes of ``fleet``: everything but the network, the capacity provider and a number of workers."""

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from rugbytx.settings import Settings
from tests.deploy.account import empty_account
from tests.deploy.conftest import DATA
from tests.deploy.stacks import TAG
from tests.deploy.template import AWS, STACKS

pytestmark = pytest.mark.filterwarnings("ignore:Tried to parse")

FLEET = STACKS["fleet"]


@pytest.fixture(scope="module")
def fleet() -> Iterator[dict[str, str]]:
    """Make ``data`` and ``fleet`` in a network that is there; return what the fleet consists of, by logical ids."""
    with empty_account():
        ec2 = boto3.client("ec2")
        vpc = str(ec2.create_vpc(CidrBlock="10.0.0.0/16")["Vpc"]["VpcId"])
        subnet = ec2.create_subnet(VpcId=vpc, CidrBlock="10.0.0.0/24")["Subnet"]["SubnetId"]
        cloudformation = boto3.client("cloudformation")
        # The emulator's services are made without a count, or with one that is no text.
        wanted = TAG | {"ExistingVpc": vpc, "ExistingSubnets": subnet, "Workers": "keep"}
        for name, parameters in (("data", DATA), ("fleet", wanted)):
            cloudformation.create_stack(
                StackName=STACKS[name],
                TemplateBody=(AWS / f"{name}.yaml").read_text(),
                Capabilities=["CAPABILITY_NAMED_IAM"],
                Parameters=[
                    {"ParameterKey": key, "ParameterValue": str(parameters[key])} for key in parameters
                ],
            )
        found = cloudformation.list_stack_resources(StackName=FLEET)["StackResourceSummaries"]
        yield {one["LogicalResourceId"]: one.get("PhysicalResourceId", "") for one in found}


def test_the_service_is_of_that_task(fleet: dict[str, str]) -> None:
    """Under the names that the settings have by default."""
    (service,) = boto3.client("ecs").describe_services(
        cluster=Settings().cluster, services=[Settings().service]
    )["services"]
    assert (service["serviceArn"], service["taskDefinition"]) == (fleet["Transcoder"], fleet["Task"])


def test_a_task_is_the_image_on_one_gpu(fleet: dict[str, str]) -> None:
    """With the settings that the data stack gave."""
    made: Any = boto3.client("ecs").describe_task_definition(taskDefinition=fleet["Task"])["taskDefinition"]
    (container,) = made["containerDefinitions"]
    assert container["image"].endswith(f"/rugbytx:{TAG['ImageTag']}")
    assert container["resourceRequirements"] == [{"type": "GPU", "value": "1"}]
    variables = {one["name"]: one["value"] for one in container["environment"]}
    assert variables["RUGBYTX_QUEUE"] == "rugbytx-transcode"
    assert variables["RUGBYTX_TABLE"] == "rugbytx"


def test_hosts_begin_from_none_and_are_spot_but_for_the_first(fleet: dict[str, str]) -> None:
    """Of the cheapest type there is, in that order."""
    (group,) = boto3.client("autoscaling").describe_auto_scaling_groups()["AutoScalingGroups"]
    assert group["AutoScalingGroupName"] == fleet["Hosts"]
    assert (group["MinSize"], group["MaxSize"], group["Instances"]) == (0, 3, [])
    mixed = group["MixedInstancesPolicy"]
    types = [override["InstanceType"] for override in mixed["LaunchTemplate"]["Overrides"]]
    assert types == ["g4dn.xlarge", "g6.xlarge", "g5.xlarge"]
    spread: Any = mixed["InstancesDistribution"]
    assert (int(spread["OnDemandBaseCapacity"]), int(spread["OnDemandPercentageAboveBaseCapacity"])) == (1, 0)
    assert mixed["LaunchTemplate"]["LaunchTemplateSpecification"]["LaunchTemplateId"] == fleet["Host"]
    assert group["NewInstancesProtectedFromScaleIn"] is True

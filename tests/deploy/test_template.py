"""The templates hold to a policy: nothing unencrypted, nothing in clear, no wildcard where a name would do."""

import subprocess
import sys
from collections.abc import Iterator, Mapping
from itertools import product
from pathlib import Path
from typing import Any

import pytest

from rugbytx.aws.sqs.event_queue import event_queue
from tests.deploy.stacks import everything, smallest
from tests.deploy.template import AWS, Stack

ROOT = AWS.parents[1]

#: Actions that name no resource (Service Authorization Reference), so ``*`` is all that can be said.
NAMELESS = {
    "application-autoscaling:DescribeScalableTargets",
    "application-autoscaling:DescribeScalingPolicies",
    "ecr:GetAuthorizationToken",
}
#: What stands in the table or the buckets must outlive a stack that is removed by mistake.
KEPT = {"AWS::DynamoDB::Table", "AWS::S3::Bucket"}

Resources = Mapping[str, Mapping[str, Any]]


@pytest.fixture(params=["smallest", "everything"], scope="module")
def stacks(request: pytest.FixtureRequest) -> dict[str, Stack]:
    """Return the three stacks, once with every default and once with all that is optional."""
    return smallest() if request.param == "smallest" else everything()


def made(stacks: Mapping[str, Stack], kind: str) -> dict[str, dict[str, Any]]:
    """Return the properties of all resources of a type."""
    return {name: found for stack in stacks.values() for name, found in stack.of_type(kind).items()}


def statements(stacks: Mapping[str, Stack]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield each Allow of a role or policy, with the name of what holds it."""
    for name, properties in made(stacks, "AWS::IAM::ManagedPolicy").items():
        for statement in properties["PolicyDocument"]["Statement"]:
            yield name, statement
    for name, properties in made(stacks, "AWS::IAM::Role").items():
        for policy in properties.get("Policies", []):
            for statement in policy["PolicyDocument"]["Statement"]:
                yield name, statement


def listed(value: Any) -> list[Any]:
    """Return one or several as several."""
    return value if isinstance(value, list) else [value]


def test_cfn_lint_finds_nothing() -> None:
    """With its informational and experimental rules; what is left out stands in .cfnlintrc.yaml."""
    program = Path(sys.executable).with_name("cfn-lint")
    done = subprocess.run([program], cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)
    assert (done.returncode, done.stdout) == (0, "")


def test_no_statement_has_a_wildcard_where_a_name_would_do(stacks: dict[str, Stack]) -> None:
    """Neither among its actions nor as a whole resource, but for actions that name none."""
    for holder, statement in statements(stacks):
        actions, resources = listed(statement["Action"]), listed(statement["Resource"])
        assert not [action for action in actions if "*" in action], holder
        if "*" in resources:
            assert set(actions) <= NAMELESS, (holder, actions)
        for resource in resources:
            # A wildcard stands only for what is below a name of ours: objects, tasks, log streams.
            head, _, _ = resource.partition("*")
            assert resource == "*" or head.rstrip("/:").count(":") >= 5, (holder, resource)


def test_only_our_own_services_and_principals_take_a_role(stacks: dict[str, Stack]) -> None:
    """No role may be taken by anybody outside, and ECS takes one only for this account."""
    for name, role in made(stacks, "AWS::IAM::Role").items():
        for statement in role["AssumeRolePolicyDocument"]["Statement"]:
            principal = statement["Principal"]
            assert principal != "*", name
            assert "*" not in principal.get("AWS", ""), name
            if principal.get("Service") == "ecs-tasks.amazonaws.com":
                assert statement["Condition"]["StringEquals"]["aws:SourceAccount"], name


def test_all_that_is_kept_is_encrypted(stacks: dict[str, Stack]) -> None:
    """Queues, buckets, images and disks; DynamoDB's own encryption cannot be switched off."""
    for queue in made(stacks, "AWS::SQS::Queue").values():
        assert queue["SqsManagedSseEnabled"] is True
    for bucket in made(stacks, "AWS::S3::Bucket").values():
        (rule,) = bucket["BucketEncryption"]["ServerSideEncryptionConfiguration"]
        assert rule["ServerSideEncryptionByDefault"]["SSEAlgorithm"] in {"AES256", "aws:kms"}
    for repository in made(stacks, "AWS::ECR::Repository").values():
        assert repository["EncryptionConfiguration"]["EncryptionType"] in {"AES256", "KMS"}
    for template in made(stacks, "AWS::EC2::LaunchTemplate").values():
        for device in template["LaunchTemplateData"]["BlockDeviceMappings"]:
            assert device["Ebs"]["Encrypted"] is True
    for table in made(stacks, "AWS::DynamoDB::Table").values():
        assert table.get("SSESpecification", {}).get("SSEEnabled") is not False


def _refusals_in_clear(policy: Mapping[str, Any]) -> list[str]:
    """Return the resources for which a policy refuses everybody who comes without TLS."""
    return [
        resource
        for statement in policy["Statement"]
        if statement["Effect"] == "Deny"
        and statement["Principal"] == "*"
        and statement["Condition"] == {"Bool": {"aws:SecureTransport": "false"}}
        for resource in listed(statement["Resource"])
    ]


def test_nothing_is_to_be_had_without_tls(stacks: dict[str, Stack]) -> None:
    """Each bucket with its objects, each queue, each table and each topic refuses it."""
    bare = [
        *made(stacks, "AWS::S3::BucketPolicy").values(),
        *made(stacks, "AWS::SQS::QueuePolicy").values(),
        *made(stacks, "AWS::SNS::TopicPolicy").values(),
    ]
    refused = [resource for policy in bare for resource in _refusals_in_clear(policy["PolicyDocument"])]
    for table in made(stacks, "AWS::DynamoDB::Table").values():
        refused += _refusals_in_clear(table["ResourcePolicy"]["PolicyDocument"])
    for bucket in made(stacks, "AWS::S3::Bucket").values():
        arn = f"arn:aws:s3:::{bucket['BucketName']}"
        assert {arn, f"{arn}/*"} <= set(refused)
    for kind, name in (("SQS::Queue", "QueueName"), ("SNS::Topic", "TopicName")):
        for properties in made(stacks, f"AWS::{kind}").values():
            assert [arn for arn in refused if arn.endswith(f":{properties[name]}")]
    for table in made(stacks, "AWS::DynamoDB::Table").values():
        assert [arn for arn in refused if arn.endswith(f":table/{table['TableName']}")]
    for listener in made(stacks, "AWS::ElasticLoadBalancingV2::Listener").values():
        assert (listener["Protocol"], listener["SslPolicy"][:25]) == ("HTTPS", "ELBSecurityPolicy-TLS13-1")


def test_no_bucket_is_public(stacks: dict[str, Stack]) -> None:
    """Readers come through the CDN, or not at all."""
    for bucket in made(stacks, "AWS::S3::Bucket").values():
        assert set(bucket["PublicAccessBlockConfiguration"].values()) == {True}
    for policy in made(stacks, "AWS::S3::BucketPolicy").values():
        for statement in policy["PolicyDocument"]["Statement"]:
            assert statement["Effect"] == "Deny" or statement["Principal"] != "*"


def test_what_users_gave_us_outlives_the_stack(stacks: dict[str, Stack]) -> None:
    """The table and both buckets stay when the stack goes, and the table refuses to be deleted at all."""
    for stack in stacks.values():
        for name, resource in stack.resources().items():
            if resource["Type"] in KEPT:
                assert (resource["DeletionPolicy"], resource["UpdateReplacePolicy"]) == (
                    "Retain",
                    "Retain",
                ), name
    for table in made(stacks, "AWS::DynamoDB::Table").values():
        assert table["DeletionProtectionEnabled"] is True
        assert table["PointInTimeRecoverySpecification"] == {"PointInTimeRecoveryEnabled": True}


def test_leftovers_of_uploads_go(stacks: dict[str, Stack]) -> None:
    """Parts of uploads that nobody finished are paid for until somebody removes them."""
    for bucket in made(stacks, "AWS::S3::Bucket").values():
        rules = bucket["LifecycleConfiguration"]["Rules"]
        assert [rule for rule in rules if rule.get("AbortIncompleteMultipartUpload")]


def test_nobody_calls_a_host_and_hosts_hide_their_credentials(stacks: dict[str, Stack]) -> None:
    """No security group lets the world in; the metadata service asks for a token and is one hop away."""
    for group in made(stacks, "AWS::EC2::SecurityGroup").values():
        for rule in group.get("SecurityGroupIngress", []):
            assert rule.get("CidrIp") != "0.0.0.0/0"
        assert group["SecurityGroupEgress"]
    for template in made(stacks, "AWS::EC2::LaunchTemplate").values():
        options = template["LaunchTemplateData"]["MetadataOptions"]
        assert (options["HttpTokens"], options["HttpPutResponseHopLimit"]) == ("required", 1)


def test_containers_have_no_more_than_they_need(stacks: dict[str, Stack]) -> None:
    """A file system that cannot be written, no capability, and no secret in the environment."""
    for task in made(stacks, "AWS::ECS::TaskDefinition").values():
        for container in task["ContainerDefinitions"]:
            assert container["ReadonlyRootFilesystem"] is True
            assert container["LinuxParameters"]["Capabilities"] == {"Drop": ["ALL"]}
            assert container.get("Privileged") is not True
            for variable in container["Environment"]:
                assert not [
                    word for word in ("SECRET", "PASSWORD", "KEY", "TOKEN") if word in variable["Name"]
                ]


@pytest.mark.parametrize(("queue", "table"), [*product(["", "rugbycodex-transcode-jobs"], ["", "jobs"])])
def test_what_is_there_already_can_be_adopted(queue: str, table: str) -> None:
    """The outputs name it, the policies are about it, and none of its kind is made but the event queue."""
    adopted = Stack.of(
        "data", ExistingQueue=queue, ExistingDeadLetterQueue=queue and "dead", ExistingTable=table
    )
    exported = adopted.exported()
    assert exported["rugbytx-data-Queue"] == (queue or "rugbytx-transcode")
    assert exported["rugbytx-data-Table"] == (table or "rugbytx")
    made = adopted.of_type("AWS::SQS::Queue")
    assert made.pop("Events")["QueueName"] == event_queue(queue or "rugbytx-transcode")
    assert bool(made) is not bool(queue)
    assert bool(adopted.of_type("AWS::DynamoDB::Table")) is not bool(table)
    working = adopted.of_type("AWS::IAM::ManagedPolicy")["Working"]["PolicyDocument"]["Statement"]
    assert working[0]["Resource"].endswith(f":{queue or 'rugbytx-transcode'}")
    assert working[1]["Resource"].endswith(f":table/{table or 'rugbytx'}")


def test_a_worker_on_aws_may_protect_its_task_and_is_else_the_one_on_the_premises() -> None:
    """The agent on its host asks with the worker's role, so no call of ours shows it; see ``aws.agent``."""
    role = everything()["fleet"].of_type("AWS::IAM::Role")["WorkerRole"]
    (statement,) = role["Policies"][0]["PolicyDocument"]["Statement"]
    assert statement["Action"] == ["ecs:GetTaskProtection", "ecs:UpdateTaskProtection"]
    assert statement["Resource"] == "arn:aws:ecs:eu-west-1:123456789012:task/rugbytx/*"
    assert role["ManagedPolicyArns"] == ["arn:aws:iam:eu-west-1:123456789012:policy/<Working>"]

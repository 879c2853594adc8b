"""Types that the emulator accepts without a look: each is on a list, and the template itself is looked at instead."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from moto.cloudformation.parsing import NULL_MODELS, get_model_map

from rugbytx.core.status import embedded_metrics, fleet_gauges
from rugbytx.settings import Settings
from tests.deploy.stacks import everything, smallest
from tests.deploy.template import AWS, Stack

DOCS = AWS.parents[1] / "docs"
TESTED = DOCS / "reference" / "tested.md"


def find(kind: str, stacks: dict[str, Stack] | None = None) -> dict[str, dict[str, Any]]:
    """Return the properties of every resource of a type, with everything that is optional."""
    return {
        name: found
        for stack in (stacks or everything()).values()
        for name, found in stack.of_type(kind).items()
    }


def alarms() -> None:
    """Each is about something that exists, tells somebody who can be told, and has a page to read."""
    stacks = everything()
    topic = "arn:aws:sns:eu-west-1:123456789012:rugbytx-alarms"
    there = {
        "FunctionName": [found["FunctionName"] for found in find("AWS::Lambda::Function", stacks).values()],
        "QueueName": [found["QueueName"] for found in find("AWS::SQS::Queue", stacks).values()],
        "Table": ["rugbytx"],
    }
    page = (DOCS / "howto" / "operate.md").read_text()
    told = find("AWS::CloudWatch::Alarm", smallest())
    for name, alarm in told.items():
        for dimension in alarm["Dimensions"]:
            assert dimension["Value"] in there[dimension["Name"]], name
        assert alarm["AlarmActions"] == [topic]
        if alarm["Namespace"] == embedded_metrics.NAMESPACE:
            assert alarm["MetricName"] in fleet_gauges.UNITS
            assert [one["Name"] for one in alarm["Dimensions"]] == [fleet_gauges.DIMENSION]
        own = alarm["AlarmName"].removeprefix("rugbytx-")
        assert alarm["AlarmDescription"].endswith(f"docs/howto/operate.md, {own}")
        assert f"### {own}" in page
    assert {alarm["AlarmName"].removeprefix("rugbytx-") for alarm in told.values()} == {
        *("dead-letters", "oldest-job", "deadline-misses"),
        *("autoscaler-silent", "autoscaler-fails", "jetson-silent"),
    }
    silent = told["AutoscalerSilent"]
    assert silent["TreatMissingData"] == "breaching"  # who is silent sends no datapoint


def queue_policies() -> None:
    """Each queue refuses what comes in clear."""
    policies = find("AWS::SQS::QueuePolicy").values()
    for policy in policies:
        (statement,) = policy["PolicyDocument"]["Statement"]
        assert statement["Effect"] == "Deny"
    assert sum(len(policy["Queues"]) for policy in policies) == len(find("AWS::SQS::Queue"))


def bucket_policies() -> None:
    """Let the one CDN read outputs, and nobody else."""
    (cdn_reads,) = [
        statement
        for policy in find("AWS::S3::BucketPolicy").values()
        for statement in policy["PolicyDocument"]["Statement"]
        if statement["Effect"] == "Allow"
    ]
    assert cdn_reads["Principal"] == {"Service": "cloudfront.amazonaws.com"}
    assert cdn_reads["Action"] == "s3:GetObject"
    assert cdn_reads["Resource"].endswith("/out/*")
    assert cdn_reads["Condition"]["StringEquals"]["AWS:SourceArn"].endswith(":distribution/<Cdn>")


def topic_policies() -> None:
    """CloudWatch and Budgets of this account may tell of alarms."""
    (policy,) = find("AWS::SNS::TopicPolicy").values()
    allow, deny = policy["PolicyDocument"]["Statement"]
    assert set(allow["Principal"]["Service"]) == {"cloudwatch.amazonaws.com", "budgets.amazonaws.com"}
    assert allow["Condition"] == {"StringEquals": {"aws:SourceAccount": "123456789012"}}
    assert deny["Effect"] == "Deny"


def subscriptions() -> None:
    """There is one, where there is an address."""
    (found,) = find("AWS::SNS::Subscription").values()
    assert (found["Protocol"], found["Endpoint"]) == ("email", "someone@example.org")
    assert not find("AWS::SNS::Subscription", smallest())


def invocations() -> None:
    """Drop a late tick; tell of an upload that could not be submitted."""
    found = find("AWS::Lambda::EventInvokeConfig")
    assert found["AutoscalerTries"]["MaximumRetryAttempts"] == 0
    assert found["AutoscalerTries"]["MaximumEventAgeInSeconds"] == 60
    assert found["SubmitterTries"]["DestinationConfig"]["OnFailure"]["Destination"].endswith("rugbytx-alarms")


def budgets() -> None:
    """Tell before the money is gone."""
    (found,) = find("AWS::Budgets::Budget").values()
    kinds = [one["Notification"]["NotificationType"] for one in found["NotificationsWithSubscribers"]]
    assert kinds == ["ACTUAL", "FORECASTED"]


def native_targets() -> None:
    """Move the one service, from none."""
    (found,) = find("AWS::ApplicationAutoScaling::ScalableTarget").values()
    assert (found["MinCapacity"], found["ResourceId"]) == (0, "service/rugbytx/rugbytx-worker")
    assert not find("AWS::ApplicationAutoScaling::ScalableTarget", smallest())


def native_policies() -> None:
    """While one is attached the autoscaler sleeps: two that set one number would fight."""
    stacks = everything()
    assert set(find("AWS::ApplicationAutoScaling::ScalingPolicy", stacks)) == {"Stepping", "ToZero"}
    rules = stacks["control"].of_type("AWS::Events::Rule")
    assert (rules["EveryMinute"]["State"], rules["AtUploads"]["State"]) == ("DISABLED", "DISABLED")
    awake = smallest()["control"].of_type("AWS::Events::Rule")
    assert (awake["EveryMinute"]["State"], awake["AtUploads"]["State"]) == ("ENABLED", "ENABLED")


def secrets() -> None:
    """Made by AWS, and long."""
    (found,) = find("AWS::SecretsManager::Secret").values()
    assert found["GenerateSecretString"]["PasswordLength"] >= 32


def trust_anchors() -> None:
    """Trust the operator's own authority, for one common name."""
    (anchor,) = find("AWS::RolesAnywhere::TrustAnchor").values()
    assert anchor["Source"]["SourceType"] == "CERTIFICATE_BUNDLE"
    (statement,) = find("AWS::IAM::Role")["JetsonRole"]["AssumeRolePolicyDocument"]["Statement"]
    assert statement["Condition"]["StringEquals"] == {"aws:PrincipalTag/x509Subject/CN": "jetson"}
    assert statement["Condition"]["ArnEquals"]["aws:SourceArn"].startswith("arn:aws:rolesanywhere:")


def profiles() -> None:
    """Give the Jetson's role and no other."""
    (found,) = find("AWS::RolesAnywhere::Profile").values()
    (role,) = found["RoleArns"]
    assert role.endswith("role/<JetsonRole>")


def distributions() -> None:
    """HTTPS alone, and playlists that grow are never kept."""
    (found,) = find("AWS::CloudFront::Distribution").values()
    config = found["DistributionConfig"]
    behaviours = [config["DefaultCacheBehavior"], *config["CacheBehaviors"]]
    assert {one["ViewerProtocolPolicy"] for one in behaviours} == {"redirect-to-https"}
    (early,) = config["CacheBehaviors"]
    assert early["PathPattern"] == "out/*/early/*"
    assert early["CachePolicyId"] != config["DefaultCacheBehavior"]["CachePolicyId"]


def origin_access() -> None:
    """Sign what the CDN asks of the bucket."""
    (found,) = find("AWS::CloudFront::OriginAccessControl").values()
    assert found["OriginAccessControlConfig"]["SigningBehavior"] == "always"


def capacity_providers() -> None:
    """End no host that works, and drain the ones that are ended."""
    (found,) = find("AWS::ECS::CapacityProvider").values()
    provider = found["AutoScalingGroupProvider"]
    assert (provider["ManagedDraining"], provider["ManagedTerminationProtection"]) == ("ENABLED", "ENABLED")
    (group,) = find("AWS::AutoScaling::AutoScalingGroup").values()
    assert group["NewInstancesProtectedFromScaleIn"] is True  # without it ECS refuses the provider
    assert group["MinSize"] == "0"
    assert group["CapacityRebalance"] is False
    assert "DesiredCapacity" not in group


def associations() -> None:
    """Let the cluster use the provider before its service asks for it."""
    (found,) = find("AWS::ECS::ClusterCapacityProviderAssociations").values()
    assert len(found["CapacityProviders"]) == 1
    assert everything()["fleet"].template["Resources"]["Transcoder"]["DependsOn"] == "CapacityOfWorkplace"


#: What the emulator does not model, and what looks at it in its stead.
UNMODELLED: dict[str, Callable[[], None]] = {
    "AWS::ApplicationAutoScaling::ScalableTarget": native_targets,
    "AWS::ApplicationAutoScaling::ScalingPolicy": native_policies,
    "AWS::Budgets::Budget": budgets,
    "AWS::CloudFront::Distribution": distributions,
    "AWS::CloudFront::OriginAccessControl": origin_access,
    "AWS::CloudWatch::Alarm": alarms,
    "AWS::ECS::CapacityProvider": capacity_providers,
    "AWS::ECS::ClusterCapacityProviderAssociations": associations,
    "AWS::Lambda::EventInvokeConfig": invocations,
    "AWS::RolesAnywhere::Profile": profiles,
    "AWS::RolesAnywhere::TrustAnchor": trust_anchors,
    "AWS::S3::BucketPolicy": bucket_policies,
    "AWS::SNS::Subscription": subscriptions,
    "AWS::SNS::TopicPolicy": topic_policies,
    "AWS::SQS::QueuePolicy": queue_policies,
    "AWS::SecretsManager::Secret": secrets,
}


@pytest.mark.parametrize("kind", sorted(UNMODELLED))
def test_what_the_emulator_does_not_look_at_is_looked_at_here(kind: str) -> None:
    """By assertions on the template itself."""
    UNMODELLED[kind]()


def test_every_type_is_modelled_or_on_the_list() -> None:
    """A new type fails this until somebody has decided who looks at it; a type that is modelled by now, too."""
    used = {
        resource["Type"]
        for stack in everything().values()
        for resource in stack.template["Resources"].values()
    }
    modelled = set(get_model_map()) | {"Custom"}
    assert {kind for kind in used if kind not in modelled or kind in NULL_MODELS} == set(UNMODELLED)


def test_the_document_prints_the_list() -> None:
    """So that a reader knows what only AWS can judge."""
    listed = re.findall(r"`(AWS::[A-Za-z0-9]+::[A-Za-z0-9]+)`", TESTED.read_text())
    assert sorted(set(listed)) == sorted(UNMODELLED)


def environments() -> list[tuple[str, set[str]]]:
    """Return the variables of ours that each container and function is given."""
    found = [
        (name, {variable["Name"] for variable in container["Environment"]})
        for name, task in find("AWS::ECS::TaskDefinition").items()
        for container in task["ContainerDefinitions"]
    ]
    found += [
        (name, set(function["Environment"]["Variables"]))
        for name, function in find("AWS::Lambda::Function").items()
    ]
    return found


@pytest.mark.parametrize(("name", "variables"), environments())
def test_every_variable_that_is_given_is_a_setting(name: str, variables: set[str]) -> None:
    """A command refuses a name that it does not know, so a wrong one here would stop it."""
    ours = {
        variable.removeprefix("RUGBYTX_").lower() for variable in variables if variable.startswith("RUGBYTX_")
    }
    assert ours - set(Settings.model_fields) == set(), name


def test_the_dashboard_is_json_about_what_exists() -> None:
    """With a metric in each widget."""
    (board,) = find("AWS::CloudWatch::Dashboard").values()
    for widget in json.loads(board["DashboardBody"])["widgets"]:
        metrics = widget["properties"]["metrics"]
        assert metrics
        for namespace, name, *_ in metrics:
            assert namespace != embedded_metrics.NAMESPACE or name in fleet_gauges.UNITS
        assert widget["properties"]["region"] == "eu-west-1"

"""What a CloudFormation stack says of itself: its outputs, and the settings that they stand for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from rugbytx.aws.client import code, translated
from rugbytx.errors import NotFound

if TYPE_CHECKING:
    from mypy_boto3_cloudformation import CloudFormationClient

#: Outputs of the templates in ``deploy/aws``, by the setting that each stands for.
SETTINGS: Mapping[str, str] = {
    "RUGBYTX_QUEUE": "Queue",
    "RUGBYTX_TABLE": "Table",
    "RUGBYTX_SOURCE_BUCKETS": "SourceBucket",
    "RUGBYTX_OUTPUT_BUCKET": "OutputBucket",
    "RUGBYTX_OUTPUT_BASE_URL": "OutputBaseUrl",
    "RUGBYTX_EVENT_BUS": "EventBus",
    "RUGBYTX_VISIBILITY_S": "VisibilitySeconds",
    "RUGBYTX_CLUSTER": "Cluster",
    "RUGBYTX_SERVICE": "Service",
}


def outputs(client: "CloudFormationClient", name: str) -> dict[str, str]:
    """Return a stack's outputs by their keys; raises NotFound where there is no such stack, or Unreachable."""
    from botocore.exceptions import ClientError

    with translated(client, f"stack {name}"):
        try:
            described = client.describe_stacks(StackName=name)["Stacks"][0]
        except ClientError as error:
            # CloudFormation has no code of its own for it (DescribeStacks, Errors).
            if code(error) == "ValidationError":
                raise NotFound(f"there is no stack {name} in {client.meta.region_name}") from error
            raise
    return {output["OutputKey"]: output["OutputValue"] for output in described.get("Outputs", [])}


def settings(outputs: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that a stack's outputs stand for.

    >>> settings({"Queue": "rugbytx-transcode", "QueueArn": "arn:aws:sqs:eu-west-1:1:rugbytx-transcode"})
    {'RUGBYTX_QUEUE': 'rugbytx-transcode'}
    """
    return {variable: outputs[output] for variable, output in SETTINGS.items() if output in outputs}

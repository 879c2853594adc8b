"""The three stacks as values, in their smallest form and with everything that is optional."""

from typing import Any

from tests.deploy.template import Stack

TAG = {"ImageTag": "0123abc"}


def stacks(*, data: dict[str, Any], fleet: dict[str, Any], control: dict[str, Any]) -> dict[str, Stack]:
    """Return the stacks with these parameters, each with what the ones before it export."""
    kept = Stack.of("data", **data)
    hosts = Stack.of("fleet", exports=kept.exported(), **TAG, **fleet)
    watching = Stack.of("control", exports=kept.exported() | hosts.exported(), **TAG, **control)
    return {"data": kept, "fleet": hosts, "control": watching}


def smallest() -> dict[str, Stack]:
    """Return the stacks with every parameter at its default."""
    return stacks(data={}, fleet={}, control={})


def everything() -> dict[str, Stack]:
    """Return the stacks with all that can be had."""
    return stacks(
        data={
            "PublishOutputs": "cdn",
            "SourceExpiresDays": 30,
            "EventBus": "club",
            "JetsonAccess": "roles-anywhere",
            "JetsonCertificateAuthority": "-----BEGIN CERTIFICATE-----",
            "UploaderPrincipal": "arn:aws:iam::123456789012:role/upload-service",
        },
        fleet={"OutputBaseUrl": "https://d111111abcdef8.cloudfront.net", "Zones": 3},
        control={
            "SubmitOnUpload": "yes",
            "AlarmEmail": "someone@example.org",
            "NativePolicy": "step",
            "Flower": "yes",
            "FlowerCertificate": "arn:aws:acm:eu-west-1:123456789012:certificate/x",
        },
    )

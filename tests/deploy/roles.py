"""What the templates grant to each component."""

from typing import Any

from tests.deploy.recorder import Call, granted
from tests.deploy.stacks import everything
from tests.deploy.template import Stack

#: Where each component's policies stand: the stack, and the logical ids of its managed policies and of its role.
HOLDERS: dict[str, tuple[tuple[str, str], ...]] = {
    "uploader": (("data", "Submitting"),),
    "jetson": (("data", "Working"),),
    "autoscaler": (("control", "AutoscalerRole"),),
    "submitter": (("control", "SubmitterRole"),),
    "flower": (("control", "FlowerRole"),),
    "operator": (("data", "Operating"), ("control", "Steering")),
}
#: The AWS worker's is the Jetson's and leave to protect its task, which its host's agent asks for, see ``aws.agent``.
#: Logs are written by Lambda's own runtime, and told of by it.
OF_THE_RUNTIME = ("logs:", "sns:")


def policies(component: str) -> set[Call]:
    """Return what a component may do by its own code."""
    return {call for call in granted(_documents_of(component)) if not call.action.startswith(OF_THE_RUNTIME)}


def statements(component: str) -> list[dict[str, Any]]:
    """Return the statements of a component's policies."""
    return [statement for document in _documents_of(component) for statement in document["Statement"]]


def _documents_of(component: str) -> list[dict[str, Any]]:
    stacks = everything()
    return [
        document
        for stack, logical_id in HOLDERS[component]
        for document in _documents(stacks[stack], logical_id)
    ]


def _documents(stack: Stack, logical_id: str) -> list[dict[str, Any]]:
    resource = stack.resources()[logical_id]["Properties"]
    if "PolicyDocument" in resource:
        return [resource["PolicyDocument"]]
    return [policy["PolicyDocument"] for policy in resource.get("Policies", [])]

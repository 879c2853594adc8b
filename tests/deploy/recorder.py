"""What is asked of the embedded AWS: by whom, which action, of which resource, in the words of IAM.

Each component of a test signs with an access key of its own, which is its name
here.  Whatever makes the request, boto3, kombu's pycurl or ffmpeg with a
presigned URL, is seen where it arrives.
"""

import json
import re
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from fnmatch import fnmatchcase
from typing import Any
from urllib.parse import parse_qs

import pytest

from rugbytx.local import embedded
from tests.deploy.template import ACCOUNT, REGION
from tests.faults.request import s3_operation

#: Credential=<key>/<day>/<region>/<service>/aws4_request (Signature Version 4).
_SCOPE = re.compile(r"Credential=([^/]+)/\d+/[^/]+/([a-z0-9-]+)/aws4_request")
#: Operations that are another action's (Service Authorization Reference of S3 and SQS).
_S3_ACTIONS = {
    "CompleteMultipartUpload": "PutObject",
    "CreateMultipartUpload": "PutObject",
    "DeleteObjects": "DeleteObject",
    "HeadBucket": "ListBucket",
    "HeadObject": "GetObject",
    "ListObjectsV2": "ListBucket",
    "UploadPart": "PutObject",
}
#: The services that components call by a target and a JSON body.
COMPONENTS_CALL = ("application-autoscaling", "dynamodb", "ecs", "events", "sqs")
#: What writes one item under a condition.
WRITES = (".PutItem", ".UpdateItem")
_BATCH = re.compile(r"^(SendMessage|DeleteMessage|ChangeMessageVisibility)Batch$")


@dataclass(frozen=True, order=True)
class Call:
    """An action on a resource."""

    action: str
    resource: str


class Recorder:
    """Every call that arrived, by who made it."""

    def __init__(self) -> None:
        self.calls: dict[str, set[Call]] = {}
        #: The partitions of the table that each component wrote into, item by item.
        self.written: dict[str, set[str]] = {}

    def of(self, principal: str) -> set[Call]:
        """Return a component's calls."""
        return self.calls.get(principal, set())

    def note(self, environ: Mapping[str, Any], body: bytes) -> None:
        """Note a request, as the server was given it."""
        query = parse_qs(environ.get("QUERY_STRING", ""), keep_blank_values=True)
        signed = environ.get("HTTP_AUTHORIZATION", "") or "Credential=" + "".join(
            query.get("X-Amz-Credential", [])
        )
        if found := _SCOPE.search(signed):
            principal, service = found.groups()
            self.calls.setdefault(principal, set()).update(_calls(service, environ, query, body))
            if service == "dynamodb" and str(environ.get("HTTP_X_AMZ_TARGET", "")).endswith(WRITES):
                asked = json.loads(body)
                self.written.setdefault(principal, set()).add(asked.get("Item", asked.get("Key"))["pk"]["S"])


@contextmanager
def recorded() -> Iterator[Recorder]:
    """Record what any ``EmbeddedAws`` of this process is asked, for a while."""
    recorder = Recorder()
    with pytest.MonkeyPatch.context() as patched:
        answer: Callable[..., Any] = embedded._Guard._answer

        def noted(guard: Any, environ: dict[str, Any], body: bytes) -> Any:
            recorder.note(environ, body)
            return answer(guard, environ, body)

        patched.setattr(embedded._Guard, "_answer", noted)
        yield recorder


def _calls(
    service: str, environ: Mapping[str, Any], query: dict[str, list[str]], body: bytes
) -> Iterator[Call]:
    if service == "s3":
        yield from _s3_calls(environ, query, body)
    elif service == "cloudformation":
        yield from _stack_calls(body)
    elif service in COMPONENTS_CALL:  # others only a deployer calls
        operation = str(environ.get("HTTP_X_AMZ_TARGET", "")).rpartition(".")[2]
        yield from _target_calls(service, operation, json.loads(body))


def _target_calls(service: str, operation: str, asked: Mapping[str, Any]) -> Iterator[Call]:
    if service == "sqs":
        name = asked.get("QueueName") or asked["QueueUrl"].rpartition("/")[2]
        yield Call("sqs:" + _BATCH.sub(r"\1", operation), _arn("sqs", name))
    elif service == "dynamodb":
        for table in asked.get("RequestItems", {}) or [asked["TableName"]]:
            index = f"/index/{asked['IndexName']}" if "IndexName" in asked else ""
            yield Call(f"dynamodb:{operation}", _arn("dynamodb", f"table/{table}{index}"))
    elif service == "ecs":
        cluster = asked.get("cluster", "default")
        for name in asked.get("services", []) or [asked.get("service", "")]:
            yield Call(f"ecs:{operation}", _arn("ecs", f"service/{cluster}/{name}"))
    elif service == "events":
        for entry in asked.get("Entries", []):
            yield Call(f"events:{operation}", _arn("events", f"event-bus/{entry['EventBusName']}"))
    else:
        yield Call(f"{service}:{operation}", "*")


def _stack_calls(body: bytes) -> Iterator[Call]:
    """CloudFormation takes forms; an ARN of it ends with an id that nobody knows before."""
    form = parse_qs(body.decode())
    for name in form.get("StackName", []):
        yield Call(f"cloudformation:{form['Action'][0]}", _arn("cloudformation", f"stack/{name}/id"))


def _s3_calls(environ: Mapping[str, Any], query: dict[str, list[str]], body: bytes) -> Iterator[Call]:
    path = str(environ["PATH_INFO"])
    operation = s3_operation(
        environ["REQUEST_METHOD"], path, query, copies="HTTP_X_AMZ_COPY_SOURCE" in environ
    )
    bucket, _, key = path.strip("/").partition("/")
    action = _S3_ACTIONS.get(operation, operation)
    if operation == "DeleteObjects":
        keys = [found.decode() for found in re.findall(rb"<Key>(.*?)</Key>", body)]
        yield from (Call(f"s3:{action}", f"arn:aws:s3:::{bucket}/{gone}") for gone in keys)
        return
    if action == "GetObject" and "versionId" in query:
        action = "GetObjectVersion"
    yield Call(f"s3:{action}", f"arn:aws:s3:::{bucket}/{key}" if key else f"arn:aws:s3:::{bucket}")


def _arn(service: str, resource: str) -> str:
    return f"arn:aws:{service}:{REGION}:{ACCOUNT}:{resource}"


def granted(documents: list[dict[str, Any]]) -> set[Call]:
    """Return each action with each resource that policies allow."""
    return {
        Call(action, resource)
        for document in documents
        for statement in document["Statement"]
        if statement["Effect"] == "Allow"
        for action in _listed(statement["Action"])
        for resource in _listed(statement["Resource"])
    }


def refused(calls: set[Call], grants: set[Call]) -> list[Call]:
    """Return the calls that no grant allows."""
    return sorted(call for call in calls if not any(_allows(grant, call) for grant in grants))


def needless(calls: set[Call], grants: set[Call]) -> list[Call]:
    """Return the grants that no call needs."""
    return sorted(grant for grant in grants if not any(_allows(grant, call) for call in calls))


def _allows(grant: Call, call: Call) -> bool:
    return grant.action == call.action and fnmatchcase(call.resource, grant.resource)


def _listed(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]

"""boto3 clients as everything here uses them, and their errors in our words.

Clients follow boto3's own configuration (environment, profiles, instance
roles, ``AWS_ENDPOINT_URL`` and its per-service forms), so that any compatible
server can stand in for AWS; but the region is also read from ``AWS_REGION``,
see ``_region``.  boto3 is imported on first use: ``import rugbytx`` stays light.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, Any, Literal, overload

from rugbytx.core.address import ServiceEndpoints
from rugbytx.errors import SettingsError, Unreachable

if TYPE_CHECKING:
    from mypy_boto3_application_autoscaling import ApplicationAutoScalingClient
    from mypy_boto3_cloudformation import CloudFormationClient
    from mypy_boto3_cloudwatch import CloudWatchClient
    from mypy_boto3_dynamodb import DynamoDBClient
    from mypy_boto3_ecs import ECSClient
    from mypy_boto3_s3 import S3Client
    from mypy_boto3_sqs import SQSClient

CONNECT_TIMEOUT_S = 5
READ_TIMEOUT_S = 15
#: S3 answers some requests late: completing an upload of many parts, for one.
S3_READ_TIMEOUT_S = 60
#: The first try and three more, with standard mode's jittered back-off.
ATTEMPTS = 4
#: What the worker's threads may use of one client at once.
POOL_CONNECTIONS = 16

#: The variables that name the region, the one that counts first before the other.
REGION_VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")

#: Error codes that mean: these credentials will not do.
CREDENTIAL_CODES = frozenset(
    {
        "ExpiredToken",
        "ExpiredTokenException",
        "IncompleteSignature",
        "InvalidAccessKeyId",
        "InvalidClientTokenId",
        "InvalidSignatureException",
        "MissingAuthenticationTokenException",
        "RequestExpired",
        "SignatureDoesNotMatch",
        "UnrecognizedClientException",
    }
)
MISSING_CODES = frozenset(
    {
        "AWS.SimpleQueueService.NonExistentQueue",
        "NoSuchBucket",
        "QueueDoesNotExist",
        "ResourceNotFoundException",
    }
)
#: What only a bug of ours can cause: it keeps its own type and traceback.
BUG_CODES = frozenset({"ValidationException", "SerializationException", "ParamValidation"})

Service = Literal[
    "application-autoscaling", "cloudformation", "cloudwatch", "dynamodb", "ecs", "events", "s3", "sqs"
]


@overload
def client(service: Literal["cloudformation"]) -> "CloudFormationClient": ...
@overload
def client(service: Literal["dynamodb"]) -> "DynamoDBClient": ...
@overload
def client(service: Literal["s3"]) -> "S3Client": ...
@overload
def client(service: Literal["sqs"]) -> "SQSClient": ...
@overload
def client(service: Literal["ecs"]) -> "ECSClient": ...
@overload
def client(service: Literal["application-autoscaling"]) -> "ApplicationAutoScalingClient": ...
@overload
def client(service: Literal["cloudwatch"]) -> "CloudWatchClient": ...
@overload
def client(service: Literal["events"]) -> Any: ...
def client(service: Service) -> Any:
    """Return a new client of its own session, with timeouts and bounded retries.

    Clients may be shared between threads but not with a forked child.  Raises
    SettingsError where boto3's configuration is unusable.
    """
    import boto3
    from botocore.config import Config
    from botocore.exceptions import BotoCoreError
    from botocore.session import Session

    config = Config(
        connect_timeout=CONNECT_TIMEOUT_S,
        read_timeout=S3_READ_TIMEOUT_S if service == "s3" else READ_TIMEOUT_S,
        retries={"mode": "standard", "total_max_attempts": ATTEMPTS},
        max_pool_connections=POOL_CONNECTIONS,
        tcp_keepalive=True,
        # Left alone, botocore presigns S3's URLs by version 2, which buckets of today refuse.
        signature_version="s3v4" if service == "s3" else None,
    )
    session = Session()
    session.register_component("data_loader", _models())
    try:
        region = _region(session)
        made = boto3.Session(botocore_session=session, region_name=region).client(service, config=config)
    except (BotoCoreError, ValueError) as error:  # ValueError: an AWS_ENDPOINT_URL that is none
        raise SettingsError(f"the AWS configuration cannot be used: {error}") from error
    made.meta.events.register("after-call", _refuse_cut_answer)
    return made


def _region(session: Any) -> str:
    """Return the region: ``AWS_REGION``, ``AWS_DEFAULT_REGION``, or the profile's, the first that is not empty.

    In the order of AWS's other SDKs and of its command line
    (https://docs.aws.amazon.com/sdkref/latest/guide/feature-region.html).  boto3
    alone does not know ``AWS_REGION`` (boto/boto3#2574), which is all that a task
    definition or a profile's shell may have.  Raises SettingsError where there is none.
    """
    names = [os.environ.get(name) for name in REGION_VARIABLES]
    for region in (*names, session.get_scoped_config().get("region")):
        if region:
            return str(region)
    raise SettingsError(
        f"no AWS region is configured: set {REGION_VARIABLES[0]}, or a region in the AWS profile"
    )


def address(*clients: Any) -> ServiceEndpoints:
    """Return where these clients speak to: what all of their configuration came to."""
    return ServiceEndpoints(
        region=str(clients[0].meta.region_name),
        endpoints={made.meta.service_model.service_id: _where(made) for made in clients},
    )


@cache
def _models() -> Any:
    """Return what reads botocore's models and endpoints, and keeps them.

    Of the process and not of a session: each session would keep ten megabytes of
    its own, and so would each pool child, which finds the main process's here.
    """
    from botocore.session import Session

    return Session().get_component("data_loader")


def authorities() -> str:
    """Return the file with the certificate authorities that clients trust: ``AWS_CA_BUNDLE``, or botocore's own."""
    from botocore.httpsession import where
    from botocore.session import get_session

    return str(get_session().get_config_variable("ca_bundle") or where())


def _refuse_cut_answer(http_response: Any, model: Any, **_: Any) -> None:
    """Raise ConnectionClosedError for an answer that ends before its Content-Length.

    botocore does not look (it asks urllib3 for ``enforce_content_length=False``)
    and takes what came for the whole: a cut JSON answer is an empty success.
    Bodies that are streamed are counted by their readers.
    """
    from botocore.exceptions import ConnectionClosedError

    announced = http_response.headers.get("Content-Length", "")
    if model.has_streaming_output or model.http.get("method") == "HEAD" or not announced.isdecimal():
        return
    if len(http_response.content) < int(announced):
        raise ConnectionClosedError(endpoint_url=http_response.url)


@contextmanager
def translated(source: Any, resource: str = "") -> Iterator[None]:
    """Raise Unreachable, in one sentence, for what the client ``source`` may raise in the body.

    ``resource`` is what the body speaks to, for the sentence about its absence:
    ``"table rugbytx"``.  Error codes with a meaning of their own (a failed
    condition, a missing key) are the body's to catch.  What only a bug of ours
    can cause passes as it is.
    """
    from botocore.exceptions import BotoCoreError, ClientError, ParamValidationError

    try:
        yield
    except ParamValidationError:
        raise
    except ClientError as error:
        if code(error) in BUG_CODES:
            raise
        raise _refused(error, source, resource) from error
    except BotoCoreError as error:
        raise _failed(error, source) from error


def code(error: Exception) -> str:
    """Return a ClientError's code, e.g. ``ConditionalCheckFailedException``; empty for any other error."""
    response = getattr(error, "response", None) or {}
    return str(response.get("Error", {}).get("Code", ""))


def _refused(error: Exception, source: Any, resource: str) -> Unreachable:
    """Return the sentence for an answer that says no."""
    service = source.meta.service_model.service_id
    operation = getattr(error, "operation_name", "a request")
    answer: dict[str, Any] = getattr(error, "response", {})
    kind, message = code(error), answer.get("Error", {}).get("Message", "")
    if kind in CREDENTIAL_CODES:
        return Unreachable(f"AWS credentials are missing, wrong or expired: {service} answered {kind}")
    if kind in MISSING_CODES:
        return Unreachable(f"the {service} {resource or 'resource'} does not exist at {_where(source)}")
    return Unreachable(
        f"{service} at {_where(source)} refused {operation}: {message or 'no reason'} ({kind})"
    )


def _failed(error: Exception, source: Any) -> Unreachable:
    """Return the sentence for a request that got no answer."""
    from botocore import exceptions as botocore

    service = source.meta.service_model.service_id
    credentials = (
        botocore.NoCredentialsError,
        botocore.PartialCredentialsError,
        botocore.CredentialRetrievalError,
        botocore.SSOError,
        botocore.TokenRetrievalError,
        botocore.NoAuthTokenError,
    )
    if isinstance(error, credentials):
        return Unreachable(f"AWS credentials are missing or expired: {error}")
    return Unreachable(f"{service} at {_where(source)} does not answer: {_why(error)}")


def _where(source: Any) -> str:
    return str(source.meta.endpoint_url)


def _why(error: BaseException) -> str:
    """Return the operating system's own words if they are somewhere in the chain, else the error's."""
    link: BaseException | None = error
    for _ in range(10):  # a chain is short; the bound is for one that bites its tail
        if link is None:
            break
        if isinstance(link, OSError) and link.strerror:
            return link.strerror.lower()
        if "timeout" in type(link).__name__.lower():
            return "timed out"
        inner = getattr(link, "kwargs", {}).get("error")
        link = inner if isinstance(inner, BaseException) else link.__cause__ or link.__context__
    return str(error)

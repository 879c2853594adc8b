"""Which system is spoken to: the AWS account that the settings name, or the local one.

``rugbytx up`` announces its local system in a file of this user's; commands
find it there, but only where nothing in the environment chooses a system.  A
command that would act on an account never acts on a laptop instead, nor the
other way round, and every command says which one it is.
"""

import fcntl
import os
import socket
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from pydantic import BaseModel, ConfigDict, ValidationError

from rugbytx import settings as rugbytx_settings
from rugbytx.core.address import ServiceEndpoints
from rugbytx.errors import SettingsError
from rugbytx.ports import Queue
from rugbytx.ports.service import Permissions, Storage
from rugbytx.ports.store import Store
from rugbytx.settings import Settings

if TYPE_CHECKING:
    from rugbytx.aws.ecs.service import EcsFleet

#: AWS variables that choose no account, region or endpoint.
NEUTRAL = frozenset({"AWS_CA_BUNDLE", "AWS_PAGER", "AWS_MAX_ATTEMPTS", "AWS_RETRY_MODE"})
NEUTRAL_PREFIX = "AWS_CLI_"
PREFIXES = ("AWS_", "RUGBYTX_")
#: The settings that say how a worker works, and not to which system it belongs.
OWN = frozenset(
    f"RUGBYTX_{name}"
    for name in (
        *(
            "WORKER_CLASS",
            "CELERY_CONFIG",
            "SCRATCH",
            "SCRATCH_FLOOR_BYTES",
            "USD_PER_H",
            "FFMPEG",
            "FFPROBE",
        ),
        *("ENCODER", "X264_PRESET", "X264_PROFILE", "READ_RATE", "LEAVE"),
        *("WORK_HOURS", "DOWNLOAD_BPS", "UPLOAD_BPS"),
    )
)
#: How long a local system may take: over loopback an answer takes microseconds, so silence is a dead system.
CONNECT_TIMEOUT_S = 1.0


@dataclass(frozen=True, kw_only=True)
class System:
    """The system that a command speaks to."""

    is_local: bool
    #: What must stand in the environment for boto3 and the settings to reach it.
    environ: Mapping[str, str] = field(default_factory=dict)
    endpoint_url: str = ""


@dataclass(frozen=True, kw_only=True)
class Connection:
    """What submitting and looking need of a system: its services and its settings."""

    store: Store
    queue: Queue
    storage: Storage
    settings: Settings
    #: Where SQS, S3 and DynamoDB are.
    address: ServiceEndpoints
    #: Asked by the doctor alone.
    permissions: Permissions

    @property
    def s3_url(self) -> str:
        """Return where S3 is, e.g. ``https://s3.eu-west-1.amazonaws.com``."""
        return self.address.endpoints["S3"]


class Announcement(BaseModel):
    """What ``rugbytx up`` writes down about the system it runs."""

    model_config = ConfigDict(frozen=True)

    pid: int
    #: When the process began, in the kernel's ticks since boot: a pid comes back, the pair does not.
    started_ticks: int
    endpoint_url: str
    environ: dict[str, str]


def locate(environ: Mapping[str, str]) -> System:
    """Return the system that a process with this environment speaks to.

    It is the local one only where no setting chooses another (``chosen``),
    somebody announced one, their process lives and the endpoint accepts a
    connection.  What the caller sets himself goes before what was announced.
    """
    if not chosen(environ) and (path := state_path(environ)):
        announced = _read(path)
        if announced and _lives(announced):
            theirs = {name: value for name, value in announced.environ.items() if name not in environ}
            return System(is_local=True, environ=theirs, endpoint_url=announced.endpoint_url)
    return System(is_local=False)


def chosen(environ: Mapping[str, str]) -> list[str]:
    """Return the variables that choose a system, sorted.

    A worker's own class, encoder, programs and scratch folder choose none.

    >>> chosen({"AWS_PROFILE": "club", "AWS_PAGER": "", "RUGBYTX_WORKER_CLASS": "aws", "HOME": "/"})
    ['AWS_PROFILE']
    """
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIXES) and name not in NEUTRAL | OWN and not name.startswith(NEUTRAL_PREFIX)
    )


def adopt(system: System) -> None:
    """Put the system's settings into this process's environment, the one place where boto3 looks."""
    os.environ.update(system.environ)
    if system.is_local:
        os.environ.update(past_proxies(os.environ))


def past_proxies(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that keep requests to a local system out of any HTTP proxy.

    >>> past_proxies({"no_proxy": "example.org"})
    {'NO_PROXY': 'example.org,127.0.0.1', 'no_proxy': 'example.org,127.0.0.1'}
    """
    bypass = ",".join(filter(None, (environ.get("NO_PROXY") or environ.get("no_proxy"), "127.0.0.1")))
    return {"NO_PROXY": bypass, "no_proxy": bypass}


def connect(settings: Settings) -> Connection:
    """Return the services that boto3's configuration points at; nothing is asked of them yet.

    Raises SettingsError where that configuration is unusable.
    """
    from rugbytx.aws.client import address, client
    from rugbytx.aws.dynamodb.store import open_store
    from rugbytx.aws.permissions import AwsPermissions
    from rugbytx.aws.s3.storage import S3Storage
    from rugbytx.aws.sqs.queue import SqsQueue
    from rugbytx.broker.incoming import accepted_by

    s3, sqs, dynamodb = client("s3"), client("sqs"), client("dynamodb")
    return Connection(
        store=open_store(settings.table, client=dynamodb),
        queue=SqsQueue(sqs, settings.queue, accepted_by(settings)),
        storage=S3Storage(s3),
        settings=settings,
        address=address(sqs, s3, dynamodb),
        permissions=AwsPermissions(
            sqs=sqs, dynamodb=dynamodb, s3=s3, queue=settings.queue, table=settings.table
        ),
    )


def fleet(settings: Settings) -> "EcsFleet":
    """Return the AWS workers' fleet; nothing is asked of it yet.  Few commands want it, and its clients are slow to make."""
    from rugbytx.aws.ecs.service import EcsFleet

    return EcsFleet(cluster=settings.cluster, service=settings.service)


def here() -> Connection:
    """Return this process's own connection, made at the first call; a forked child makes another.

    Raises SettingsError.
    """
    return _here(os.getpid())


@cache
def _here(_pid: int) -> Connection:
    if unknown := rugbytx_settings.unknown():
        raise SettingsError("; ".join(unknown))
    adopt(locate(os.environ))
    return connect(rugbytx_settings.read())


def state_path(environ: Mapping[str, str]) -> Path | None:
    """Return where this user's local system is announced; None for a user without a home, as in a container."""
    if folder := environ.get("XDG_RUNTIME_DIR") or environ.get("XDG_CACHE_HOME"):
        return Path(folder) / "rugbytx" / "local.json"
    try:
        home = Path(environ.get("HOME") or Path.home())
    except RuntimeError:  # nor has the number that it runs under a name
        return None
    return home / ".cache" / "rugbytx" / "local.json"


def announce(*, endpoint_url: str, settings: Mapping[str, str], path: Path | None = None) -> None:
    """Announce that this process runs a local system, reached with ``settings`` in the environment.

    Raises SettingsError where another live one is announced: two would answer
    for each other.
    """
    path = path or state_path(os.environ)
    if path is None:
        raise SettingsError("the local system cannot be announced: set HOME or XDG_RUNTIME_DIR")
    mine = Announcement(
        pid=os.getpid(),
        started_ticks=_started_ticks(os.getpid()) or 0,
        endpoint_url=endpoint_url,
        environ=dict(settings),
    )
    with _locked(path):
        other = _read(path)
        if other and other.pid != mine.pid and _lives(other):
            raise SettingsError(f"a local system is up already at {other.endpoint_url} (process {other.pid})")
        draft = path.with_suffix(".new")
        draft.unlink(missing_ok=True)
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(mine.model_dump_json())
        draft.replace(path)


def withdraw(path: Path | None = None) -> None:
    """Take back this process's announcement; another's is left alone."""
    path = path or state_path(os.environ)
    if path is None or not path.exists():
        return
    with _locked(path):
        announced = _read(path)
        if announced and announced.pid == os.getpid():
            path.unlink(missing_ok=True)


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the lock beside ``path``; two ``rugbytx up`` at once must not both find nobody there."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    except OSError as error:
        raise SettingsError(f"the local system cannot be announced in {path.parent}: {error}") from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        yield
    except BlockingIOError as error:
        raise SettingsError("another local system is starting or ending at this moment") from error
    finally:
        os.close(descriptor)


def _read(path: Path) -> Announcement | None:
    """Return what is announced, or None: a torn, foreign or writable-by-others file is no announcement.

    Its settings go into the environment, so only this user may have written them.
    """
    with suppress(OSError, ValidationError), path.open("rb") as file:
        status = os.fstat(file.fileno())
        if status.st_uid != os.getuid() or status.st_mode & 0o022:
            return None
        announced = Announcement.model_validate_json(file.read(64 * 1024))
        if all(name.startswith(PREFIXES) for name in announced.environ):
            return announced
    return None


def _lives(announced: Announcement) -> bool:
    if _started_ticks(announced.pid) != (announced.started_ticks or None):
        return False
    url = urlsplit(announced.endpoint_url)
    try:
        with socket.create_connection((url.hostname or "", url.port or 80), timeout=CONNECT_TIMEOUT_S):
            return True
    except (OSError, ValueError):
        return False


def _started_ticks(pid: int) -> int | None:
    """Return when the process began, in ticks since boot; None where it is gone or there is no /proc.

    proc(5): ``starttime`` is field 22 of ``stat``; the name in field 2 may hold
    spaces and brackets, so the count begins behind its last bracket.
    """
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return None
    return int(text.rpartition(")")[2].split()[19])

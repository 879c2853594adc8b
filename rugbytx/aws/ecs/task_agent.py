"""The ECS agent beside this task: task scale-in protection, over HTTP on the host.

ECS puts the agent's address into ``ECS_AGENT_URI`` of every task on an agent
that knows the endpoint; elsewhere there is nothing to protect.  It answers in
three ways (ECS Developer Guide, "Task scale-in protection endpoint"):

- ``protection``: done;
- ``failure``: ECS said no, and the HTTP status is 200 all the same;
- ``error``: the request was refused (4xx), or got no answer from ECS (5xx, throttling).

The agent's own limit on requests (429) has no JSON in it.
"""

import http.client
import json
import math
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime

from pydantic import BaseModel, ConfigDict, ValidationError

from rugbytx.core.fleet.scale_in_protection import AgentReply
from rugbytx.core.record import read_json
from rugbytx.errors import Unreachable

VARIABLE = "ECS_AGENT_URI"
PATH = "task-protection/v1/state"
#: The agent gives ECS four seconds, and itself five to answer.
TIMEOUT_S = 6.0
MOST_BYTES = 16_384
#: What ECS takes, in minutes.
SHORTEST_MIN, LONGEST_MIN = 1, 2880
#: Errors that pass, though some have a status of 4xx.
PASSING = frozenset(
    {"ThrottlingException", "RequestCanceled", "RequestError", "RequestTimeout", "ServerException"}
)


class _Said(BaseModel):
    model_config = ConfigDict(strict=True, extra="ignore")


class _Protection(_Said):
    ProtectionEnabled: bool
    ExpirationDate: str | None = None


class _Failure(_Said):
    Reason: str | None = None
    Detail: str | None = None


class _Error(_Said):
    Code: str | None = None
    Message: str | None = None


class AgentAnswer(_Said):
    """An answer of the agent, in its own words; one of the three at least."""

    protection: _Protection | None = None
    failure: _Failure | None = None
    error: _Error | None = None


def parse(body: bytes) -> AgentAnswer:
    """Return what the agent said; raises Unreachable for what is no answer of its."""
    try:
        return AgentAnswer.model_validate(read_json(body))
    except ValidationError as error:
        raise Unreachable("the ECS agent gave an answer that cannot be read") from error
    except ValueError as error:
        raise Unreachable("the ECS agent gave an answer that is no JSON") from error


class Agent:
    """The ``TaskAgent`` port on the ECS agent's endpoint."""

    def __init__(self, uri: str) -> None:
        self._url = f"{uri.rstrip('/')}/{PATH}"
        # No proxy stands between a task and its own host.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def protect(self, *, lasts_s: float) -> AgentReply:
        """Ask that this task is not chosen for scale-in for so long from now."""
        minutes = min(max(math.ceil(lasts_s / 60), SHORTEST_MIN), LONGEST_MIN)
        return self._put({"ProtectionEnabled": True, "ExpiresInMinutes": minutes}, asked_s=minutes * 60.0)

    def release(self) -> AgentReply:
        """Let this task be chosen."""
        return self._put({"ProtectionEnabled": False}, asked_s=0.0)

    def _put(self, wish: Mapping[str, object], *, asked_s: float) -> AgentReply:
        try:
            answer, date = self._ask(wish)
        except _RefusedError as refused:
            return AgentReply(refusal=str(refused))
        if answer.failure:
            return AgentReply(refusal=_sentence(answer.failure.Reason, answer.failure.Detail))
        protection = answer.protection
        if protection is None:
            raise Unreachable("the ECS agent gave an answer that cannot be read")
        if protection.ProtectionEnabled is not wish["ProtectionEnabled"]:
            return AgentReply(refusal="the ECS agent did not do what it was asked for")
        return AgentReply(granted_s=_granted_s(protection.ExpirationDate, date, asked_s=asked_s))

    def _ask(self, wish: Mapping[str, object]) -> tuple[AgentAnswer, str]:
        """Return the answer, and when the agent gave it."""
        try:
            with self._open(self._request(wish), timeout=TIMEOUT_S) as answer:
                return parse(answer.read(MOST_BYTES)), str(answer.headers.get("Date", ""))
        except urllib.error.HTTPError as error:
            with error:
                raise _RefusedError(_refusal(error.code, error.read(MOST_BYTES))) from error
        except (
            OSError,
            ValueError,
            http.client.HTTPException,
        ) as error:  # ValueError: an address that is none
            raise Unreachable(f"the ECS agent at {self._url} does not answer: {error}") from error

    def _request(self, wish: Mapping[str, object]) -> urllib.request.Request:
        return urllib.request.Request(  # noqa: S310  the address is the agent's own
            self._url,
            method="PUT",
            data=json.dumps(wish).encode(),
            headers={"Content-Type": "application/json"},
        )


def here(environ: Mapping[str, str] | None = None) -> Agent | None:
    """Return the agent of the task that this process is, or None where it is none."""
    uri = (os.environ if environ is None else environ).get(VARIABLE)
    return Agent(uri) if uri else None


class _RefusedError(Exception):
    """The agent refused a request for good; its text says why."""


def _refusal(status: int, body: bytes) -> str:
    """Return why a request was refused for good; raises Unreachable where it may be granted later."""
    try:
        error = parse(body).error
    except Unreachable:
        error = None
    sentence = _sentence(error.Code, error.Message) if error else "no reason"
    if status == 429 or status >= 500 or (error and error.Code in PASSING):
        raise Unreachable(f"the ECS agent answered {status}: {sentence}")
    return sentence if error else f"the ECS agent answered {status}"


def _sentence(*parts: str | None) -> str:
    """Return a failure's or an error's fields in one line."""
    return ": ".join(filter(None, parts)) or "no reason"


def _granted_s(expires: str | None, date: str, *, asked_s: float) -> float:
    """Return for how long a protection stands: what was asked for, or less where the answer says so.

    Both instants are the answer's, as this host's clock may be off.

    >>> _granted_s("2026-11-25T10:30:00Z", "Wed, 25 Nov 2026 10:00:00 GMT", asked_s=3600.0)
    1800.0
    >>> _granted_s(None, "", asked_s=3600.0)
    3600.0
    """
    try:
        left_s = (datetime.fromisoformat(str(expires)) - parsedate_to_datetime(date)).total_seconds()
    except (ValueError, TypeError):
        return asked_s
    return min(asked_s, left_s) if left_s > 0 else asked_s

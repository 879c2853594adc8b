"""The ECS agent: what it grants, refuses and says, and what the worker's side makes of that."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from rugbytx.aws.ecs import task_agent
from rugbytx.aws.ecs.task_agent import Agent
from rugbytx.core.fleet.scale_in_protection import AgentReply
from rugbytx.errors import Unreachable
from rugbytx.local.agent import MOST_PER_S, Agents

ARN = "arn:aws:ecs:us-west-2:111122223333:task/1234567890abcdef0"


@pytest.fixture
def agents() -> Iterator[Agents]:
    """Return the agents of a machine without tasks."""
    with Agents() as running:
        yield running


def test_a_task_is_protected_for_as_long_as_it_asks(agents: Agents) -> None:
    """In whole minutes, and no longer than until it asks to be released."""
    asked = Agent(agents.enrol("one"))
    agents.enrol("two")
    granted = asked.protect(lasts_s=150.0)
    assert not granted.refusal
    # The answer's own times have whole seconds.
    assert granted.granted_s == pytest.approx(180.0, abs=1.5)
    assert agents.protected() == {"one"}
    assert asked.release().refusal == ""
    assert agents.protected() == frozenset()
    assert list(agents.asked) == [("one", 3), ("one", 0)]


def test_a_shorter_protection_is_believed(agents: Agents) -> None:
    """The answer says until when it stands."""
    asked = Agent(agents.enrol("one"))
    agents.most_s = 30.0
    assert asked.protect(lasts_s=1800.0).granted_s == pytest.approx(30.0, abs=1.5)


def test_no_more_tasks_are_protected_than_are_wanted(agents: Agents) -> None:
    """ECS refuses with status 200, and says why; who has its protection may renew it."""
    first, second = Agent(agents.enrol("one")), Agent(agents.enrol("two"))
    agents.desired = 1
    assert first.protect(lasts_s=60.0).refusal == ""
    assert second.protect(lasts_s=60.0) == AgentReply(refusal="DEPLOYMENT_BLOCKED")
    assert first.protect(lasts_s=60.0).refusal == ""


def test_a_task_is_chosen_only_without_protection(agents: Agents) -> None:
    """And gets none any more once it was chosen."""
    asked = Agent(agents.enrol("one"))
    asked.protect(lasts_s=60.0)
    assert not agents.choose("one")
    asked.release()
    assert agents.choose("one")
    assert asked.protect(lasts_s=60.0).refusal == "TASK_NOT_VALID"
    assert agents.protected() == frozenset()


@pytest.mark.parametrize(
    ("status", "body", "refusal"),
    [
        (200, {"failure": {"Arn": ARN, "Detail": None, "Reason": "TASK_NOT_VALID"}}, "TASK_NOT_VALID"),
        (
            200,
            {"failure": {"Arn": ARN, "Detail": "too many", "Reason": "DEPLOYMENT_BLOCKED"}},
            "DEPLOYMENT_BLOCKED: too many",
        ),
        (
            400,
            {
                "requestID": "1-2",
                "error": {"Arn": ARN, "Code": "AccessDeniedException", "Message": "User: x"},
            },
            "AccessDeniedException: User: x",
        ),
        (403, "Forbidden", "the ECS agent answered 403"),
        (
            200,
            {"protection": {"ProtectionEnabled": False, "TaskArn": ARN}},
            "the ECS agent did not do what it was asked for",
        ),
    ],
)
def test_what_is_refused_for_good_is_told(agents: Agents, status: int, body: object, refusal: str) -> None:
    """With ECS's own reason."""
    asked = Agent(agents.enrol("one"))
    agents.trouble = (status, body)  # type: ignore[assignment]  # whatever the agent may say
    assert asked.protect(lasts_s=60.0) == AgentReply(refusal=refusal)


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, "You have reached maximum request limit."),
        (
            400,
            {
                "requestID": "1",
                "error": {"Arn": ARN, "Code": "ThrottlingException", "Message": "Rate exceeded"},
            },
        ),
        (504, {"error": {"Arn": ARN, "Code": "RequestCanceled", "Message": "Timed out calling"}}),
        (500, {"error": {"Arn": ARN, "Code": "ServerException", "Message": "Unexpected error occurred"}}),
        (200, "no JSON"),
        (200, "[]"),
        (200, {"protection": None}),
    ],
)
def test_what_may_be_granted_later_is_no_answer(agents: Agents, status: int, body: object) -> None:
    """Limits on requests, time-outs, errors, and words that cannot be read."""
    asked = Agent(agents.enrol("one"))
    agents.trouble = (status, body)  # type: ignore[assignment]  # whatever the agent may say
    with pytest.raises(Unreachable, match="the ECS agent"):
        asked.protect(lasts_s=60.0)


def test_who_asks_too_often_is_told(agents: Agents) -> None:
    """As the agent limits each task."""
    asked = Agent(agents.enrol("one"))
    task = agents._tasks["one"]
    asked.protect(lasts_s=60.0)
    task.asked_at.extend([float("inf")] * MOST_PER_S)
    with pytest.raises(Unreachable, match="429"):
        asked.protect(lasts_s=60.0)


@pytest.mark.parametrize(
    ("wish", "said"),
    [
        ({}, "failed to decode"),
        ({"ProtectionEnabled": True, "Reason": "x"}, "failed to decode"),
        ({"ProtectionEnabled": True, "ExpiresInMinutes": 0}, "expiration"),
        ({"ProtectionEnabled": True, "ExpiresInMinutes": 2881}, "expiration"),
    ],
)
def test_what_is_asked_wrongly_is_an_error(agents: Agents, wish: dict[str, object], said: str) -> None:
    """The agent knows two fields, and ECS 1 to 2880 minutes."""
    agents.enrol("one")
    status, told = agents.answer("one", wish)
    assert status == 400
    assert said in str(told)


def test_an_unknown_task_is_an_error(agents: Agents) -> None:
    """Of a task that has ended."""
    uri = agents.enrol("one")
    agents.dismiss("one")
    assert "ResourceNotFoundException" in Agent(uri).protect(lasts_s=60.0).refusal


def test_an_agent_that_is_not_there_or_hangs_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    """Within a bound."""
    with pytest.raises(Unreachable, match="does not answer"):
        Agent("http://127.0.0.1:9/api/one").protect(lasts_s=60.0)
    with pytest.raises(Unreachable, match="does not answer"):
        Agent("nowhere").protect(lasts_s=60.0)
    monkeypatch.setattr(task_agent, "TIMEOUT_S", 0.2)
    deaf = HTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)  # accepts, and is never served
    try:
        with pytest.raises(Unreachable, match="timed out"):
            Agent(f"http://127.0.0.1:{deaf.server_port}/api/one").protect(lasts_s=60.0)
    finally:
        deaf.server_close()


def test_without_an_agent_there_is_nothing_to_protect() -> None:
    """A host of ours, or a container without ECS."""
    assert task_agent.here({}) is None
    assert task_agent.here({"ECS_AGENT_URI": "http://169.254.170.2/api/one"}) is not None

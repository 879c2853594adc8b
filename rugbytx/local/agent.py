"""The ECS agent's task protection endpoint, for the tasks of this machine: one server, an address for each task.

It answers as the agent does (ECS Developer Guide, "Task scale-in protection
endpoint", and the agent's own handlers): what ECS refuses comes as a
``failure`` with status 200, what is asked wrongly as an ``error`` with 4xx, and
who asks too often gets 429 without any JSON.
"""

import json
import threading
import time
from collections import deque
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from rugbytx.aws.ecs.task_agent import LONGEST_MIN, PATH, SHORTEST_MIN

HOST = "127.0.0.1"
DEFAULT_MIN = 120
#: Requests of one task within a second, beyond which the agent refuses.
MOST_PER_S = 40
_FIELDS = frozenset({"ProtectionEnabled", "ExpiresInMinutes"})
_MOST_BYTES = 65_536

#: An HTTP status and a body: JSON, or words.
Said = tuple[int, Mapping[str, object] | str]


@dataclass(kw_only=True)
class _Task:
    """What the agent knows of one task."""

    arn: str
    protected_until: float = 0.0
    is_stopping: bool = False
    asked_at: deque[float] = field(default_factory=lambda: deque(maxlen=MOST_PER_S))


class Agents:
    """A context manager: the agents of all tasks that are enrolled while it is entered."""

    def __init__(self) -> None:
        self._tasks: dict[str, _Task] = {}
        self._lock = threading.Lock()
        #: How many tasks the service should have: ECS protects no more than that.
        self.desired: int | None = None
        #: The answer to every request, in place of the truth.
        self.trouble: Said | None = None
        #: The longest protection that is granted, shorter than what is asked for.
        self.most_s: float | None = None
        #: Each request that was understood: the task, and the minutes that it asked for; 0 for a release.
        self.asked: deque[tuple[str, int]] = deque(maxlen=10_000)
        self._server = ThreadingHTTPServer((HOST, 0), _handler(self))
        self._thread = threading.Thread(
            target=self._server.serve_forever, kwargs={"poll_interval": 0.05}, name="ecs-agents", daemon=True
        )

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def enrol(self, task: str) -> str:
        """Begin to answer a task; return its ``ECS_AGENT_URI``."""
        with self._lock:
            self._tasks[task] = _Task(arn=f"arn:aws:ecs:eu-west-1:123456789012:task/rugbytx/{task}")
        return f"http://{HOST}:{self._server.server_port}/api/{task}"

    def dismiss(self, task: str) -> None:
        """Forget a task that has ended."""
        with self._lock:
            self._tasks.pop(task, None)

    def protected(self) -> frozenset[str]:
        """Return the tasks that are protected."""
        with self._lock:
            return frozenset(name for name, task in self._tasks.items() if _is_protected(task))

    def choose(self, task: str) -> bool:
        """Choose a task for scale-in; False where it is protected.  From then on it is not protected any more."""
        with self._lock:
            chosen = self._tasks[task]
            chosen.is_stopping = not _is_protected(chosen)
            return chosen.is_stopping

    def answer(self, task: str, wish: Mapping[str, Any] | None) -> Said:
        """Return what a task is told: of its protection, after changing it where there is a ``wish``."""
        with self._lock:
            asking = self._tasks.get(task)
            if asking is None:
                return 404, _error("", "ResourceNotFoundException", "Failed to find a task for the request")
            now = time.monotonic()
            if len(asking.asked_at) == MOST_PER_S and now - asking.asked_at[0] < 1.0:
                return 429, "You have reached maximum request limit."
            asking.asked_at.append(now)
            if wish is None:
                return self.trouble or self._describe(asking)
            minutes = _minutes(wish)
            if isinstance(minutes, str):
                return 400, _error(asking.arn, "InvalidParameterException", minutes)
            self.asked.append((task, minutes))
            return self.trouble or self._change(asking, minutes)

    def _change(self, task: _Task, minutes: int) -> Said:
        if not minutes:
            task.protected_until = 0.0
            return self._describe(task)
        others = sum(_is_protected(other) for other in self._tasks.values() if other is not task)
        if task.is_stopping:
            return _failure(task.arn, "TASK_NOT_VALID")
        if self.desired is not None and others >= self.desired:
            return _failure(task.arn, "DEPLOYMENT_BLOCKED")
        lasts_s = 60.0 * minutes if self.most_s is None else min(60.0 * minutes, self.most_s)
        task.protected_until = time.monotonic() + lasts_s
        return self._describe(task)

    @staticmethod
    def _describe(task: _Task) -> Said:
        is_protected = _is_protected(task)
        protection: dict[str, object] = {"ProtectionEnabled": is_protected, "TaskArn": task.arn}
        if is_protected:
            left = timedelta(seconds=task.protected_until - time.monotonic())
            # The one place where this agent must know the time of day.
            protection["ExpirationDate"] = (datetime.now(UTC) + left).isoformat()  # noqa: TID251
        return 200, {"protection": protection}


def _is_protected(task: _Task) -> bool:
    return not task.is_stopping and time.monotonic() < task.protected_until


def _minutes(wish: Mapping[str, Any]) -> int | str:
    """Return for how many minutes protection is asked, 0 for none, or what is wrong with the request."""
    enabled, minutes = wish.get("ProtectionEnabled"), wish.get("ExpiresInMinutes", DEFAULT_MIN)
    if not isinstance(enabled, bool) or set(wish) - _FIELDS:
        return "UpdateTaskProtection: failed to decode request"
    if not enabled:
        return 0
    if not isinstance(minutes, int) or not SHORTEST_MIN <= minutes <= LONGEST_MIN:
        return "Invalid expiration period"
    return minutes


def _failure(arn: str, reason: str) -> Said:
    return 200, {"failure": {"Arn": arn, "Detail": None, "Reason": reason}}


def _error(arn: str, code: str, message: str) -> Mapping[str, object]:
    return {"error": {"Arn": arn, "Code": code, "Message": message}}


def _handler(agents: Agents) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self._answer(None)

        def do_PUT(self) -> None:
            length = min(int(self.headers.get("Content-Length") or 0), _MOST_BYTES)
            wish: Any = None
            with suppress(ValueError):
                wish = json.loads(self.rfile.read(length))
            self._answer(wish if isinstance(wish, dict) else {})

        def _answer(self, wish: Mapping[str, Any] | None) -> None:
            parts = self.path.strip("/").split("/", 2)
            known = len(parts) == 3 and parts[0] == "api" and parts[2] == PATH
            status, answer = agents.answer(parts[1], wish) if known else (404, "404 page not found")
            body = (answer if isinstance(answer, str) else json.dumps(answer)).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  http.server's name
            pass

    return Handler

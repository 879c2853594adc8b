"""Flower's pages of tasks, with what the store knows of each one's job: its source, how far it is, how it ended."""

import re
from collections.abc import Mapping
from pathlib import PurePosixPath
from typing import Any

from flower.utils.tasks import get_task_by_id
from flower.views.tasks import TasksDataTable, TaskView
from tornado.web import authenticated

from rugbytx.core.job.job import Status
from rugbytx.core.status.overview import JobOverview
from rugbytx.monitor.cache import SystemCache
from rugbytx.monitor.page.handler import run

#: The keyword arguments as Celery's events have them: the repr of a pointer's fields.
_JOB = re.compile(r"'job_id': '([0-9a-z]{1,64})'")
_GENERATION = re.compile(r"'generation': (\d+)")


def describe_task(task_kwargs: str, overview: JobOverview | None) -> dict[str, str]:
    """Return what is shown of a task as its arguments and its result."""
    if overview is None:
        return {}
    job = overview.job
    return {
        "args": f"{PurePosixPath(job.source.key).name} · job {job.id}",
        "result": _state(task_kwargs, overview),
    }


def _state(task_kwargs: str, overview: JobOverview) -> str:
    """Return how the job stands, in a few words.

    A task of an earlier generation has nothing more to do with it, and says so.
    """
    job, ahead = overview.job, overview.outlook
    mine = _GENERATION.search(task_kwargs)
    if mine and int(mine[1]) != job.generation:
        return f"superseded by generation {job.generation}, which is {job.status}"
    if job.status is Status.RUNNING:
        parts = [f"{overview.percent} %" if overview.percent is not None else "being planned"]
        parts += [f"{ahead.fps:.0f} fps"] if ahead.fps else []
        parts += [f"{ahead.eta_s:.0f} s to go"] if ahead.eta_s else []
        return ", ".join(parts)
    return f"{job.status}: {job.reason}" if job.reason else str(job.status)


def job_of(task_kwargs: str | None) -> str | None:
    """Return the id of a task's job.

    >>> job_of("{'schema': 1, 'job_id': '5fad2459cc23311728b0', 'generation': 1}")
    '5fad2459cc23311728b0'
    >>> job_of(None) is None
    True
    """
    match = _JOB.search(task_kwargs or "")
    return match[1] if match else None


class TasksData(TasksDataTable):
    """Flower's list of tasks."""

    @authenticated
    async def get(self) -> None:
        """Have Flower make its answer, add to it, and give it."""
        self._answer: dict[str, Any] = {}
        super().get()
        cache: SystemCache = self.application.cache
        for task in self._answer.get("data", []):
            if job_id := job_of(task.get("kwargs")):
                task.update(describe_task(task["kwargs"], await run(cache.brief, job_id)))
        self.finish(self._answer)

    def write(self, chunk: Any) -> None:
        """Keep what Flower would answer."""
        if isinstance(chunk, Mapping) and not self._answer:
            self._answer = dict(chunk)
        else:
            super().write(chunk)


class TaskPage(TaskView):
    """Flower's page of one task."""

    async def prepare(self) -> None:
        """Look at the task's job before Flower shows it."""
        self._sheet: JobOverview | None = None
        task = get_task_by_id(self.application.events, self.path_args[0])
        if self.get_current_user() and task and (job_id := job_of(task.kwargs)):
            cache: SystemCache = self.application.cache
            self._sheet = await run(cache.brief, job_id)

    def format_task(self, task: Any) -> Any:
        """Return the task as it is shown."""
        shown = super().format_task(task)
        if self._sheet is None:
            return shown
        fields = {**vars(shown), **describe_task(shown.kwargs or "", self._sheet)}
        copied = type(shown)(uuid=shown.uuid)
        vars(copied).update(fields)
        return copied

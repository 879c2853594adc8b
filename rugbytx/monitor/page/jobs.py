"""The Jobs page and a job's page: what the store knows, and the buttons."""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from tornado.web import HTTPError, authenticated

from rugbytx.control import job as control
from rugbytx.control import steer
from rugbytx.core.job.cursor import Mark
from rugbytx.core.job.job import Status
from rugbytx.errors import JobRejected
from rugbytx.monitor.cache import Asked, SystemCache
from rugbytx.monitor.page.handler import ActionPage, Page, run
from rugbytx.monitor.page.payload import job_row, summary_row, unit_row
from rugbytx.system import Connection


class JobsPage(Page):
    """The list; its script fetches what it shows."""

    @authenticated
    def get(self) -> None:
        """Answer with the page."""
        self.render("jobs.html", statuses=list(Status))


class JobsData(Page):
    """A page of the list."""

    @authenticated
    async def get(self) -> None:
        """Answer with the jobs that are asked for, and the mark behind them."""
        cache: SystemCache = self.application.cache
        listing = await run(cache.jobs, self._asked())
        self.finish(
            {
                "jobs": [job_row(overview) for overview in listing.overviews],
                "after": str(listing.after) if listing.after else None,
            }
        )

    def _asked(self) -> Asked:
        status, before = (self.get_argument(name, "", escape=False) for name in ("status", "before"))
        text = self.get_argument("text", "", escape=False)
        try:
            return Asked(
                status=Status(status) if status else None,
                text=text[:200],
                before=Mark.parse(before) if before else None,
            )
        except ValueError as error:
            raise HTTPError(400, str(error)) from error


class SummaryData(Page):
    """Queue, workers and decision."""

    @authenticated
    async def get(self) -> None:
        """Answer with the card's values."""
        cache: SystemCache = self.application.cache
        self.finish(summary_row(await run(cache.summary), await run(cache.decision)))


class JobPage(Page):
    """One job."""

    @authenticated
    async def get(self, job_id: str) -> None:
        """Answer with the page."""
        cache: SystemCache = self.application.cache
        overview = await run(cache.job, job_id)
        self.render("job.html", job=overview.job)


class JobData(Page):
    """One job with its units."""

    @authenticated
    async def get(self, job_id: str) -> None:
        """Answer with the job and its map."""
        cache: SystemCache = self.application.cache
        overview = await run(cache.job, job_id)
        self.finish({**job_row(overview), "pieces": [unit_row(unit) for unit in overview.units]})


def _job(
    act: Callable[..., control.ControlResult], job_id: str, system: Connection, *, by: str
) -> Mapping[str, Any]:
    """Do what ends or reopens a job, and return what the page is told of it."""
    answer = act(job_id, system, by=by)
    return {"action": str(answer.action), "notes": list(answer.remarks)}


def _steer(
    act: Callable[..., steer.SteerResult], job_id: str, system: Connection, *, by: str
) -> Mapping[str, Any]:
    """Do what moves an open job in the order, and return what the page is told of it."""
    answer = act(job_id, system.store, by=by)
    stands = f"job {answer.name} is {answer.what}" + ("" if answer.has_changed else " already")
    return {"action": answer.what, "notes": [stands]}


#: What each button does.
ACTIONS: Mapping[str, Callable[..., Mapping[str, Any]]] = {
    "cancel": partial(_job, control.cancel),
    "retry": partial(_job, control.retry),
    "bump": partial(_steer, steer.bump),
    "unbump": partial(_steer, steer.unbump),
}


class JobAction(ActionPage):
    """The buttons, which do what the commands of the same names do."""

    @authenticated
    async def post(self, job_id: str, name: str) -> None:
        """Do it, and answer with what became of it."""
        if not self.application.may_act:
            raise HTTPError(403, "these pages are read-only")
        cache: SystemCache = self.application.cache
        try:
            answer = await run(partial(ACTIONS[name], job_id, cache.system, by=self.who))
        except HTTPError as error:
            if isinstance(error.__cause__, JobRejected):
                raise HTTPError(409, str(error.__cause__)) from error
            raise
        cache.forget()
        self.finish(answer)

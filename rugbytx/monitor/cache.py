"""What the pages show: read from the store, and at most once in a while, however many look.

What that costs stands in ``docs/howto/monitor.md``.
"""

import json
import re
import threading
import time
from collections import OrderedDict
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

from rugbytx.core.fleet.presence import Worker
from rugbytx.core.job.cursor import Mark, mark_of
from rugbytx.core.job.dead_letter import Depth
from rugbytx.core.job.job import Job, Status
from rugbytx.core.lease.unit import State
from rugbytx.core.status.overview import JobOverview, summarize, summarize_unplanned
from rugbytx.core.status.prometheus import MetricFacts
from rugbytx.errors import NotFound
from rugbytx.ledger import rates
from rugbytx.monitor import system_metrics
from rugbytx.system import Connection

Seen = TypeVar("Seen")

#: Within this time a second look sees what the first one saw.
FRESH_S = 2.0
#: Units move with their heartbeat, and a match has more than a megabyte of them: so often they are read between two.
LOOKS_A_BEAT = 3
#: Pages, jobs and the card that are remembered at once.
MOST_KEPT = 200
#: Jobs on a page.
PAGE = 50
#: Open jobs that are counted, the oldest of each status; those beyond are not.
MOST_OPEN = 1000
#: A search looks at so many jobs, the last submitted first, and then offers to go on.
MOST_SEARCHED = 1000
#: The figures of ended jobs are over so many of each status, and the units of so many.
MEASURED_JOBS, MEASURED_UNITS = 100, 10
#: Scrapes within this time see the same of ended jobs: ten matches have twelve megabytes of units.
MEASURED_S = 600.0
#: Ended jobs whose units one look reads, and how many are remembered: they change no more.
MOST_ENDED_READ = 3
MOST_ENDED_KEPT = 2000

_JOB_ID = re.compile(r"[0-9a-f]{20}")


@dataclass(frozen=True, kw_only=True)
class Summary:
    """The system at one moment.  Instants are float seconds of store time."""

    queue: str
    depth: Depth
    dead: Depth
    open_jobs: tuple[Job, ...]
    workers: tuple[Worker, ...]
    at: float

    def count(self, status: Status) -> int:
        """Return how many jobs there are of a status that is open."""
        return sum(job.status is status for job in self.open_jobs)


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Which page of which jobs."""

    status: Status | None = None
    #: What id or source must contain, in any case.
    text: str = ""
    before: Mark | None = None


@dataclass(frozen=True, kw_only=True)
class Listing:
    """One page of jobs, the last submitted first."""

    overviews: tuple[JobOverview, ...]
    #: Where the next page begins; None where this one is the last.
    after: Mark | None


@dataclass
class _Kept:
    """What one look saw, or is about to."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    seen_at: float = float("-inf")
    value: Any = None


class SystemCache:
    """Reads for the pages.  Safe to share between threads."""

    def __init__(self, system: Connection, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.system = system
        self._monotonic = monotonic
        self._kept: OrderedDict[Hashable, _Kept] = OrderedDict()
        self._ended: OrderedDict[tuple[str, int], JobOverview] = OrderedDict()
        self._lock = threading.Lock()

    def summary(self) -> Summary:
        """Return queue, workers and open jobs; raises Unreachable."""
        return self._fresh("summary", self._read_summary)

    def jobs(self, asked: Asked) -> Listing:
        """Return a page of jobs; raises Unreachable."""
        return self._fresh(asked, lambda: self._read_page(asked))

    def job(self, job_id: str) -> JobOverview:
        """Return a job with its units; raises NotFound and Unreachable."""
        return self._fresh(("job", job_id), lambda: self._read_job(job_id))

    def brief(self, job_id: str) -> JobOverview | None:
        """Return a job, with its units while it is under way; None where there is none.  Raises Unreachable."""
        return self._fresh(("brief", job_id), lambda: self._read_brief(job_id))

    def decision(self) -> Mapping[str, Any] | None:
        """Return the autoscaler's last decision, without its facts; None where there is none, or none that is readable."""
        return self._fresh("decision", lambda: _decision(self.system.store.scaling.read()))

    def facts(self) -> MetricFacts:
        """Return what the figures of ended jobs are of; raises Unreachable."""
        return self._fresh(
            "facts",
            lambda: system_metrics.collect(self.system, jobs=MEASURED_JOBS, units=MEASURED_UNITS),
            lasts_s=MEASURED_S,
        )

    def forget(self) -> None:
        """See everything anew: somebody has changed something."""
        with self._lock:
            self._kept.clear()

    def _fresh(self, key: Hashable, read: Callable[[], Seen], *, lasts_s: float = FRESH_S) -> Seen:
        """Return what was read a moment ago, or read it; of many at once one reads, and the others wait."""
        with self._lock:
            kept = self._kept.setdefault(key, _Kept())
            self._kept.move_to_end(key)
            while len(self._kept) > MOST_KEPT:
                self._kept.popitem(last=False)
        with kept.lock:
            if self._monotonic() - kept.seen_at > lasts_s:
                kept.value = read()
                kept.seen_at = self._monotonic()
            value: Seen = kept.value
            return value

    def _read_summary(self) -> Summary:
        store = self.system.store
        return Summary(
            queue=self.system.settings.queue,
            depth=self.system.queue.depth(),
            dead=self.system.queue.dead_depth(),
            open_jobs=tuple(store.jobs.list_open(MOST_OPEN)),
            workers=tuple(sorted(store.workers.list(), key=lambda worker: worker.name)),
            at=store.now(),
        )

    def _read_page(self, asked: Asked) -> Listing:
        jobs, after = self._find(asked)
        workers = self.system.store.workers.list() if any(job.is_open for job in jobs) else ()
        budget = MOST_ENDED_READ
        overviews = []
        for job in jobs:
            known = self._ended.get((job.id, job.generation))
            if known is None and (job.status is Status.RUNNING or (budget and not job.is_open)):
                budget -= 0 if job.is_open else 1
                known = self._with_units(job, workers)
            overviews.append(known or summarize_unplanned(job, now=self.system.store.now()))
        return Listing(overviews=tuple(overviews), after=after)

    def _find(self, asked: Asked) -> tuple[Sequence[Job], Mark | None]:
        """Return the page's jobs, and where the next page begins."""
        if exact := self._named(asked):
            return [exact], None
        page: list[Job] = []
        before = asked.before
        for _ in range(-(-MOST_SEARCHED // PAGE)):
            jobs = self.system.store.jobs.list(status=asked.status, limit=PAGE + 1, before=before)
            for job in jobs:
                if len(page) == PAGE:
                    return page, before
                before = mark_of(job)
                if asked.text.lower() in f"{job.id} {job.source.url}".lower():
                    page.append(job)
            if len(jobs) <= PAGE:
                return page, None
        return page, before

    def _named(self, asked: Asked) -> Job | None:
        """Return the one job that was asked for by its whole id, whatever its place in the list."""
        if not _JOB_ID.fullmatch(asked.text):
            return None
        job = self.system.store.jobs.read(asked.text)
        return job if job and asked.status in {None, job.status} else None

    def _read_job(self, job_id: str) -> JobOverview:
        job = self.system.store.jobs.read(job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id}")
        return self._with_units(job, self.system.store.workers.list())

    def _read_brief(self, job_id: str) -> JobOverview | None:
        job = self.system.store.jobs.read(job_id)
        if job is None:
            return None
        if job.status is Status.RUNNING:
            return self._with_units(job, ())
        return summarize_unplanned(job, now=self.system.store.now())

    def _with_units(self, job: Job, workers: Sequence[Worker]) -> JobOverview:
        units = self._fresh(
            ("units", job.id, job.generation, job.status, len(job.done)),
            lambda: self.system.store.units.show(job.id, job.generation),
            lasts_s=max(FRESH_S, self.system.settings.heartbeat_s / LOOKS_A_BEAT),
        )
        made = summarize(job, units, workers, priced=rates(self.system.settings), now=self.system.store.now())
        if not job.is_open and not any(unit.state is State.LEASED for unit in units.values()):
            with self._lock:
                self._ended[job.id, job.generation] = made
                while len(self._ended) > MOST_ENDED_KEPT:
                    self._ended.popitem(last=False)
        return made


def _decision(text: str) -> Mapping[str, Any] | None:
    """Return the decision in a record of one, which has its facts beside it.

    >>> _decision('{"facts": {"now": 7.0}, "decision": {"desired": 2, "reason": "deadlines-need-them"}}')
    {'desired': 2, 'reason': 'deadlines-need-them'}
    >>> _decision("") is None
    True
    """
    try:
        record = json.loads(text)
        decision = record.get("decision", record)
        return decision if {"desired", "reason"} <= set(decision) else None
    except (ValueError, AttributeError, TypeError):
        return None

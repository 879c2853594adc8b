"""The autoscaler: read the facts, decide, move the fleet; as a process and as a Lambda function.

::

    job table ─┐                     ┌─► SCALING: what gates read, and the whole decision
    presence ──┼─► facts ─► decide ──┼─► the fleet's desired count
    spans, SQS ┘                     └─► assists, as further pointers

One of many decides, under a lease; a second that decides all the same does no
harm, because every effect sets a number or sends a pointer.  The sweep runs
beside it, and the notifier where it was given the means, for the hours in which
no worker lives.
"""

import logging
import os
import socket
import sys
import threading
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from rugbytx import logs
from rugbytx.core.cost import usage
from rugbytx.core.fleet import halt
from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.job.job import Pointer
from rugbytx.core.scaling import decision_record, desired_count, workload
from rugbytx.core.scaling.admission import WorkerTarget
from rugbytx.core.scaling.decision_record import Recorded
from rugbytx.core.scaling.facts import ScalingFacts
from rugbytx.core.status import fleet_gauges
from rugbytx.errors import RugbytxError, SettingsError
from rugbytx.notify.notifier import can_deliver, notifier_of
from rugbytx.notify.outbox import deadline_at_risk
from rugbytx.ports import Fleet, Queue
from rugbytx.ports.lease_name import LeaseName
from rugbytx.ports.service import Storage
from rugbytx.ports.store import Store
from rugbytx.settings import Settings
from rugbytx.upkeep.sweeper import sweep_in_turn

log = logging.getLogger(__name__)

#: Jobs that a decision looks at, the oldest of each status first.
MOST_JOBS = 1000
#: How often Application Auto Scaling is asked whether it moves the same fleet.
LOOK_FOR_POLICIES_S = 600.0


class Autoscaler:
    """Decides for one system."""

    def __init__(
        self, *, store: Store, queue: Queue, storage: Storage, fleet: Fleet, settings: Settings
    ) -> None:
        self._store = store
        self._queue = queue
        self._storage = storage
        self._fleet = fleet
        self._settings = settings
        self._policies_seen_at = float("-inf")

    def decide(self) -> Recorded:
        """Return what would be decided at this moment, and do nothing."""
        store, settings = self._store, self._settings
        now, before = store.now(), self._before()
        workers = tuple(sorted(store.workers.list(), key=lambda worker: worker.name))
        jobs = store.jobs.list_open(MOST_JOBS)
        facts = ScalingFacts(
            now=now,
            jobs=workload.facts(
                jobs, workers, assists=decision_record.assists(before, now=now), assumed=settings.assumed
            ),
            workers=workers,
            paces=workload.paces(workers, settings.priors),
            fleet=decision_record.fleet_fact(before, desired=self._fleet.state().desired, now=now),
            spent_usd=usage.spent_usd(store.workers.list_spans(usage.day_of(now)), now=now),
            visible=self._queue.depth().visible,
        )
        policy = settings.policy
        if halt.reason(store.halts.list(), worker="", worker_class=WorkerClass.AWS):
            # Whoever would be started would receive nothing.
            policy = replace(policy, max_workers=0)
        return decision_record.record(facts, policy, before=before)

    def tick(self, owner: str) -> Recorded | None:
        """Decide and act, once; None where another autoscaler does it.

        What is remembered goes first: a crash after it costs an assist, or a tick,
        and never sends anything twice.
        """
        if not self._store.leases.acquire(
            LeaseName.AUTOSCALER, owner=owner, lease_s=3 * self._settings.tick_s
        ):
            return None
        self.refuse_policies()
        before, recorded = self._before(), self.decide()
        decision = recorded.decision
        target = WorkerTarget(at=recorded.facts.now, wanted=decision.wanted)
        self._store.scaling.record(target, decision=decision_record.to_json(recorded))
        if decision.desired != recorded.facts.fleet.desired:
            self._fleet.set_desired(decision.desired)
        for assist in decision.assists:
            pointer = Pointer(job_id=assist.job_id, generation=assist.generation)
            self._queue.send([pointer] * assist.count)
        self._warn(recorded, before)
        _log_decision(recorded, before)
        return recorded

    def sweep(self, owner: str) -> None:
        """Send pointers for jobs that nobody keeps awake, and do the clean-ups that are due."""
        sweep_in_turn(
            self._store,
            self._queue,
            self._storage,
            bucket=self._settings.output_bucket,
            owner=owner,
            sweep_s=self._settings.sweep_s,
        )

    def once(self, owner: str) -> Recorded | None:
        """Decide and sweep once, and leave to whoever comes next; None where another autoscaler decides."""
        recorded = self.tick(owner)
        if recorded:
            self._store.leases.release(LeaseName.AUTOSCALER, owner=owner)
        self.sweep(owner)
        return recorded

    def refuse_policies(self) -> None:
        """Raise SettingsError while Application Auto Scaling moves the same fleet: two hands on one number."""
        now = self._store.now()
        if now - self._policies_seen_at < LOOK_FOR_POLICIES_S:
            return
        if policies := self._fleet.attached_policies():
            raise SettingsError(
                f"Application Auto Scaling moves this service too ({', '.join(policies)}); "
                "`rugbytx scaling apply --policy none` takes that away"
            )
        self._policies_seen_at = now

    def run(self, owner: str, *, until: threading.Event, on_decision: Callable[[Recorded], None]) -> None:
        """Decide every ``tick_s`` and sweep every ``sweep_s``; raises SettingsError, and survives a silent service."""
        settings = self._settings
        next_sweep_s = 0.0
        while not until.is_set():
            try:
                if recorded := self.tick(owner):
                    on_decision(recorded)
                next_sweep_s -= settings.tick_s
                if next_sweep_s <= 0:
                    self.sweep(owner)
                    next_sweep_s = settings.sweep_s
            except SettingsError:
                raise
            except RugbytxError as error:
                log.warning("tick-failed", extra={"reason": str(error)})
            until.wait(settings.tick_s)

    def _warn(self, recorded: Recorded, before: Recorded | None) -> None:
        """Tell who asked for it of each job that has come to be at risk of missing its deadline."""
        known = set(before.at_risk) if before else set()
        finish_s = {
            finish.job_id: finish.in_s
            for finish in desired_count.finishes(recorded.facts, recorded.policy, recorded.decision)
            if finish.job_id in recorded.at_risk and finish.job_id not in known
        }
        for job_id, in_s in finish_s.items():
            if job := self._store.jobs.read(job_id):
                finish_at = None if in_s is None else recorded.facts.now + in_s
                deadline_at_risk(self._store, job, finish_at=finish_at, reason=recorded.decision.reason)

    def _before(self) -> Recorded | None:
        """Return the last decision; one that cannot be read is another version's, and nothing is remembered of it."""
        text = self._store.scaling.read()
        if not text:
            return None
        try:
            return decision_record.from_json(text)
        except ValueError:
            log.warning("decision-unreadable")
            return None


def name() -> str:
    """Return who this autoscaler is, in leases."""
    return f"autoscaler@{socket.gethostname()}-{os.getpid()}"


def _log_decision(recorded: Recorded, before: Recorded | None) -> None:
    """Log the decision with the facts it rests on, as one event, and an alarm when it begins."""
    log.info(
        "scaling-decision",
        extra={
            "desired": recorded.decision.desired,
            "wanted": recorded.decision.wanted,
            "busy": recorded.decision.busy,
            "reason": recorded.decision.reason,
            "alarms": list(recorded.decision.alarms),
            "recorded": decision_record.to_json(recorded),
        },
    )
    known = before.decision.alarms if before else ()
    for alarm in set(recorded.decision.alarms).difference(known):
        log.warning("scaling-alarm", extra={"reason": alarm})


def handler(_event: Mapping[str, Any], _context: object) -> dict[str, Any]:
    """Decide once, and sweep: the function that a schedule and each upload invoke on AWS Lambda."""
    from rugbytx import system

    logs.set_up(logging.INFO, None, sys.stdout)  # Lambda's own format leaves the fields out
    here = system.here()
    autoscaler = Autoscaler(
        store=here.store,
        queue=here.queue,
        storage=here.storage,
        fleet=system.fleet(here.settings),
        settings=here.settings,
    )
    owner = name()
    recorded = autoscaler.once(owner)
    if can_deliver(here.settings):
        notifier_of(here.settings, here.store).once(owner)
    if recorded:
        gauges = fleet_gauges.embedded(
            recorded, table=here.settings.table, unreadable=here.store.unreadable()
        )
        log.info("gauges", extra=gauges)
    return {"decided": bool(recorded), "desired": recorded.decision.desired if recorded else None}

"""The siege: jobs go in, events fall due, workers are struck and replaced, until all jobs have ended."""

import os
import random
import sys
import time
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import ExitStack
from pathlib import Path

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.aws.client import client
from rugbytx.core.job.job import Pointer
from rugbytx.local.system import LocalSystem
from tests.chaos import footage, schedule
from tests.chaos.footage import Film
from tests.chaos.killer import LOOK_S, PATIENCE_S, Hit, Slot, encoders
from tests.chaos.schedule import Blow, Echo, Event, Kind, Purge, Storm
from tests.chaos.watch import Journal
from tests.chaos.weather import Gale, Sky
from tests.faults.proxy import FaultProxy

SLOTS = 3
#: Short, so that a run has time for many leases to run out.
LEASE_S = 6.0
FROZEN_S = (LEASE_S + 1, LEASE_S + 3)
#: An encoder may outlive its lease by a SIGTERM's grace, a look at the pulse, and a busy machine.
KILL_GRACE_S = 4.0
#: Jobs that are open at the same time, so that there is a backlog and yet a queue that runs empty.
MOST_OPEN = 2 * SLOTS
TICK_S = 0.03
#: A step that takes longer was held up by the machine, and so was everything else on it.
LONGEST_STEP_S = 0.25
#: When more workers than these ended by themselves, the run has shown enough.
MOST_UNINVITED = 10
#: SQS allows one PurgeQueue a minute (its API reference), and takes up to another one for it.
PURGE_EVERY_S = 61.0
TOLD_EVERY_S = 5.0
#: For the messages of killed workers to come back and find nothing to do.
EMPTY_WITHIN_S = 120.0
LEAVE_WITHIN_S = 60.0
#: Debian's package faketime; other systems keep it elsewhere, and go without.
FAKETIME = Path("/usr/lib").glob("*/faketime/libfaketimeMT.so.1")
SHIFT = "+7m"


class Siege:
    """One run: what is submitted, what is done to whom, and what was seen."""

    def __init__(self, system: LocalSystem, films: Sequence[Film], *, jobs: int, seed: int) -> None:
        self.system = system
        self.journal = Journal(system.settings.table)
        self.connection = systems.connect(system.settings)
        self.waiting = list(films)
        self.films: dict[str, Film] = {}
        self.expected_units = sum(film.units for film in films)
        self.events = list(schedule.lay(seed=seed, slots=SLOTS, jobs=jobs))
        self.due: list[tuple[Event, float]] = []
        self.hits: list[Hit] = []
        self.purges = 0
        self.outlived: list[str] = []
        self.luck = random.Random(seed)  # noqa: S311  faults, not secrets
        self.proxies: list[FaultProxy] = []
        self.slots: list[Slot] = []
        self._unlawful_since: dict[int, float] = {}
        self._looked_at = self._told_at = 0.0
        self._purged_at = -PURGE_EVERY_S
        self._began_at = self._stepped_at = time.monotonic()

    def open(self, stack: ExitStack, *, seed: int) -> str:
        """Start proxies and workers; return what the clock of the last worker is."""
        for number in range(SLOTS):
            proxy = FaultProxy(self.system.endpoint_url, random.Random(seed * SLOTS + number))  # noqa: S311
            self.proxies.append(stack.enter_context(proxy))
        self.sky = Sky(self.proxies)
        self.mark = uuid.uuid4().hex
        shift = shifted_clock()
        for number, proxy in enumerate(self.proxies):
            variables = {"CHAOS_MARK": self.mark, **(shift if number == SLOTS - 1 else {})}
            self.slots.append(Slot(number, self.system, proxy, variables))
        for slot in self.slots:
            slot.worker.wait_ready()
        self._began_at = self._stepped_at = time.monotonic()
        return f"off by {SHIFT}" if shift else "right: there is no faketime on this machine"

    def run(self, within_s: float) -> None:
        """Submit everything and do everything on the schedule, until all jobs have ended or time is up."""
        while time.monotonic() - self._began_at < within_s:
            self.step()
            ends = sum(len(slot.uninvited) + len(slot.failed_starts) for slot in self.slots)
            is_hopeless = ends > MOST_UNINVITED
            if is_hopeless or not (self.waiting or self.journal.open_jobs()):
                return

    def step(self) -> None:
        """Look, and do what is due."""
        self._excuse()
        for change in self.journal.look():
            if change.turned("state", "DONE"):
                for slot in self.slots:
                    if change.before.get("owner") == slot.owner:
                        slot.note_commit(change.at)
        self._submit()
        self._strike()
        self.sky.tend()
        for slot in self.slots:
            slot.tend()
        self._look_at_encoders()
        self._tell()
        time.sleep(TICK_S)

    def calm_down(self) -> None:
        """End all storms, thaw everybody, and wait until the queue is empty."""
        self.sky.tend(calm=True)
        for slot in self.slots:
            if slot.is_frozen:
                slot.thaw()
        until = time.monotonic() + EMPTY_WITHIN_S
        while self.messages_left() and time.monotonic() < until:
            self.step()

    def leave(self) -> None:
        """Let every worker go."""
        for slot in self.slots:
            slot.leave()
        self._stepped_at = time.monotonic()
        until = self._stepped_at + LEAVE_WITHIN_S
        while not all(slot.is_empty for slot in self.slots) and time.monotonic() < until:
            self._excuse()
            for slot in self.slots:
                if not slot.is_empty:
                    slot.tend(refill=False)
            time.sleep(TICK_S)
        self.journal.look()

    def _excuse(self) -> None:
        """Let time stand still for what has to be done in time, if the machine was too busy to do anything.

        Nothing else is excused: what is lost, done twice or torn is so on however slow a machine.
        """
        now = time.monotonic()
        late_s, self._stepped_at = now - self._stepped_at, now
        if late_s < LONGEST_STEP_S:
            return
        for slot in self.slots:
            self.sky.gales.append(
                Gale(name="busy machine", slot=slot.number, at=now - late_s, until=now, hurt=1)
            )
            slot.excuse(late_s)
        self._unlawful_since = {pid: since and since + late_s for pid, since in self._unlawful_since.items()}

    def messages_left(self, queue: str = "") -> int:
        """Return how many messages the queue holds, visible or not."""
        sqs = client("sqs")
        url = sqs.get_queue_url(QueueName=queue or self.system.settings.queue)["QueueUrl"]
        counts = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=["All"])["Attributes"]
        return int(counts["ApproximateNumberOfMessages"]) + int(
            counts["ApproximateNumberOfMessagesNotVisible"]
        )

    def _submit(self) -> None:
        is_purge_near = self._may_purge() and any(isinstance(event, Purge) for event, _ in self.due)
        if self.waiting and not is_purge_near and len(self.journal.open_jobs()) < MOST_OPEN:
            film = self.waiting.pop(0)
            request = intake.Request(source=str(film.path), profile=film.profile, chunk_s=footage.CHUNK_S)
            self.films[intake.accept(request, self.connection).job.id] = film

    def _strike(self) -> None:
        now = time.monotonic()
        share = self.journal.units_done / self.expected_units
        while self.events and self.events[0].at <= share:
            self.due.append((self.events.pop(0), now))
        self.due = [(event, since) for event, since in self.due if not self._happens(event, now - since)]

    def _happens(self, event: Event, waited_s: float) -> bool:
        """Let an event happen; False where its moment is still to come."""
        match event:
            case Blow():
                return self._hit(event, waited_s)
            case Storm():
                self.sky.begin(event)
                return True
            case Echo():
                return self._echo(event)
            case Purge():
                return self._purge()

    def _hit(self, blow: Blow, waited_s: float) -> bool:
        slot = self.slots[blow.slot]
        if not slot.is_up:
            return False
        in_time = slot.is_at(blow.moment, self.journal.held.get(slot.owner))
        if not in_time and (waited_s < PATIENCE_S or blow.kind is Kind.KILL_ENCODER):
            return False
        hit = slot.strike(blow, self.journal, frozen_s=self.luck.uniform(*FROZEN_S), in_time=in_time)
        if hit:
            self.hits.append(hit)
        return hit is not None

    def _echo(self, echo: Echo) -> bool:
        ids = self.journal.open_jobs()
        if not ids:
            return False
        job = self.journal.jobs[ids[int(echo.choice * len(ids))]]
        self.connection.queue.send([Pointer(job_id=job["id"], generation=job["generation"])])
        return True

    def _purge(self) -> bool:
        """Empty the queue while jobs run and none is queued: a queued one's pointer comes again after ten minutes."""
        statuses = Counter(self.journal.jobs[job_id]["job_status"] for job_id in self.journal.open_jobs())
        if statuses["QUEUED"] or not statuses["RUNNING"] or not self._may_purge():
            return False
        sqs = client("sqs")
        sqs.purge_queue(QueueUrl=sqs.get_queue_url(QueueName=self.system.settings.queue)["QueueUrl"])
        self.purges += 1
        self._purged_at = time.monotonic()
        return True

    def _may_purge(self) -> bool:
        return time.monotonic() - self._purged_at > PURGE_EVERY_S

    def _look_at_encoders(self) -> None:
        """4: note each encoder that outlives its lease by more than the kill grace."""
        now = time.monotonic()
        if now - self._looked_at < LOOK_S:
            return
        self._looked_at = now
        frozen = {owner for slot in self.slots if slot.is_frozen for owner in slot.owners}
        for encoder in encoders(self.system.settings.scratch):
            held = self.journal.held.get(encoder.owner)
            is_lawful = (
                held and held.job_id == encoder.job_id and self.connection.store.now() < held.lease_until
            )
            if is_lawful or encoder.owner in frozen:
                self._unlawful_since.pop(encoder.pid, None)
                continue
            since = self._unlawful_since.setdefault(encoder.pid, now)
            if 0 < since < now - KILL_GRACE_S:
                self._unlawful_since[encoder.pid] = 0.0  # told
                self.outlived.append(
                    f"an encoder of {encoder.owner} for job {encoder.job_id} (process {encoder.pid}) outlived its lease"
                )

    def _tell(self) -> None:
        now = time.monotonic()
        if now - self._told_at < TOLD_EVERY_S:
            return
        self._told_at = now
        done = sum(job["job_status"] not in {"QUEUED", "RUNNING"} for job in self.journal.jobs.values())
        blowing = f", {' and '.join(names)}" if (names := self.sky.names()) else ""
        print(  # noqa: T201  a command line's progress
            f"{now - self._began_at:4.0f} s  {done}/{len(self.films) + len(self.waiting)} jobs ended,"
            f" {self.journal.units_done}/{self.expected_units} units, {len(self.hits)} kills{blowing}",
            file=sys.stderr,
            flush=True,
        )


def shifted_clock() -> Mapping[str, str]:
    """Return what makes a process believe that it is minutes later; nothing where that cannot be had."""
    library = next(FAKETIME, None)
    if library is None:
        return {}
    return {
        "LD_PRELOAD": str(library),
        "FAKETIME": SHIFT,
        # CLOCK_MONOTONIC is no wall clock: it jumps on no machine.
        "FAKETIME_DONT_FAKE_MONOTONIC": "1",
        "PYTHONPATH": os.pathsep.join(
            filter(None, (str(Path(__file__).with_name("clock")), os.environ.get("PYTHONPATH")))
        ),
    }

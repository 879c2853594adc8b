"""The notifier works off the outbox; many try, one does.

It is a thread in any worker's main process, and in the autoscaler's where that
was given what webhooks are signed with.
"""

import logging
import threading

from rugbytx.aws.client import client
from rugbytx.errors import RugbytxError
from rugbytx.notify.courier import couriers, everywhere
from rugbytx.notify.outbox import ErrandRunner
from rugbytx.ports.lease_name import LeaseName
from rugbytx.ports.store import Leases, Store
from rugbytx.settings import Settings
from rugbytx.urls import OutputBucket

log = logging.getLogger(__name__)

#: Two that overlap for a while do each other's errands at worst: each errand has a guard of its own.
LEASE_ROUNDS = 6
SHORTEST_LEASE_S = 10.0


def notifier_of(settings: Settings, store: Store) -> "Notifier":
    """Return what works off the outbox of a process with these settings."""
    place = OutputBucket(
        bucket=settings.output_bucket,
        s3_url=client("s3").meta.endpoint_url,
        base_url=settings.output_base_url,
    )
    runner = ErrandRunner(
        store=store, courier=couriers(settings), place=place, everywhere=everywhere(settings)
    )
    return Notifier(leases=store.leases, runner=runner, notify_s=settings.notify_s)


def can_deliver(settings: Settings) -> bool:
    """Return whether a process that is no worker may deliver notifications: it was given the secret, or the bus.

    One without them would record failures of what a worker can deliver.
    """
    return bool(settings.notify_secret.get_secret_value() or settings.event_bus)


class Notifier:
    """Works off the outbox under its own lease, apart from the sweep: a target that hangs delays no job."""

    def __init__(self, *, leases: Leases, runner: ErrandRunner, notify_s: float) -> None:
        self._leases = leases
        self._runner = runner
        self._notify_s = notify_s
        self._leaving = threading.Event()

    def start(self, *, owner: str) -> None:
        """Begin in the background."""
        threading.Thread(target=self._run, args=(owner,), name="notify", daemon=True).start()

    def stop(self) -> None:
        """Stop; a round under way is not waited for, and what it leaves undone its guards bring back."""
        self._leaving.set()

    def once(self, owner: str) -> int:
        """Work off what is due, one bounded round, unless another does; return how many errands that were.

        What goes wrong is logged: whoever comes next tries again.
        """
        lease_s = max(LEASE_ROUNDS * self._notify_s, SHORTEST_LEASE_S)
        try:
            if self._leases.acquire(LeaseName.NOTIFY, owner=owner, lease_s=lease_s):
                return self._runner.run_due()
        except RugbytxError as error:
            log.warning("notifier-failed", extra={"reason": str(error)})
        except Exception:
            log.exception("notifier-broke")
        return 0

    def _run(self, owner: str) -> None:
        while not self._leaving.wait(self._notify_s):
            self.once(owner)

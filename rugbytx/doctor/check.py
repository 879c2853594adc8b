"""A check: a name, what does the looking, and what it found; bounded in time, whatever hangs."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.errors import RugbytxError

#: A service that needs longer than this to answer is not well.
TIMEOUT_S = 15.0


class Health(StrEnum):
    """How well it stands."""

    OK = "ok"
    #: It works, and somebody should know.
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, kw_only=True)
class CheckResult:
    """What a check found, and what helps where that is not good."""

    check: str
    health: Health
    text: str
    remedy: str = ""


#: Looks, and returns what it found; what it raises of rugbytx's errors is a failure too.
Examination = Callable[[], Sequence[CheckResult]]


@dataclass(frozen=True, kw_only=True)
class Check:
    """Something to look at."""

    name: str
    examine: Examination
    #: What helps where looking itself fails.
    remedy: str = ""
    timeout_s: float = TIMEOUT_S

    def run(self) -> Sequence[CheckResult]:
        """Look, for ``timeout_s`` at most."""
        results: list[Sequence[CheckResult]] = []
        thread = threading.Thread(
            target=lambda: results.append(self._examined()), name=f"check {self.name}", daemon=True
        )
        began_at = time.monotonic()
        thread.start()
        thread.join(self.timeout_s)
        if results:
            return results[0]
        return [self._failure(f"no answer within {time.monotonic() - began_at:.0f} s")]

    def _examined(self) -> Sequence[CheckResult]:
        try:
            return self.examine()
        except RugbytxError as error:
            return [self._failure(str(error))]
        except Exception as error:  # noqa: BLE001  a doctor that falls ill says so, and goes on with the next check
            return [self._failure(f"the check itself broke: {type(error).__name__}: {error}")]

    def _failure(self, text: str) -> CheckResult:
        return CheckResult(check=self.name, health=Health.FAIL, text=text, remedy=self.remedy)


def run(checks: Sequence[Check]) -> Iterator[CheckResult]:
    """Run one check after the other, and give each finding as soon as it is there."""
    for check in checks:
        yield from check.run()

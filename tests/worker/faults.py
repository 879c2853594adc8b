"""What can go wrong at one step, and a recorder that lets it go wrong there."""

from collections import Counter
from collections.abc import Callable
from typing import Any

from rugbytx.errors import NotDelivered, TranscodeError, TransferError, Unreachable
from tests.worker.world import Call, Crash, World

ERRORS = {
    "store": Unreachable,
    "queue": Unreachable,
    "storage": TransferError,
    "media": TranscodeError,
    "courier": NotDelivered,
}


class Recorder:
    """Counts the steps, and lets the fault happen at one of them."""

    def __init__(self, fault: Callable[[Call], Any] = Call.do, *, at: int = -1) -> None:
        #: While it is not, steps are taken and neither counted nor disturbed.
        self.armed = True
        self.steps: list[str] = []
        #: Where a scene puts its world, for faults that reach into it.
        self.world: World | None = None
        #: Commits that the store granted, by unit.
        self.commits: Counter[str] = Counter()
        self._fault, self._at = fault, at

    def __call__(self, call: Call) -> Any:
        """Take the step, or have the fault."""
        if not self.armed:
            return call.do()
        number = len(self.steps)
        self.steps.append(call.name)
        answer = self._fault(call) if number == self._at else call.do()
        if call.name == "store.units.commit":
            self.commits[str(call.args[0].key)] += 1
        return answer


def crash_before(call: Call) -> Any:
    """Die with nothing done."""
    raise Crash(call.name)


def crash_after(call: Call) -> Any:
    """Die with everything done and nobody told."""
    call.do()
    raise Crash(call.name)


def refuse(call: Call) -> Any:
    """Fail with nothing done."""
    raise ERRORS[call.name.partition(".")[0]](f"{call.name} was refused")


def lose_answer(call: Call) -> Any:
    """Fail with everything done: the SDK has given up waiting."""
    call.do()
    raise ERRORS[call.name.partition(".")[0]](f"the answer to {call.name} was lost")


def repeat(call: Call) -> Any:
    """Have the effect twice and the second answer, as when the SDK repeats a call."""
    call.do()
    return call.do()


FAULTS = [crash_before, crash_after, refuse, lose_answer, repeat]

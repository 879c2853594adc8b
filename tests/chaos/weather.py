"""The storms that blow at this moment, as rules of the proxies in which they blow."""

import time
from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.schedule import Storm
from tests.faults.proxy import FaultProxy, Rule


@dataclass(frozen=True, kw_only=True)
class Gale:
    """What a storm was for one slot."""

    name: str
    slot: int
    at: float
    until: float
    #: How many requests it hurt.
    hurt: int


class Sky:
    """Begins and ends storms; what blows over one proxy together is in force together."""

    def __init__(self, proxies: Sequence[FaultProxy]) -> None:
        self.gales: list[Gale] = []
        self._proxies = proxies
        #: By slot: the storm, when it began, and how many requests its fault had hurt by then.
        self._blowing: dict[int, list[tuple[Storm, float, int]]] = {
            place: [] for place in range(len(proxies))
        }

    def begin(self, storm: Storm) -> None:
        """Let a storm blow."""
        now = time.monotonic()
        for slot in storm.slots:
            hurt = self._proxies[slot].count(fault=storm.fault)
            self._blowing[slot].append((storm, now, hurt))
            self._set_rules(slot)

    def tend(self, *, calm: bool = False) -> None:
        """End the storms that are over, or all of them."""
        now = time.monotonic()
        for slot, blowing in self._blowing.items():
            over = [entry for entry in blowing if calm or now >= entry[1] + entry[0].for_s]
            for storm, began_at, hurt in over:
                blowing.remove((storm, began_at, hurt))
                count = self._proxies[slot].count(fault=storm.fault) - hurt
                self.gales.append(Gale(name=storm.name, slot=slot, at=began_at, until=now, hurt=count))
            if over:
                self._set_rules(slot)
                self._proxies[slot].release()

    def names(self) -> list[str]:
        """Return what blows, for the line that shows the progress."""
        return sorted({storm.name for blowing in self._blowing.values() for storm, _, _ in blowing})

    def _set_rules(self, slot: int) -> None:
        self._proxies[slot].set_rules(*(_rule(storm) for storm, _, _ in self._blowing[slot]))


def _rule(storm: Storm) -> Rule:
    return Rule(
        fault=storm.fault,
        service=storm.service,
        operation=storm.operation,
        times=storm.times,
        probability=storm.probability,
        delay_s=storm.delay_s,
    )

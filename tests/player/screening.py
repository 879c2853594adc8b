"""Outputs shown in a browser by the page of `rugbytx play`, and what is wrong with how they play."""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from typing import Any, Self

from rugbytx.core.plan.plan import Grid
from rugbytx.player.place import around
from rugbytx.player.server import Playing
from tests.player.chromium import Chromium, Tab
from tests.player.serving import served

_AUDIENCE = Path(__file__).with_name("audience.js")
#: Beyond a film's length at the rate it is played at: more than any pause on a busy machine.
_PATIENCE_S = 20.0
#: How far from a join a seek begins and ends.
REACH_S = 0.25


@dataclass(frozen=True, kw_only=True)
class Marks:
    """A film's flashes and beeps as they were seen and heard."""

    #: For the number of each frame that was shown, whether it is white; a busy machine leaves some out.
    white: Mapping[int, bool]
    #: When each beep began, in seconds of the picture's clock.
    heard_s: tuple[float, ...]


class Screening:
    """One showing of outputs in a tab of its own."""

    def __init__(self, tab: Tab, grid: Grid) -> None:
        self._tab, self._grid = tab, grid
        self.run("audience.until(() => rugbytx.isReady || rugbytx.errors.length)")

    def run(self, script: str, *, timeout_s: float = _PATIENCE_S) -> Any:
        """Return what a script gives, or null where it gives nothing."""
        return self._tab.run(script, timeout_s=timeout_s)

    def fetch_all(self) -> Self:
        """Wait until all of the film has been fetched, so that it can be played faster than it comes."""
        self.run(f"audience.untilFetched({self._end_s})")
        return self

    def play(self, *, rate: float = 1.0) -> Self:
        """Play to the end, or to the first error."""
        length_s = float(self._grid.duration_s)
        self.run(f"audience.playToEnd({rate})", timeout_s=length_s / rate + _PATIENCE_S)
        return self

    def attend(self) -> Self:
        """Look for flashes and listen for beeps from here on."""
        self.run("audience.attend()")
        return self

    def marks(self) -> Marks:
        """Return the flashes and beeps so far.

        Single ones cannot be compared on a busy machine, because the clock of
        the sound jumps by a buffer's length; but how far it is ahead of the
        picture's is the same all the time, and known from every frame.
        """
        told = self.run("({frames: audience.frames, beeps: audience.beeps_s, leads: audience.leads_s})")
        lead_s = median(told["leads"])
        return Marks(
            white={round(at_s * self._grid.rate): white for at_s, white in told["frames"]},
            heard_s=tuple(beep - lead_s for beep in told["beeps"]),
        )

    def seek_back_across(self, instant_s: float) -> list[float]:
        """Seek from behind an instant to before it and play on past it; return where the seeks arrived."""
        arrived_s: list[float] = self.run(f"audience.seekBackAcross({instant_s}, {REACH_S})")
        return arrived_s

    def hold(self, level: int) -> Self:
        """Have all of the film in one level, whatever hls.js has chosen on this machine."""
        self.run(f"audience.hold({level}, {self._end_s})")
        return self

    def switch(self, level: int, *, join_s: float) -> tuple[set[int], set[int]]:
        """Play to the end, what follows a join in another level; return the heights shown before it and after."""
        shown = self.run(f"audience.switchTo({level}, {join_s - REACH_S}, {self._end_s})")
        first_s = join_s - float(1 / self._grid.rate / 2)
        before = {height for at_s, height in shown if at_s < first_s}
        return before, {height for at_s, height in shown if at_s >= first_s}

    @property
    def stalls(self) -> int:
        """Return how often the player had to wait so far, which says something of outputs only at their own speed."""
        return int(self.run("rugbytx.stalls"))

    def wrong(self) -> list[str]:
        """Return what is wrong with what was played to its end: nothing, if all is well.

        That the player says it has ended is not enough.  It says so too after
        jumping a hole, and the browser takes a track that ends early for whole.
        """
        told = self.run(
            "({errors: rugbytx.errors, ended: rugbytx.ended, position_s: video.currentTime, "
            "duration_s: rugbytx.duration_s, tracks: rugbytx.tracks})"
        )
        return [
            *self._tab.thrown,
            *(f"{error['kind']} at {error['at_s']:.3f} s" for error in told["errors"]),
            *([] if told["ended"] else [f"not ended at {told['position_s']:.3f} s"]),
            *self._of_duration(told["duration_s"] or 0.0),
            *(line for kind, spans in told["tracks"].items() for line in self._of_track(kind, spans)),
            *([] if set(told["tracks"]) == {"audio", "video"} else [f"tracks: {sorted(told['tracks'])}"]),
        ]

    @property
    def _end_s(self) -> float:
        """Return the earliest instant that a whole film may end at: within a frame."""
        return float(self._grid.duration_s - 1 / self._grid.rate)

    def _of_duration(self, duration_s: float) -> Iterator[str]:
        if not self._end_s <= duration_s <= float(self._grid.duration_s + 1 / self._grid.rate):
            yield f"lasts {duration_s:.3f} s and not {float(self._grid.duration_s):.3f} s"

    def _of_track(self, kind: str, spans: list[list[float]]) -> Iterator[str]:
        if len(spans) != 1 or spans[0][0] > 1 / self._grid.rate or spans[-1][1] < self._end_s:
            there = ", ".join(f"{start:.3f}-{end:.3f}" for start, end in spans)
            yield f"{kind} is there from {there or 'nowhere'} s"


@contextmanager
def screened(browser: Chromium, master: Path, grid: Grid, *, native: bool = False) -> Iterator[Screening]:
    """Show the outputs of a master playlist while the context is open."""
    place, name = around(master)
    playing = Playing(title=master.parent.name, place=place, master=name)
    with served(playing, native=native) as server, Tab(browser, server.url) as tab:
        tab.run(_AUDIENCE.read_text(encoding="utf-8"))
        yield Screening(tab, grid)

"""The table in docs/reference/sources.md: what comes out of each kind of source, as a run of all of them shows it."""

import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.lease.unit import PLAN
from rugbytx.core.plan import bitrate_ladder
from rugbytx.core.plan.plan import Plan
from tests.hostile.host import OUTPUT, Host
from tests.source.catalogue import KINDS
from tests.source.film import BLUE, RED
from tests.source.kind import Kind, Place
from tests.source.look import Seen, look

DOCUMENT = Path(__file__).parents[2] / "docs" / "reference" / "sources.md"
BEGIN, END = "<!-- sources -->", "<!-- /sources -->"
CHUNK_S = 6.0
PROFILE = Profile(
    name="sources",
    rungs=(Rung(height=180, rate_bps=400_000, high_motion_rate_bps=400_000),),
    mp4=True,
    stills=False,
)


@dataclass(frozen=True, kw_only=True)
class Result:
    """What became of a source: why it was refused, or what it was planned as and what was seen."""

    reason: str
    plan: Plan | None
    seen: Seen | None


@dataclass(frozen=True, kw_only=True)
class Row:
    """A line of the table."""

    kind: str
    published: str
    why: str

    @property
    def line(self) -> str:
        """Return the row in Markdown."""
        return f"| {self.kind} | {self.published} | {self.why} |"


def run(kind: Kind, place: Place, host: Host) -> Result:
    """Make a source of a kind, have it transcoded, and look at the MP4."""
    body = kind.make(place).read_bytes()
    ended = host.run(host.submit(kind.name, body, profile=PROFILE, chunk_s=CHUNK_S), compares=False)
    if ended.job.outputs is None:
        return Result(reason=ended.job.reason, plan=None, seen=None)
    units = host.store.units.read(ended.job.id, ended.job.generation)
    path = place.folder / "finished.mp4"
    path.write_bytes(host.storage.get(OUTPUT, ended.job.outputs.mp4_key))
    return Result(reason="", plan=units[PLAN].result_as(Plan), seen=look(path))


def faults(kind: Kind, seen: Seen) -> Iterator[str]:
    """Yield what is not as it should be."""
    wanted_rate = kind.published_rate
    if seen.rate != wanted_rate:
        yield f"{seen.rate} frames a second instead of {wanted_rate}"
    if seen.size != (kind.size or kind.film.size):
        yield f"{seen.size} instead of {kind.size or kind.film.size}"
    if list(seen.corners) != sorted(seen.corners, reverse=True):
        yield f"not upright: the corners are {seen.corners}"
    for name, colour, drawn in (("red", seen.red, RED), ("blue", seen.blue, BLUE)):
        if max(abs(a - b) for a, b in zip(colour, drawn, strict=True)) > kind.colour_slack:
            yield f"{name} is {colour} instead of {drawn}"
    if seen.tags != ("tv", "bt709", "bt709", "bt709"):
        yield f"tagged as {seen.tags}"
    if seen.side_data:
        yield f"says of itself: {sorted(seen.side_data)}"
    if seen.streams != (("video",) if kind.sound_from_s is None else ("video", "audio")):
        yield f"the streams are {seen.streams}"
    yield from _faults_of_time(kind, seen)
    yield from _faults_of_sound(kind, seen)


def _faults_of_time(kind: Kind, seen: Seen) -> Iterator[str]:
    """Yield frames that are lost, doubled or shown at the wrong time."""
    first = round(kind.begins_s * kind.film.rate)
    if kind.step:
        held = [first] * (kind.first_held - 1)
        wanted = [*held, *range(first, kind.film.frames, kind.step)]
        if bitrate_ladder.is_fast(kind.published_rate) and len(wanted) % bitrate_ladder.MOST_FRAME_STEP:
            wanted.append(wanted[-1])
        shown = [number - number % kind.step for number in seen.counter]
        if shown != wanted:
            odd = [(place, b - a) for place, (a, b) in enumerate(pairwise(shown)) if b - a != kind.step]
            yield f"{len(shown)} frames instead of {len(wanted)}; steps that are odd: {odd[:10]}"
        return
    for place, number in enumerate(seen.counter):
        late_s = Fraction(place) / seen.rate - Fraction(number) / kind.film.rate
        if not -1 <= late_s * kind.film.rate <= 2:
            yield f"frame {number} is shown {float(late_s):.3f} s late"
    if any(b < a for a, b in pairwise(seen.counter)):
        yield "frames are shown in the wrong order"


def _faults_of_sound(kind: Kind, seen: Seen) -> Iterator[str]:
    """Yield flashes that are missing, and beeps that are missing or apart from their flashes."""
    begun_s = Fraction(kind.first_held - 1) / kind.published_rate - kind.begins_s
    flashes_s = [float(at_s + begun_s) for at_s in kind.film.flashes_s if at_s + begun_s > 0]
    if len(seen.flashes_s) != len(flashes_s):
        yield f"flashes at {seen.flashes_s} instead of {flashes_s}"
    if kind.sound_from_s is None:
        return
    for channel in seen.beeps_s:
        wanted = [at_s for at_s in seen.flashes_s if at_s >= kind.sound_from_s]
        if len(channel) != len(wanted) or any(
            abs(beep_s - flash_s) > kind.apart_s for beep_s, flash_s in zip(channel, wanted, strict=True)
        ):
            yield f"beeps at {channel}, flashes at {wanted}"


def row(kind: Kind, result: Result) -> Row:
    """Return what the document says of a result."""
    if result.plan is None or result.seen is None:
        return Row(kind=kind.name, published="refused", why=result.reason)
    width, height = result.seen.size
    found = list(faults(kind, result.seen))
    frames = {0: "each frame at its time", 1: "every frame once", 2: "every second frame"}[kind.step]
    if kind.first_held > 1:
        frames += f" (the first one {kind.first_held} times: its container's clock begins before it)"
    sound = "silent" if kind.sound_from_s is None else "in sync"
    as_seen = "; ".join(found) or f"upright, {frames}, {sound}"
    rate = f"{float(result.seen.rate):.2f}".rstrip("0").rstrip(".")
    # What concerns a rendition is the ladder's affair.
    why = [note for note in result.plan.notes if not note.startswith("180p")]
    return Row(
        kind=kind.name, published=f"{width}x{height} at {rate} a second: {as_seen}", why="; ".join(why)
    )


def in_document() -> dict[str, Row]:
    """Return the document's rows, by kind."""
    section = DOCUMENT.read_text(encoding="utf-8").split(BEGIN, 1)[1].split(END, 1)[0]
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in section.strip().splitlines()]
    return {kind: Row(kind=kind, published=published, why=why) for kind, published, why in cells[2:]}


def main() -> None:
    """Run everything and put the table into the document."""
    table = ["| source | published | why |", "|---|---|---|"]
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        host = Host(folder / "scratch")
        for kind in KINDS:
            table.append(row(kind, run(kind, Place(folder=folder), host)).line)
            sys.stdout.write(table[-1] + "\n")
            sys.stdout.flush()
    before, rest = DOCUMENT.read_text(encoding="utf-8").split(BEGIN, 1)
    _, after = rest.split(END, 1)
    DOCUMENT.write_text("\n".join((before + BEGIN, *table, END + after)), encoding="utf-8")


if __name__ == "__main__":
    main()

"""Handing in many at once beside a loop of ``task.delay``: with the emulator near, and a network away."""

import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from rugbytx import system as systems
from rugbytx.system import Connection
from tests.bench import distance, turn, world
from tests.bench.figure import Bound, Figure, Result
from tests.bench.turn import Scale

RUGBYTX = str(Path(sys.executable).with_name("rugbytx"))


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the services are, how many are submitted there, and what is expected."""

    name: str
    round_trip_s: float
    count: int
    goal: float | None


PLACES = (
    Place(name="40 ms away", round_trip_s=0.040, count=500, goal=4.0),  # from the premises
    Place(name="10 ms away", round_trip_s=0.010, count=2000, goal=4.0),  # from a host in the region
    Place(name="on loopback", round_trip_s=0.0, count=500, goal=None),
)


def measure(folder: Path, scale: Scale) -> Result:
    """Submit objects that are there already, by the command; and call the plain task as often."""
    figures: list[Figure] = []
    details: dict[str, list[float]] = {}
    for place in PLACES if scale is Scale.FULL else PLACES[:1]:
        count = scale.of(place.count, 10)
        # Each in a system of its own: the emulator takes the longer for a message the more of them it holds.
        with (
            world.system(folder, {}) as local,
            distance.relay(local.endpoint_url, place.round_trip_s) as far,
        ):
            environ = {"AWS_ENDPOINT_URL": far if place.round_trip_s else local.endpoint_url}
            pairs = turn.in_turn(
                partial(_ours, systems.connect(local.settings), folder, count, environ),
                partial(_reference, world.plain_queue("bench-plain"), count, environ),
                rounds=1,
                warm=False,
            )
        figures.append(
            Figure(
                name=f"jobs a second, {place.name}",
                ratios=tuple(theirs_s / mine_s for mine_s, theirs_s in pairs),
                goal=place.goal,
                bound=Bound.AT_LEAST,
            )
        )
        details[f"{place.name}: jobs a second"] = world.rounded([count / mine_s for mine_s, _ in pairs], 0)
        details[f"{place.name}: plain tasks a second"] = world.rounded([count / s for _, s in pairs], 0)
    return Result(
        name="submit",
        ours="`rugbytx submit --from`",
        reference="`task.delay` in a loop, plain Celery",
        figures=tuple(figures),
        details=details,
    )


def _ours(connection: Connection, folder: Path, count: int, environ: Mapping[str, str]) -> float:
    """Return how long the command takes for objects that nobody has submitted before."""
    bucket, mark = connection.settings.source_buckets[0], time.monotonic_ns()
    keys = [f"submit/{mark}-{number}.mp4" for number in range(count)]
    for key in keys:
        connection.storage.put(key.encode(), bucket, key, content_type="video/mp4")
    listed = folder / "list.txt"
    listed.write_text("".join(f"s3://{bucket}/{key}\n" for key in keys))
    began = time.perf_counter()
    told = world.run((RUGBYTX, "submit", "--from", str(listed), "--profile", "stamp"), environ)
    took_s = time.perf_counter() - began
    if told.count("  create  ") != count:
        raise RuntimeError(f"{count} were submitted, {told.count('  create  ')} accepted")
    return took_s


def _reference(url: str, count: int, environ: Mapping[str, str]) -> float:
    """Return how long the loop takes, in a process of its own as the command is."""
    began = time.perf_counter()
    world.run((sys.executable, "-m", "tests.bench.plain", str(count)), {**environ, "BENCH_QUEUE": url})
    return time.perf_counter() - began

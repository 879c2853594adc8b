"""A whole job beside one pass of bare ffmpeg that makes the same renditions, and where the difference goes."""

import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from rugbytx import intake
from rugbytx import system as systems
from rugbytx.core.job.job import Status
from rugbytx.core.lease.unit import Kind, Unit
from rugbytx.core.output.result import plan_of
from rugbytx.core.plan.plan import Plan
from rugbytx.system import Connection
from tests.bench import footage, turn, world
from tests.bench.figure import Figure, Result, ratios
from tests.bench.turn import Scale

#: Over so short a film the fixed costs are most of it: told, and nothing expected.
GOALS = {"30 s": None, "5 min": 1.15}
#: What users submit with.
PROFILE = "match"


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long a job took from its submission, and its units."""

    wall_s: float
    units: Sequence[Unit]


def measure(folder: Path, scale: Scale) -> Result:
    """Submit a long and a short film again and again, and have ffmpeg make the same."""
    lengths = {"30 s": scale.of(30, 2), "5 min": scale.of(300, 4)}
    rounds = {"5 min": scale.of(2, 1), "30 s": scale.of(2, 1)}
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    with world.system(folder, {}) as local:
        connection = systems.connect(local.settings)
        local.start_worker()
        for name, length_s in lengths.items():
            source = footage.film(folder, length_s, size="960x540" if scale is Scale.FULL else "320x180")
            plans: list[Plan] = []  # what was made last, and is to be made by the reference
            pairs = turn.in_turn(
                partial(_ours, connection, source, plans),
                partial(_reference, plans, source, folder),
                rounds=rounds[name],
                warm=scale is Scale.FULL and length_s <= footage.PIECE_S,
            )
            walls = [(mine.wall_s, bare_s) for mine, bare_s in pairs]
            figures.append(Figure(name=f"wall, {name}", ratios=ratios(walls), goal=GOALS[name]))
            details[f"wall_s, {name}"] = world.rounded([mine for mine, _ in walls])
            details[f"reference_wall_s, {name}"] = world.rounded([bare for _, bare in walls])
            details[f"phases_s, {name}"] = phases(pairs[-1][0])
    return Result(
        name="job",
        ours="submit to SUCCEEDED, one worker",
        reference="one pass of bare ffmpeg making the same renditions",
        figures=tuple(figures),
        details=details,
    )


def phases(run: Run) -> dict[str, float]:
    """Return where a job's time went: its units' encoders, the rest of its units, and the time between them."""
    measured = {str(unit.key): unit.measured for unit in run.units}
    encode_s = sum(one.encode_s for key, one in measured.items() if key.startswith(Kind.VIDEO))
    audio_s = sum(one.encode_s for key, one in measured.items() if key.startswith(Kind.AUDIO))
    inside_s = {
        kind: sum(one.elapsed_s - one.encode_s for key, one in measured.items() if key.split("#")[0] == kind)
        for kind in Kind
    }
    around_s = run.wall_s - sum(one.elapsed_s for one in measured.values())
    told = {
        "encode video": encode_s,
        "encode audio": audio_s,
        "plan: fetch the source, probe": inside_s[Kind.PLAN],
        "video: check, upload": inside_s[Kind.VIDEO],
        "audio: check, upload": inside_s[Kind.AUDIO],
        "publish": inside_s[Kind.PUBLISH],
        "submit, dispatch, between units, end": around_s,
    }
    return {name: round(value, 2) for name, value in told.items()}


def _ours(connection: Connection, source: Path, plans: list[Plan]) -> Run:
    """Submit, wait for the end; the film's bytes go into the bucket the first time only."""
    request = intake.Request(source=str(source), profile=PROFILE, force=True)
    began = time.perf_counter()
    job = world.ended(connection, intake.accept(request, connection).job.id)
    wall_s = time.perf_counter() - began
    if job.status is not Status.SUCCEEDED:
        raise RuntimeError(f"the job {job.status}: {job.reason}")
    units = connection.store.units.read(job.id, job.generation)
    plan = plan_of(units)
    if plan is None:
        raise RuntimeError("the job has no plan")
    plans.append(plan)
    return Run(wall_s=wall_s, units=tuple(units.values()))


def _reference(plans: list[Plan], source: Path, folder: Path) -> float:
    """Return how long ffmpeg takes, told what a person would tell it who wants the same renditions."""
    plan = plans[-1]
    places = range(len(plan.renditions))
    labels = "".join(f"[in{place}]" for place in places)
    scaled = ";".join(
        f"[in{place}]scale={one.width}:{one.height},format=yuv420p[v{place}]"
        for place, one in enumerate(plan.renditions)
    )
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    argv += ["-filter_complex", f"[0:v]split={len(places)}{labels};{scaled}"]
    for place, one in enumerate(plan.renditions):
        gop = str(plan.grid_of(one).gop)
        argv += [
            *("-map", f"[v{place}]", "-an", "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high"),
            *("-b:v", str(one.rate_bps), "-maxrate", str(one.peak_bps), "-bufsize", str(one.buffer_bits)),
            *("-g", gop, "-keyint_min", gop, "-sc_threshold", "0", "-bf", "2"),
            *("-movflags", "+cmaf", "-f", "mp4", str(folder / f"bare-{place}.mp4")),
        ]
    if plan.audio is not None:
        argv += ["-map", "0:a", "-vn", "-c:a", "aac", "-b:a", str(plan.audio.rate_bps)]
        argv += ["-movflags", "+cmaf", "-f", "mp4", str(folder / "bare-audio.mp4")]
    began = time.perf_counter()
    subprocess.run(argv, check=True, timeout=world.PATIENCE_S)
    return time.perf_counter() - began

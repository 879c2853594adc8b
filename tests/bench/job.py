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
from rugbytx.core.job import Job, Status
from rugbytx.core.result import plan_of
from rugbytx.core.unit import Kind, Unit
from rugbytx.system import Connection
from tests.bench import footage, turn, world
from tests.bench.figure import Figure, Result, ratios
from tests.bench.turn import Scale

#: What both encode in: renditions of the profile ``bench``, whose source is the larger one.
SIZES = ((640, 360), (384, 216))


@dataclass(frozen=True, kw_only=True)
class Run:
    """How long a job took from its submission, and its units."""

    wall_s: float
    job: Job
    units: Sequence[Unit]


def measure(folder: Path, scale: Scale) -> Result:
    """Submit a long and a short film again and again, and have ffmpeg make the same."""
    lengths = {"5 min": scale.of(300, 4), "30 s": scale.of(30, 2)}
    rounds = {"5 min": scale.of(3, 1), "30 s": scale.of(5, 1)}
    figures: list[Figure] = []
    details: dict[str, Any] = {}
    with world.system(folder, {}) as local:
        connection = systems.connect(local.settings)
        local.start_worker()
        for number, (name, length_s) in enumerate(lengths.items()):
            source = footage.film(folder, length_s, size="640x360" if scale is Scale.FULL else "320x180")
            pairs = turn.in_turn(
                partial(_ours, connection, source),
                partial(_reference, source, folder),
                rounds=rounds[name],
                warm=scale is Scale.FULL and name == "30 s",
            )
            walls = [(mine.wall_s, bare_s) for mine, bare_s in pairs]
            goal = 1.15 if number == 0 else None
            figures.append(Figure(name=f"wall, {name}", ratios=ratios(walls), goal=goal))
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
    measured = {unit.key: unit.measured for unit in run.units}
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


def _ours(connection: Connection, source: Path) -> Run:
    """Submit, wait for the end; the film's bytes go into the bucket the first time only."""
    request = intake.Request(source=str(source), profile="bench", force=True)
    began = time.perf_counter()
    job = world.ended(connection, intake.accept(request, connection).job.id)
    wall_s = time.perf_counter() - began
    if job.status is not Status.SUCCEEDED:
        raise RuntimeError(f"the job {job.status}: {job.reason}")
    units = connection.store.read_units(job.id, job.generation)
    if plan_of(units) is None:
        raise RuntimeError("the job has no plan")
    return Run(wall_s=wall_s, job=job, units=tuple(units.values()))


def _reference(source: Path, folder: Path) -> float:
    """Return how long ffmpeg takes, told what a person would tell it who wants the same files."""
    gop = 2 * footage.RATE
    labels = "".join(f"[in{number}]" for number in range(len(SIZES)))
    scaled = ";".join(
        f"[in{number}]scale={width}:{height},format=yuv420p[v{number}]"
        for number, (width, height) in enumerate(SIZES)
    )
    argv = ["ffmpeg", "-nostdin", "-loglevel", "error", "-y", "-i", str(source)]
    argv += ["-filter_complex", f"[0:v]split={len(SIZES)}{labels};{scaled}"]
    rates = ((600, 660, 1200), (300, 330, 600))
    for number, (rate, peak, buffer) in enumerate(rates):
        argv += [
            *("-map", f"[v{number}]", "-an", "-c:v", "libx264", "-preset", "veryfast", "-profile:v", "high"),
            *("-b:v", f"{rate}k", "-maxrate", f"{peak}k", "-bufsize", f"{buffer}k"),
            *("-g", str(gop), "-keyint_min", str(gop), "-sc_threshold", "0", "-bf", "2"),
            *("-movflags", "+cmaf", "-f", "mp4", str(folder / f"bare-{number}.mp4")),
        ]
    argv += ["-map", "0:a", "-vn", "-c:a", "aac", "-b:a", "96k", "-movflags", "+cmaf", "-f", "mp4"]
    argv += [str(folder / "bare-audio.mp4")]
    began = time.perf_counter()
    subprocess.run(argv, check=True, timeout=world.PATIENCE_S)
    return time.perf_counter() - began

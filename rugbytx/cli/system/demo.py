"""`rugbytx demo`: one video through a whole system of its own, and proof that it plays."""

import shlex
import shutil
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from rugbytx.cli.shared import duration
from rugbytx.cli.shared.exit import Code
from rugbytx.cli.shared.output import complain, console, remark
from rugbytx.errors import RugbytxError, SettingsError, TranscodeError

if TYPE_CHECKING:
    from rich.table import Table

    from rugbytx.core.job.job import Job
    from rugbytx.core.output.result import Manifest
    from rugbytx.core.plan.plan import Plan
    from rugbytx.local.system import LocalSystem
    from rugbytx.system import Connection

#: Footage that may lie beside the project's folder.
FOOTAGE = Path(__file__).parents[4] / "shared" / "media" / "big-buck-bunny-480p-30s.mp4"
SAMPLE_S = 12
#: Short, so that a clip is several units, of which each shows on the way.
CHUNK_S = 10.0


def demo(
    video: Annotated[
        Path | None,
        typer.Argument(
            metavar="VIDEO",
            exists=True,
            dir_okay=False,
            help="A video file; without one the demo has its own.",
        ),
    ] = None,
    *,
    profile: Annotated[
        str, typer.Option(help="What to make: match, clip, or a profile of your own.")
    ] = "match",
    chunk: Annotated[
        float | None,
        typer.Option(
            parser=duration.option,
            metavar="DURATION",
            help="Cut into chunks of about this length.",
            show_default=f"{CHUNK_S:g}s",
        ),
    ] = None,
    out: Annotated[
        Path, typer.Option(help="The results go into a folder of the video's name in here.")
    ] = Path("rugbytx-demo"),
) -> None:
    """Transcode one video on a system of its own, play the result to its last frame, and end the system.

    Exit status: 0 if everything that was made passed every check, 1 if not, 130 after Ctrl-C.
    """
    from rugbytx import system
    from rugbytx.local.system import LocalSystem, ended_by_signals

    chosen = video or (FOOTAGE if FOOTAGE.exists() else None)
    try:
        folder = _prepare(out / (chosen.stem if chosen else "sample"))
        with ended_by_signals(), LocalSystem() as local:
            remark(f"a system of the demo's own is up at {local.endpoint_url} (state in memory)")
            chosen = chosen or _make_sample(local)
            began = time.monotonic()
            connection = system.connect(local.settings)
            job = _transcode(chosen, local, connection, profile=profile, chunk_s=chunk or CHUNK_S)
            elapsed_s = time.monotonic() - began
            plan, manifest = _bring(job, connection, folder)
            _print_summary(job, plan, manifest, folder=folder, elapsed_s=elapsed_s)
    except RugbytxError as error:
        complain(f"the demo failed: {error}")
        raise typer.Exit(1) from error
    except KeyboardInterrupt:
        complain("the demo was broken off; everything it started has been ended")
        raise typer.Exit(Code.INTERRUPTED) from None


def _transcode(
    video: Path, local: "LocalSystem", connection: "Connection", *, profile: str, chunk_s: float
) -> "Job":
    """Submit the video and show the job until it has ended; raises TranscodeError unless it succeeded."""
    from rugbytx import intake
    from rugbytx.cli.shared.progress import follow
    from rugbytx.core.job.job import Status

    def pause(pause_s: float) -> None:
        time.sleep(pause_s)
        for sentence in local.replace_dead():
            remark(sentence)

    request = intake.Request(source=str(video), profile=profile, chunk_s=chunk_s)
    job = intake.accept(request, connection).job
    typer.echo(f"{video} is job {job.id}, profile {job.profile.name}")
    job = follow(connection.store, [job.id], console=console(), pause=pause)[job.id]
    if job.status is not Status.SUCCEEDED:
        for worker in local.workers:
            typer.echo(f"The log of worker {worker.name} ends:\n{worker.log_tail()}", err=True)
        raise TranscodeError(f"job {job.id} is {job.status}: {job.reason}")
    return job


def _bring(job: "Job", connection: "Connection", folder: Path) -> "tuple[Plan, Manifest]":
    """Copy the outputs here and check them; raises VerificationError for the first that is wrong."""
    from rugbytx.core.lease.unit import PLAN
    from rugbytx.core.output import object_keys
    from rugbytx.core.plan.plan import Plan
    from rugbytx.local import playback

    outputs = job.outputs
    if outputs is None:
        raise TranscodeError(f"job {job.id} is {job.status} without outputs")
    plan = connection.store.units.read(job.id, job.generation)[PLAN].result_as(Plan)
    settings = connection.settings
    manifest = playback.fetch(connection.storage, settings.output_bucket, job, outputs, folder)
    master = folder / object_keys.relative(outputs.master_key, job.id, job.generation)
    playback.check_hls(master, plan, ffprobe=settings.ffprobe)
    if job.profile.mp4:
        mp4 = folder / object_keys.relative(outputs.mp4_key, job.id, job.generation)
        playback.check_mp4(mp4, plan, ffprobe=settings.ffprobe)
    return plan, manifest


def _print_summary(job: "Job", plan: "Plan", manifest: "Manifest", *, folder: Path, elapsed_s: float) -> None:
    """Print what was made, what it took, and how to play it."""
    from rugbytx.core.output import object_keys

    duration_s = float(plan.grid.duration_s)
    console().print(_table(job, plan, manifest))
    master = folder / object_keys.relative(manifest.master_key, job.id, job.generation)
    typer.echo(
        f"{duration_s:.1f} s of video took {elapsed_s:.1f} s: {duration_s / elapsed_s:.2f} x realtime.\n"
        f"Every check passed: sizes and SHA-256 of {len(manifest.entries)} files, "
        f"{plan.grid.frames} frames of {len(plan.renditions)} renditions decoded without an error, "
        f"{'with sound' if plan.audio else 'without sound, like the source'}.\n\n"
        f"Play it in a browser:\n  {_command()} play {shlex.quote(str(folder))}\n"
        f"or without one:\n  ffplay {shlex.quote(str(master))}"
    )


def _command() -> str:
    """Return how this program can be called again: by its name, where that is on PATH."""
    return "rugbytx" if shutil.which("rugbytx") else shlex.quote(sys.argv[0])


def _table(job: "Job", plan: "Plan", manifest: "Manifest") -> "Table":
    """Return a row for each rendition, for the sound and for the MP4."""
    from rich.table import Table

    from rugbytx.core.output import object_keys

    sizes: Counter[str] = Counter()
    for entry in manifest.entries:
        path = Path(object_keys.relative(entry.key, job.id, job.generation))
        sizes[path.parts[0] if len(path.parts) > 1 else path.suffix] += entry.size_bytes
    duration_s, frames = float(plan.grid.duration_s), str(plan.grid.frames)
    rows = [
        (rendition.name, f"{rendition.width}x{rendition.height}", frames, sizes[rendition.name])
        for rendition in plan.renditions
    ]
    if plan.audio:
        rows.append(("audio", f"{plan.audio.sample_rate / 1000:g} kHz", "", sizes["audio"]))
    if plan.mp4:
        top = plan.renditions[0]
        rows.append(("MP4", f"{top.width}x{top.height}", frames, sizes[".mp4"]))

    table = Table("rendition", "size")
    for heading in ("frames", "duration", "bytes", "Mbit/s"):
        table.add_column(heading, justify="right")
    for name, size, count, size_bytes in rows:
        rate = f"{size_bytes * 8 / duration_s / 1e6:.2f}"
        table.add_row(name, size, count, f"{duration_s:.2f} s", f"{size_bytes:,}", rate)
    return table


def _prepare(folder: Path) -> Path:
    """Return an empty folder for the results: of a former demo exactly its own files are removed."""
    from rugbytx.local import playback

    try:
        folder.mkdir(parents=True, exist_ok=True)
        playback.remove(folder)
        if any(folder.iterdir()):
            raise SettingsError(
                f"{folder} is not empty and not of a former demo; name another place with --out"
            )
    except OSError as error:
        raise SettingsError(f"{folder} cannot be written: {error.strerror}") from error
    return folder


def _make_sample(local: "LocalSystem") -> Path:
    """Make a video with a running counter and a tone."""
    path = local.folder / "sample.mp4"
    argv = [
        *(local.settings.ffmpeg, "-v", "error", "-nostdin"),
        *("-f", "lavfi", "-i", f"testsrc2=size=1280x720:rate=25:duration={SAMPLE_S}"),
        *("-f", "lavfi", "-i", f"sine=frequency=440:duration={SAMPLE_S}"),
        *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac", str(path)),
    ]
    try:
        subprocess.run(argv, check=True, capture_output=True, timeout=60)
    except (OSError, subprocess.SubprocessError) as error:
        raise TranscodeError(f"ffmpeg could not make a sample video: {error}") from error
    return path

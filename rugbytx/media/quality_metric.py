"""Compare a published window with the source, frame by frame.

The source goes through the very filters that cut and scale a chunk, so that
both sides lie on one grid.  The frames are paired by number: the metrics pair
by timestamp, and unlike timebases once gave a film 22 dB against itself.

::

    source ─ the chunk's own filters ─┬──────────── metric ─► a line for each frame
    made ──── trim ───────────────────┼─┬──────────┘
                                      └─┴─ shrink ─ stack ──► small grey pictures, made above source
"""

import json
import re
from pathlib import Path

from rugbytx.core.lease.result import Metric
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan
from rugbytx.core.verify.frame_pairing import HEIGHT, WIDTH, Pair
from rugbytx.core.verify.sampled_quality import Scores
from rugbytx.errors import TranscodeError, VerificationError
from rugbytx.media import version
from rugbytx.media.encode import command_line, filter_graph
from rugbytx.media.process import child, diagnosis
from rugbytx.media.process.messages import PLAIN
from rugbytx.media.process.resource_limits import Limits
from rugbytx.ports import Pulse

#: A window is seconds long; its preroll and its decoding take a minute on the slowest host.
_LIMITS = Limits(file_bytes=16 << 20)
_SHRINK = f"scale={WIDTH}:{HEIGHT}:flags=area,format=gray"
_PICTURE_BYTES = WIDTH * HEIGHT
#: Both sides get the same clock: frame ``N`` at ``N`` hundredths of a second.
_BY_NUMBER = "settb=1/1000,setpts=N*10"
#: Neither side's last frame stands in for those that it lacks.
_TOGETHER = "shortest=1:repeatlast=0"
_FILTERS = {
    Metric.SSIM: f"ssim=stats_file=-:{_TOGETHER}",
    Metric.VMAF: f"libvmaf=log_fmt=json:log_path=/dev/stdout:{_TOGETHER}",
}
_SSIM_LINE = re.compile(r"^n:\d+ .*\bAll:([0-9.]+|inf|nan)\b", re.MULTILINE)


def compare(  # noqa: PLR0913  what, of what, against what, and with what
    plan: Plan, frames: range, source: Path, made: Path, *, first: int, pulse: Pulse, ffmpeg: str = "ffmpeg"
) -> Scores:
    """Return a score for each of ``frames`` of the first rendition.

    ``made`` is a track file that begins with frame ``first``; small pictures
    are written beside it.  Raises VerificationError where it does not hold the
    frames, and what ffmpeg's complaints mean.
    """
    metric, pictures = metric_of(ffmpeg), made.with_suffix(".gray")
    said = bytearray()

    def take(data: bytes) -> None:
        said.extend(data)
        pulse.advance(count=len(said))

    wanted = argv(plan, frames, source, made, pictures, first=first, metric=metric, ffmpeg=ffmpeg)
    ended = child.run(wanted, pulse=pulse, on_stdout=take, limits=_LIMITS)
    if ended.code:
        raise diagnosis.ending(ended, table=PLAIN).error
    values = parse(said.decode(errors="replace"), metric)
    if len(values) != len(frames):
        raise VerificationError(f"{len(values)} of {len(frames)} frames could be compared with the source")
    return Scores(metric=metric, values=values, pairs=pairs_of(pictures.read_bytes()))


def argv(  # noqa: PLR0913  what, from where, against what, how and with what
    plan: Plan,
    frames: range,
    source: Path,
    made: Path,
    pictures: Path,
    *,
    first: int,
    metric: Metric,
    ffmpeg: str = "ffmpeg",
) -> list[str]:
    """Return the command that compares; the scores go to its standard output, small pictures into a file."""
    window, index = window_of(plan, frames)
    start, stop = frames.start - first, frames.stop - first
    filters = ";".join(
        (
            filter_graph.graph(window, index, Recipe.X264),
            f"[v0]{_BY_NUMBER},split[source][large]",
            f"[1:v:0]trim=start_frame={start}:end_frame={stop},{_BY_NUMBER},format=yuv420p,split[made][own]",
            f"[made][source]{_FILTERS[metric]}[out]",
            f"[own]{_SHRINK}[upper]",
            f"[large]{_SHRINK}[lower]",
            "[upper][lower]vstack=shortest=1[pictures]",
        )
    )
    return [
        *(ffmpeg, "-nostdin", "-hide_banner", "-nostats", "-loglevel", "level+warning", "-y"),
        *(*command_line.read(window, index, source), "-i", f"file:{made.absolute()}"),
        *("-filter_complex", filters, "-map", "[out]", "-an", "-f", "null", "-"),
        *("-map", "[pictures]", "-fps_mode", "passthrough", "-f", "rawvideo", f"file:{pictures.absolute()}"),
    ]


def pairs_of(pictures: bytes) -> tuple[Pair, ...]:
    """Return the small pictures of each frame: in each stack the made one stands above the source's."""
    stacks = range(0, len(pictures), 2 * _PICTURE_BYTES)
    middles = ((at, at + _PICTURE_BYTES, at + 2 * _PICTURE_BYTES) for at in stacks)
    return tuple(Pair(pictures[at:middle], pictures[middle:end]) for at, middle, end in middles)


def window_of(plan: Plan, frames: range) -> tuple[Plan, int]:
    """Return a plan of the first rendition that has these frames as a chunk of its own, and that chunk's number."""
    before = {"chunk": frames.start, "chunks": 2} if frames.start else {"chunk": frames.stop, "chunks": 1}
    grid = plan.grid.model_copy(update={**before, "frames": frames.stop})
    alone = {"grid": grid, "renditions": plan.renditions[:1], "stills": None}
    return plan.model_copy(update=alone), before["chunks"] - 1


def parse(said: str, metric: Metric) -> tuple[float, ...]:
    r"""Return the scores that ffmpeg wrote, frame by frame.

    >>> parse("n:1 Y:0.990 U:0.992 V:0.991 All:0.991 (20.4)\nn:2 Y:1.0 U:1.0 V:1.0 All:1.0 (inf)\n", Metric.SSIM)
    (0.991, 1.0)
    >>> parse('{"frames": [{"frameNum": 0, "metrics": {"vmaf": 95.5}}]}', Metric.VMAF)
    (95.5,)
    """
    if metric is Metric.SSIM:
        return tuple(float(found) for found in _SSIM_LINE.findall(said))
    try:
        return tuple(float(frame["metrics"]["vmaf"]) for frame in json.loads(said)["frames"])
    except (ValueError, KeyError, TypeError) as error:
        raise TranscodeError("ffmpeg's VMAF filter wrote something that is no log of its own") from error


def metric_of(ffmpeg: str) -> Metric:
    """Return the best metric that this ffmpeg has; raises HostUnfit."""
    return Metric.VMAF if "libvmaf" in version.filters(ffmpeg) else Metric.SSIM

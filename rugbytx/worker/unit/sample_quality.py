"""Looking at what was published: windows of the first rendition against the source.

It never changes what becomes of the job, which has ended by now.
"""

import logging
import time
from pathlib import Path

from rugbytx.core.hls.media_playlist import files_of
from rugbytx.core.lease.result import Quality
from rugbytx.core.lease.unit import Kind, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import tracks_of
from rugbytx.core.plan.plan import Plan
from rugbytx.core.verify import sample_windows, sampled_quality
from rugbytx.core.verify.sample_windows import Window
from rugbytx.core.verify.sampled_quality import Scores
from rugbytx.worker.unit.workspace import Bench, unit_folder

log = logging.getLogger(__name__)


def check(bench: Bench, plan: Plan) -> Quality:
    """Compare windows until the time for it is spent, and write down what they came to; at least one is compared."""
    ends_at = time.monotonic() + bench.check_s
    chunks = [tracks_of(bench.units[UnitKey(Kind.VIDEO, index)]) for index in range(plan.grid.chunks)]
    windows = sample_windows.windows(plan, chunks, seed=bench.job.id)
    bench.pulse.step("check")
    looked: list[tuple[Window, Scores]] = []
    for window in windows:
        if looked and time.monotonic() > ends_at:
            break
        made, first = _fetch(bench, plan, window)
        scores = bench.ports.media.compare(
            plan, window.frames, bench.scratch / "source", made, first=first, pulse=bench.pulse
        )
        looked.append((window, scores))
    quality = sampled_quality.judge(
        plan,
        looked,
        job_id=bench.job.id,
        generation=bench.job.generation,
        left_out=len(windows) - len(looked),
    )
    _publish(bench, quality)
    return quality


def _fetch(bench: Bench, plan: Plan, window: Window) -> tuple[Path, int]:
    """Bring the segments that hold a window here, as one file; return it, and the frame it begins with."""
    chunks = (tracks_of(bench.units[UnitKey(Kind.VIDEO, index)]) for index in range(plan.grid.chunks))
    files = files_of(chunks, plan.renditions[0].name)
    first, parts = sample_windows.parts(plan, files, window.frames)
    path = unit_folder(bench) / "window.mp4"
    with path.open("wb") as made:
        for part in parts:
            body = bench.ports.storage.get(bench.output_bucket, part.key, span=part.span)
            made.write(body)
            bench.account.read(len(body), bench.pulse)
    return path, first


def _publish(bench: Bench, quality: Quality) -> None:
    """Write the result beside the outputs, and raise the alarm where it is bad."""
    key = object_keys.file_key(bench.lease, "quality", "json")
    body = quality.model_dump_json(indent=1).encode()
    bench.ports.storage.put(body, bench.output_bucket, key, content_type=object_keys.JSON_TYPE)
    bench.account.wrote(len(body), bench.pulse)
    fields = {
        "job_id": bench.job.id,
        "metric": quality.metric,
        "mean": quality.mean,
        "worst": quality.worst,
        "worst_at_s": quality.worst_at_s,
    }
    log.info("quality", extra=fields)
    for sentence in quality.alarms:
        log.warning("quality-alarm", extra={**fields, "reason": sentence})

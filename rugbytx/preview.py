"""What would be done with a source, and what that would take: the plan without the job.

::

    local file ── ffprobe ──────────────────────────────┐
                                                        ├─► planning.decide ─► explain, forecast, footprint
    s3://bucket/key ── presigned URL ── ffprobe, ranges ┘

Nothing is written, uploaded or downloaded whole, and for a local file nothing
but this host is asked.
"""

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from rugbytx import prices, profiles
from rugbytx import source as sources
from rugbytx.aws.s3.transfer import PART_BYTES
from rugbytx.core.cost import forecast, quote, storage_footprint
from rugbytx.core.cost.forecast import Forecast, Observations
from rugbytx.core.cost.quote import Quote
from rugbytx.core.cost.storage_footprint import Footprint
from rugbytx.core.fleet.worker_class import HOSTS
from rugbytx.core.job.job import Source, Status
from rugbytx.core.job.profile import Profile
from rugbytx.core.lease.unit import Unit
from rugbytx.core.output.result import plan_of
from rugbytx.core.plan import explanation, planner
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.explanation import Choice
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.errors import Unreachable
from rugbytx.media.encode import filter_graph
from rugbytx.media.process.pulse import TimeOut
from rugbytx.media.source import probe
from rugbytx.ports.store import Store
from rugbytx.settings import Settings
from rugbytx.system import Connection

#: A probe from afar reads a few megabytes; its URL is worthless soon after.
PROBE_S = 120
#: So many jobs that were finished last are asked for their speed.
JOBS = 5


@dataclass(frozen=True, kw_only=True)
class Wish:
    """What is to be planned."""

    #: ``s3://bucket/key`` or the path of a local file.
    source: str
    profile: str = "match"
    #: Seconds of video in a chunk; None for the planner's default.
    chunk_s: float | None = None


@dataclass(frozen=True, kw_only=True)
class Preview:
    """A plan, the reason of each choice, and what it would take."""

    source: str
    profile: Profile
    plan: Plan
    choices: tuple[Choice, ...]
    #: One for each worker class.
    forecasts: tuple[Forecast, ...]
    #: What they would cost, by the built-in prices.
    quotes: tuple[Quote, ...]
    footprint: Footprint
    #: What the reader should know of how this came about, a sentence each.
    remarks: tuple[str, ...] = ()


def of_file(wish: Wish, settings: Settings) -> Preview:
    """Return what would become of a local file.

    Raises JobRejected for a bad source or profile, SettingsError, HostUnfit or TranscodeError.
    """
    profile = profiles.load(wish.profile, settings.profiles)
    path = Path(wish.source)
    size_bytes = sources.status(path).st_size
    media = probe.read(path, pulse=_patience(wish.source), ffprobe=settings.ffprobe)
    # Where it would lie and under which ETag is known once it has been uploaded.
    source = Source(bucket=settings.source_buckets[0], key=path.name, etag="", size_bytes=size_bytes)
    return _preview(wish, profile, media, source)


def of_object(wish: Wish, system: Connection) -> Preview:
    """Return what would become of an object in S3, in the light of what the system has finished.

    Raises as ``of_file`` does, SourceForbidden, SourceMissing and Unreachable.
    """
    settings = system.settings
    profile = profiles.load(wish.profile, settings.profiles)
    source = sources.find(wish.source, system.storage, settings.source_buckets)
    media = probe.read_afar(
        system.storage.address(source, lasts_s=PROBE_S),
        size_bytes=source.size_bytes,
        pulse=_patience(wish.source, PROBE_S),
        ffprobe=settings.ffprobe,
    )
    try:
        observed = forecast.observe(_finished(system.store))
    except Unreachable as error:
        return _preview(wish, profile, media, source, remarks=(f"no speed was measured: {error}",))
    return _preview(wish, profile, media, source, observed=observed)


def _preview(
    wish: Wish,
    profile: Profile,
    media: MediaInfo,
    source: Source,
    *,
    observed: Observations | None = None,
    remarks: tuple[str, ...] = (),
) -> Preview:
    plan = planner.decide(media, source, profile, chunk_s=wish.chunk_s)
    is_bt709 = filter_graph.is_bt709(media.video)
    forecasts = tuple(forecast.decide(plan, one, is_bt709=is_bt709, observed=observed) for one in HOSTS)
    graphs = [filter_graph.graph(plan, 0, recipe) for recipe in _recipes(forecasts)]
    choices = explanation.choices(plan, profile, chunk_s=wish.chunk_s, graphs=graphs, is_bt709=is_bt709)
    return Preview(
        source=wish.source,
        profile=profile,
        plan=plan,
        choices=choices,
        forecasts=forecasts,
        quotes=tuple(quote.quotes(quote.of_plan(forecasts), prices.built_in(), size_bytes=source.size_bytes)),
        footprint=storage_footprint.decide(plan, part_bytes=PART_BYTES),
        remarks=remarks,
    )


def _recipes(forecasts: Sequence[Forecast]) -> list[Recipe]:
    """Return the ways that chunks may begin with, each once."""
    return list(dict.fromkeys(one.way.recipe for one in forecasts))


def _finished(store: Store) -> Iterator[tuple[Plan, Sequence[Unit]]]:
    """Yield plan and units of the jobs that were finished last; units are forgotten after a while."""
    for job in store.jobs.list(status=Status.SUCCEEDED, limit=JOBS):
        units = store.units.show(job.id, job.generation)
        if plan := plan_of(units):
            yield plan, list(units.values())


def _patience(of: str, timeout_s: float = math.inf) -> TimeOut:
    """Return a pulse for a probe that nobody waits for but its user, who may interrupt it."""
    error = Unreachable(f"{of} could not be looked at within {timeout_s:g} s")
    return TimeOut(timeout_s=timeout_s, error=error)

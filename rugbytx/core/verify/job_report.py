"""What a published job's ``report-f<fence>.json`` says: what was made, by whom, and what proves it.

It is written by the unit that publishes, named in the manifest and never
changed, so publishing itself and the samples that are compared afterwards are
not in it.  Outputs may be public, so it names no bucket, no key of a source and
no host.  Every key of the JSON is a field here; later versions may add some.
"""

from collections.abc import Iterator, Mapping, Sequence
from fractions import Fraction

from rugbytx.core.fleet.presence import SaidClass
from rugbytx.core.hls import media_playlist
from rugbytx.core.job.job import Job
from rugbytx.core.lease.result import TrackFile, TracksResult
from rugbytx.core.lease.unit import AUDIO, MP4, Kind, Unit, UnitKey
from rugbytx.core.output.result import tracks_of
from rugbytx.core.plan.plan import BASE_OFFSET_S, AudioPlan, Grid, Plan, Rendition
from rugbytx.core.record import Record, Versioned
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.core.verify.before_publish import PublishCheck

#: Above this a player's buffer runs dry on a line that the average fits (Apple's HLS authoring specification, 1.30).
PEAK_OVER_AVERAGE = 2
#: Segments may be so much longer than the target duration (7.7 there).
OVER_TARGET_S = Fraction(1, 2)
#: A rate this much above the planned average is not what was asked for.
OVER_PLAN = Fraction(11, 10)


class SourceFacts(Record):
    """The source, as far as it may be told."""

    size_bytes: int
    etag: str
    media: MediaInfo


class UnitFacts(Record):
    """One unit's last attempt, and how many came before it."""

    #: ``PLAN``, ``AUDIO``, ``VIDEO#00003``, ...
    unit: str
    worker_class: SaidClass
    #: The recipe, which is the encoder's family and its way, e.g. ``nvenc/B``; ``aac`` for sound, and
    #: empty where nothing was encoded.
    encoder: str
    #: The program that encoded, e.g. ``5.1.9``.
    ffmpeg: str
    #: The GPU that encoded, and what its driver says of its version; empty where none did.
    gpu: str = ""
    driver: str = ""
    fingerprint: str
    #: Claims, failed attempts and attempts that fell silent.
    fence: int
    verdicts: int
    deaths: int
    #: The time from the job's submission to the beginning of this attempt.
    wait_s: float
    elapsed_s: float
    #: Seconds of the encoder alone.
    encode_s: float
    bytes_read: int
    bytes_written: int
    frames: int


class ChunkFacts(Record):
    """What the checks saw of one file of a track; as it passed them, each figure is what the plan asks for."""

    size_bytes: int
    codec: str
    #: E.g. ``1280x720``; empty for audio.
    picture: str
    samples: int
    keyframes: int
    #: When the first and the last sample are shown, from the beginning of the film.
    first_s: float
    last_s: float


class TrackFacts(Record):
    """One rendition, or the audio."""

    #: The rendition's name, or ``audio``.
    name: str
    #: RFC 6381; several where encoders differ.
    codecs: tuple[str, ...]
    files: int
    size_bytes: int
    #: Frames of the video, or AAC frames.
    samples: int
    keyframes: int
    segments: int
    longest_segment_s: float
    #: The rate that the encoder was asked for.
    planned_average_bps: int
    planned_peak_bps: int
    #: What the segments came to (RFC 8216, 4.1).
    measured_average_bps: int
    measured_peak_bps: int
    #: The chunks in the order of the film; the audio is a single one.
    chunks: tuple[ChunkFacts, ...] = ()


class SoundOffset(Record):
    """How the sound lies to the picture.  A positive figure is later than the picture's."""

    #: The first sample against the first frame: the encoder's priming, so a little below zero.
    begins_s: float
    #: The last sample against the last frame's end.
    ends_s: float


class JobReport(Versioned):
    """The whole report."""

    job_id: str
    generation: int
    profile: str
    source: SourceFacts
    grid: Grid
    renditions: tuple[Rendition, ...]
    audio: AudioPlan | None
    mp4: bool
    #: Why the plan is what it is, a sentence each.
    notes: tuple[str, ...]
    duration_s: float
    #: The units in the order of the work: the plan, the audio, the chunks, the MP4.
    units: tuple[UnitFacts, ...]
    tracks: tuple[TrackFacts, ...]
    sound_offset: SoundOffset | None
    #: Where neighbouring chunks are of unlike encoders, in seconds.
    splices_s: tuple[float, ...]
    bytes_read: int
    bytes_written: int
    #: How often the source was read.
    source_reads: float
    #: The checks before publishing, each with the figure that it saw; what those of the chunks saw stands at the tracks.
    gates: tuple[PublishCheck, ...]
    #: Things that are no fault and yet worth knowing, a sentence each.
    warnings: tuple[str, ...]


def build(
    job: Job,
    plan: Plan,
    units: Mapping[UnitKey, Unit],
    *,
    gates: Sequence[PublishCheck],
    warnings: Sequence[str],
    target_s: int,
) -> JobReport:
    """Return the report on a job whose units, up to publishing, are done and whose checks were passed.

    ``warnings`` are what is known of the source.
    """
    chunks = [tracks_of(units[UnitKey(Kind.VIDEO, index)]) for index in range(plan.grid.chunks)]
    audio = tracks_of(units[AUDIO]).files[0] if plan.audio else None
    tracks = tuple(_tracks(plan, chunks, audio, target_s=target_s))
    splices_s = tuple(map(float, media_playlist.splices(plan.grid, [chunk.fingerprint for chunk in chunks])))
    facts = tuple(
        _unit(job, units[key]) for key in sorted(units) if key.kind not in {Kind.PUBLISH, Kind.CHECK}
    )
    # The MP4 is made from what was uploaded before; every other unit reads the source alone.
    source_bytes = sum(unit.bytes_read for unit in facts if unit.unit != str(MP4))
    return JobReport(
        job_id=job.id,
        generation=job.generation,
        profile=job.profile.name,
        source=SourceFacts(size_bytes=plan.source.size_bytes, etag=plan.source.etag, media=plan.media),
        grid=plan.grid,
        renditions=plan.renditions,
        audio=plan.audio,
        mp4=plan.mp4,
        notes=plan.notes,
        duration_s=float(plan.grid.duration_s),
        units=facts,
        tracks=tracks,
        sound_offset=_sound_offset(plan.grid, audio) if audio else None,
        splices_s=splices_s,
        bytes_read=sum(unit.bytes_read for unit in facts),
        bytes_written=sum(unit.bytes_written for unit in facts),
        source_reads=round(source_bytes / max(1, plan.source.size_bytes), 3),
        gates=tuple(gates),
        warnings=(*warnings, *_warnings(tracks, facts, splices_s, target_s=target_s)),
    )


def _unit(job: Job, unit: Unit) -> UnitFacts:
    cost = unit.measured
    return UnitFacts(
        unit=str(unit.key),
        worker_class=cost.worker_class,
        encoder=cost.encoder,
        ffmpeg=cost.ffmpeg,
        gpu=cost.gpu,
        driver=cost.driver,
        fingerprint=cost.fingerprint,
        fence=unit.fence,
        verdicts=unit.verdicts,
        deaths=unit.deaths,
        # A unit that was taken over from a former generation is older than this one.
        wait_s=round(max(0.0, cost.started_at - job.submitted_at), 3),
        elapsed_s=round(cost.elapsed_s, 3),
        encode_s=round(cost.encode_s, 3),
        bytes_read=cost.bytes_read,
        bytes_written=cost.bytes_written,
        frames=cost.frames,
    )


def _tracks(
    plan: Plan, chunks: Sequence[TracksResult], audio: TrackFile | None, *, target_s: int
) -> Iterator[TrackFacts]:
    for rendition in plan.renditions:
        files = media_playlist.files_of(chunks, rendition.name)
        yield _track(files, rendition.rate_bps, rendition.peak_bps, target_s=target_s)
    if audio and plan.audio:
        yield _track([audio], plan.audio.rate_bps, plan.audio.rate_bps, target_s=target_s)


def _track(files: Sequence[TrackFile], rate_bps: int, peak_bps: int, *, target_s: int) -> TrackFacts:
    measured = media_playlist.measure(files, target_s=target_s)
    longest_s = max(Fraction(segment.duration, file.timescale) for file in files for segment in file.segments)
    return TrackFacts(
        name=files[0].rendition,
        codecs=tuple(sorted({file.codec for file in files})),
        files=len(files),
        size_bytes=sum(file.size_bytes for file in files),
        samples=sum(file.samples for file in files),
        keyframes=sum(file.keyframes for file in files),
        segments=sum(len(file.segments) for file in files),
        longest_segment_s=round(float(longest_s), 6),
        planned_average_bps=rate_bps,
        planned_peak_bps=peak_bps,
        measured_average_bps=measured.average_bps,
        measured_peak_bps=measured.peak_bps,
        chunks=tuple(map(_chunk, files)),
    )


def _chunk(file: TrackFile) -> ChunkFacts:
    return ChunkFacts(
        size_bytes=file.size_bytes,
        codec=file.codec,
        picture=f"{file.width}x{file.height}" if file.width else "",
        samples=file.samples,
        keyframes=file.keyframes,
        first_s=_film_s(file, file.first_shown),
        last_s=_film_s(file, file.last_shown),
    )


def _film_s(file: TrackFile, ticks: int) -> float:
    return round(float(Fraction(ticks, file.timescale) - BASE_OFFSET_S), 6)


def _sound_offset(grid: Grid, file: TrackFile) -> SoundOffset:
    begins_s = Fraction(file.start, file.timescale) - BASE_OFFSET_S
    lasts_s = Fraction(sum(segment.duration for segment in file.segments), file.timescale)
    return SoundOffset(
        begins_s=round(float(begins_s), 6), ends_s=round(float(begins_s + lasts_s - grid.duration_s), 6)
    )


def _warnings(
    tracks: Sequence[TrackFacts], units: Sequence[UnitFacts], splices_s: Sequence[float], *, target_s: int
) -> Iterator[str]:
    """Yield what a person should know.

    A peak of more than twice the average breaks a rule of Apple's and is no
    fault of the encoder's: a title card before a match does it.  So it is told
    and fails nothing.
    """
    for track in tracks:
        average, peak = track.measured_average_bps, track.measured_peak_bps
        if peak > PEAK_OVER_AVERAGE * average:
            yield f"{track.name} peaks at {peak / average:.1f} times its average rate, and players expect at most 2"
        if average > OVER_PLAN * track.planned_average_bps and track.planned_average_bps:
            yield (
                f"{track.name} has {average // 1000} kbit/s on average,"
                f" and {track.planned_average_bps // 1000} were asked for"
            )
        if track.longest_segment_s > target_s + OVER_TARGET_S:
            yield f"{track.name} has a segment of {track.longest_segment_s:g} s, and the target is {target_s} s"
    for unit in units:
        if unit.verdicts or unit.deaths:
            yield f"{unit.unit} needed {unit.verdicts + unit.deaths + 1} attempts"
    if splices_s:
        places = ", ".join(f"{at:g}" for at in splices_s)
        yield f"unlike encoders meet at {places} s"

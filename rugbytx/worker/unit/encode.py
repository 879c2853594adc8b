"""The work of each kind of unit: a straight line of steps that ends in the unit's result.

Nothing here is committed and nothing here catches: the lane commits what is
returned, and decides what becomes of a unit whose work raised.
"""

import hashlib
from collections.abc import Iterator, Mapping
from fractions import Fraction
from pathlib import Path

from rugbytx.core.cmaf import track_parser
from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.lease.result import Mp4Result, Result, StillFile, TrackFile, TracksResult
from rugbytx.core.lease.unit import AUDIO, Kind, Unit, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import tracks_of
from rugbytx.core.plan import planner, thumbnails
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.verify import chunk, finding
from rugbytx.errors import VerificationError
from rugbytx.media.checksum import sha256
from rugbytx.ports.media import Encoded
from rugbytx.worker.unit import sample_quality
from rugbytx.worker.unit.publish import publish
from rugbytx.worker.unit.workspace import Bench, fetch_source, fetch_track, unit_folder, upload

#: Audio's fragments of two seconds are grouped into segments of about this length, as the video's are.
AUDIO_SEGMENT_S = Fraction(6)


def do(bench: Bench, plan: Plan | None) -> Result:  # noqa: PLR0911  one for each kind
    """Do the unit's work and return its result; without a plan there is only one thing to do."""
    if plan is None:
        return make_plan(bench)
    match bench.lease.key.kind:
        case Kind.PLAN:
            return make_plan(bench)
        case Kind.VIDEO:
            return encode_chunk(bench, plan)
        case Kind.AUDIO:
            return encode_audio(bench, plan)
        case Kind.MP4:
            return make_mp4(bench, plan)
        case Kind.PUBLISH:
            return publish(bench, plan)
        case Kind.CHECK:
            return sample_quality.check(bench, plan)


def make_plan(bench: Bench) -> Plan:
    """Probe the source and decide the plan."""
    source = fetch_source(bench)
    media = bench.ports.media.probe(source, pulse=bench.pulse)
    return planner.decide(media, bench.job.source, bench.job.profile, chunk_s=bench.job.chunk_s)


def encode_chunk(bench: Bench, plan: Plan) -> TracksResult:
    """Encode one chunk in all renditions, check every frame of it, upload it."""
    source = fetch_source(bench)
    index = bench.lease.key.index
    encoded = bench.ports.media.encode_chunk(plan, index, source, unit_folder(bench), pulse=bench.pulse)
    finding.require(chunk.check_chunk(plan, index, encoded.tracks))
    bench.account.frames = len(plan.grid.chunk_frames(index))
    names = [rendition.name for rendition in plan.renditions]
    segment_s = plan.grid.segment / plan.grid.rate
    require_pictures(plan, index, encoded.pictures)
    made = upload_tracks(bench, encoded, names, segment_s=segment_s, content_type=object_keys.MP4_TYPE)
    return made.model_copy(update={"stills": tuple(upload_pictures(bench, encoded.pictures))})


def encode_audio(bench: Bench, plan: Plan) -> TracksResult:
    """Encode the whole audio, check it, upload it."""
    if plan.audio is None:
        raise VerificationError("the plan has no audio, and yet its audio was to be encoded")
    source = fetch_source(bench)
    encoded = bench.ports.media.encode_audio(plan, source, unit_folder(bench), pulse=bench.pulse)
    finding.require(chunk.check_audio(plan, encoded.tracks[0]))
    return upload_tracks(
        bench,
        encoded,
        [object_keys.AUDIO_NAME],
        segment_s=AUDIO_SEGMENT_S,
        content_type=object_keys.AUDIO_TYPE,
    )


def make_mp4(bench: Bench, plan: Plan) -> Mp4Result:
    """Join the first rendition's chunks and the audio into a progressive MP4."""
    name = plan.renditions[0].name
    folder = unit_folder(bench)
    video = [fetch_track(bench, file, folder) for file in rendition_files(bench.units, plan, name)]
    audio = None
    if plan.audio:
        audio = fetch_track(bench, tracks_of(bench.units[AUDIO]).files[0], folder)
    path = folder / f"{name}.mp4"
    bench.ports.media.make_mp4(plan, video, audio, path, pulse=bench.pulse)
    bench.pulse.step("upload")
    key = object_keys.file_key(bench.lease, name, "mp4")
    upload(bench, path, key, object_keys.MP4_TYPE)
    return Mp4Result(key=key, size_bytes=path.stat().st_size, sha256=sha256(path))


def upload_tracks(
    bench: Bench, encoded: Encoded, names: list[str], *, segment_s: Fraction, content_type: str
) -> TracksResult:
    """Upload the track files of one unit and return what the publishing unit needs to know of them."""
    fingerprint = fingerprint_of(encoded.tracks)
    bench.account.encoder = encoded.encoder
    bench.account.encode_s = encoded.encode_s
    bench.account.ffmpeg = encoded.ffmpeg
    bench.account.gpu = encoded.gpu
    bench.account.driver = encoded.driver
    bench.account.fingerprint = fingerprint
    bench.pulse.step("upload")
    files = []
    for name, path, track in zip(names, encoded.paths, encoded.tracks, strict=True):
        first_shown, last_shown = track.shown
        key = object_keys.track_key(bench.lease, name)
        upload(bench, path, key, content_type)
        files.append(
            TrackFile(
                rendition=name,
                key=key,
                size_bytes=path.stat().st_size,
                sha256=sha256(path),
                init_bytes=track.init_bytes,
                init_sha256=track.init_sha256,
                timescale=track.timescale,
                codec=track.codec,
                width=track.width,
                height=track.height,
                first_shown=first_shown,
                last_shown=last_shown,
                start=track.fragments[0].decode_time,
                samples=sum(len(fragment.sizes) for fragment in track.fragments),
                keyframes=sum(sum(fragment.sync) for fragment in track.fragments),
                segments=track_parser.segments(track, segment_ticks=int(segment_s * track.timescale)),
                iframes=track_parser.iframes(track) if track.width else (),
            )
        )
    return TracksResult(fingerprint=fingerprint, files=tuple(files), damaged=encoded.damaged)


def require_pictures(plan: Plan, index: int, pictures: Mapping[Picture, Path]) -> None:
    """Raise VerificationError unless the chunk's pictures are there, whole and of the planned size."""
    for picture, planned in thumbnails.pictures(plan, index).items():
        name = f"the {picture} of chunk {index}"
        if picture not in pictures or not pictures[picture].is_file():
            raise VerificationError(f"{name} was not written")
        written = thumbnails.jpeg_size(pictures[picture].read_bytes(), name=name)
        if written != planned:
            raise VerificationError(f"{name} should have {planned} pixels and has {written}")


def upload_pictures(bench: Bench, pictures: Mapping[Picture, Path]) -> Iterator[StillFile]:
    """Upload a chunk's pictures, and yield what publishing needs to know of each."""
    for picture, path in pictures.items():
        key = object_keys.picture_key(bench.lease, picture)
        upload(bench, path, key, object_keys.PICTURE_TYPE)
        yield StillFile(picture=picture, key=key, size_bytes=path.stat().st_size, sha256=sha256(path))


def fingerprint_of(tracks: tuple[Track, ...]) -> str:
    """Return the hash over the tracks' init segments: equal hashes may stand in one run."""
    return hashlib.sha256("".join(track.init_sha256 for track in tracks).encode()).hexdigest()[:16]


def rendition_files(units: Mapping[UnitKey, Unit], plan: Plan, name: str) -> list[TrackFile]:
    """Return one rendition's files, chunk by chunk."""
    place = [rendition.name for rendition in plan.renditions].index(name)
    chunks = (units[UnitKey(Kind.VIDEO, index)] for index in range(plan.grid.chunks))
    return [tracks_of(unit).files[place] for unit in chunks]

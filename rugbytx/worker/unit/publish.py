"""Publishing: playlists, manifest, and the master last.  No video is copied."""

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from functools import partial

from rugbytx.core.hls import master_playlist, media_playlist
from rugbytx.core.hls.event_playlist import Beginning
from rugbytx.core.job.job import Outputs
from rugbytx.core.lease.result import Mp4Result, StillFile, TrackFile, TracksResult
from rugbytx.core.lease.unit import AUDIO, MP4, Kind, UnitKey
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import Manifest, ManifestEntry, tracks_of
from rugbytx.core.plan import thumbnails
from rugbytx.core.plan.plan import Plan, Stills
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.source import damage
from rugbytx.core.verify import before_publish, finding, job_report
from rugbytx.core.verify.before_publish import Texts
from rugbytx.errors import VerificationError
from rugbytx.worker.unit import early_playlists
from rugbytx.worker.unit.workspace import Bench


def publish(bench: Bench, plan: Plan) -> Outputs:
    """Write media playlists, the manifest and, last, the master; return what the job's record holds.

    A reader who finds the master can therefore read everything that it names.
    Nothing is written before every check is passed.
    """
    job = bench.job
    chunks = [tracks_of(bench.units[UnitKey(Kind.VIDEO, index)]) for index in range(plan.grid.chunks)]
    audio = tracks_of(bench.units[AUDIO]) if plan.audio else None
    mp4 = bench.units[MP4].result_as(Mp4Result) if plan.mp4 else None

    bench.pulse.step("publish")
    damaged = sum(chunk.damaged for chunk in chunks)
    damage.require(damaged=damaged, frames=plan.grid.frames)
    stills = [still for chunk in chunks for still in chunk.stills]
    uploaded = [*_tracks(chunks, audio), *map(_still, stills), *([_mp4(mp4)] if mp4 else [])]
    _require_present(bench, uploaded)
    warnings = damage.warnings(
        missing_s=plan.media.missing_s, damaged=damaged, damaged_sound=audio.damaged if audio else 0
    )
    texts = _texts(bench, plan, chunks, audio)
    checks = before_publish.before_publishing(plan, chunks, audio, texts)
    finding.require([check.finding() for check in checks if not check.passed])
    proof = job_report.build(
        job, plan, bench.units, gates=checks, warnings=warnings, target_s=_target_s(chunks, audio)
    )

    report = _described(bench, "report", "json", proof.model_dump_json(indent=1), object_keys.JSON_TYPE)
    media = [_playlist(bench, name, text) for name, text in texts.media.items()]
    media += [
        _playlist(bench, master_playlist.iframes_name(name), text) for name, text in texts.iframes.items()
    ]
    if plan.stills:
        media.append(_storyboard(bench, plan, plan.stills, stills))
    first = _playlist(bench, "master", texts.master)
    entries = (*uploaded, *(entry for entry, _ in media), report[0], first[0])
    manifest = Manifest(job_id=job.id, generation=job.generation, master_key=first[0].key, entries=entries)
    listed = _described(bench, "manifest", "json", manifest.model_dump_json(indent=1), object_keys.JSON_TYPE)
    if plan.grid.chunks > 1 and job.profile.splice:
        # Whoever watches the growing playlists is told of their end.
        whole = Beginning(chunks=tuple(chunks), audio=audio)
        early_playlists.write(whole, job, plan, storage=bench.ports.storage, bucket=bench.output_bucket)
    for entry, body in (*media, report, listed, first):
        bench.ports.storage.put(body, bench.output_bucket, entry.key, content_type=entry.content_type)
        bench.account.wrote(len(body), bench.pulse)
    return Outputs(
        master_key=first[0].key,
        manifest_key=listed[0].key,
        manifest_sha256=listed[0].sha256,
        size_bytes=sum(entry.size_bytes for entry in entries),
        frames=plan.grid.frames,
        duration_s=float(plan.grid.duration_s),
        renditions=tuple(rendition.name for rendition in plan.renditions),
        mp4_key=mp4.key if mp4 else "",
        poster_key=next((still.key for still in stills if still.picture is Picture.POSTER), ""),
        storyboard_key=media[-1][0].key if plan.stills else "",
        warnings=warnings,
    )


def _texts(bench: Bench, plan: Plan, chunks: Sequence[TracksResult], audio: TracksResult | None) -> Texts:
    """Return the playlists as they are to be written."""
    text = master_playlist.master_playlist(
        plan, chunks, audio, target_s=_target_s(chunks, audio), path_of=partial(_playlist_path, bench)
    )
    media = dict(_media_playlists(bench, plan, chunks, audio))
    iframes = dict(_media_playlists(bench, plan, chunks, audio, iframes=True))
    names = [*media, *map(master_playlist.iframes_name, iframes)]
    return Texts(
        master=text, media=media, iframes=iframes, paths={name: _playlist_path(bench, name) for name in names}
    )


def _media_playlists(
    bench: Bench,
    plan: Plan,
    chunks: Sequence[TracksResult],
    audio: TracksResult | None,
    *,
    iframes: bool = False,
) -> Iterator[tuple[str, str]]:
    """Yield each rendition's name and playlist, the audio's last; or those of the keyframes, of which audio has none."""
    splices_s = media_playlist.splices(plan.grid, [chunk.fingerprint for chunk in chunks])
    renditions = {
        rendition.name: media_playlist.files_of(chunks, rendition.name) for rendition in plan.renditions
    }
    if audio and not iframes:
        renditions[object_keys.AUDIO_NAME] = audio.files
    for name, files in renditions.items():
        text = media_playlist.media_playlist(
            files,
            splices_s=splices_s,
            target_s=_target_s(chunks, audio),
            path_of=partial(_file_path, bench),
            iframes=iframes,
        )
        yield name, text


def _target_s(chunks: Sequence[TracksResult], audio: TracksResult | None) -> int:
    """Return the target duration that all playlists share."""
    return media_playlist.target_duration_s(
        file for result in (*chunks, *([audio] if audio else [])) for file in result.files
    )


def _playlist_path(bench: Bench, name: str) -> str:
    """Return a media playlist's path relative to the master."""
    key = object_keys.file_key(bench.lease, name, "m3u8")
    return object_keys.relative(key, bench.job.id, bench.job.generation)


def _file_path(bench: Bench, file: TrackFile) -> str:
    """Return a track file's path relative to the playlists."""
    return object_keys.relative(file.key, bench.job.id, bench.job.generation)


def _tracks(chunks: Iterable[TracksResult], audio: TracksResult | None) -> Iterable[ManifestEntry]:
    """Yield an entry for each track file."""
    for result in chunks:
        yield from (_track(file, object_keys.MP4_TYPE) for file in result.files)
    if audio:
        yield from (_track(file, object_keys.AUDIO_TYPE) for file in audio.files)


def _track(file: TrackFile, content_type: str) -> ManifestEntry:
    return ManifestEntry(
        key=file.key, size_bytes=file.size_bytes, sha256=file.sha256, content_type=content_type
    )


def _mp4(mp4: Mp4Result) -> ManifestEntry:
    return ManifestEntry(
        key=mp4.key, size_bytes=mp4.size_bytes, sha256=mp4.sha256, content_type=object_keys.MP4_TYPE
    )


def _still(still: StillFile) -> ManifestEntry:
    return ManifestEntry(
        key=still.key, size_bytes=still.size_bytes, sha256=still.sha256, content_type=object_keys.PICTURE_TYPE
    )


def _storyboard(
    bench: Bench, plan: Plan, wanted: Stills, stills: Sequence[StillFile]
) -> tuple[ManifestEntry, bytes]:
    """Return the WebVTT file of the thumbnails, read back before it is written."""
    sheets = [
        object_keys.relative(still.key, bench.job.id, bench.job.generation)
        for still in stills
        if still.picture is Picture.SHEET
    ]
    text = thumbnails.webvtt(wanted, plan.grid, sheets)
    sizes = {path: thumbnails.pictures(plan, index)[Picture.SHEET] for index, path in enumerate(sheets)}
    if wrong := next(thumbnails.faults(text, sizes, duration_s=plan.grid.duration_s), ""):
        raise VerificationError(f"the storyboard is wrong: {wrong}")
    return _described(bench, "storyboard", "vtt", text, object_keys.STORYBOARD_TYPE)


def _playlist(bench: Bench, name: str, text: str) -> tuple[ManifestEntry, bytes]:
    return _described(bench, name, "m3u8", text, object_keys.PLAYLIST_TYPE)


def _described(
    bench: Bench, name: str, suffix: str, text: str, content_type: str
) -> tuple[ManifestEntry, bytes]:
    """Return a small text object as its manifest entry and its bytes."""
    body = text.encode()
    entry = ManifestEntry(
        key=object_keys.file_key(bench.lease, name, suffix),
        size_bytes=len(body),
        sha256=hashlib.sha256(body).hexdigest(),
        content_type=content_type,
    )
    return entry, body


def _require_present(bench: Bench, entries: Sequence[ManifestEntry]) -> None:
    """Raise VerificationError unless the bucket holds every entry in its recorded size."""
    # Units that were taken over have their files under the prefixes of former generations.
    sizes = {
        stored.key: stored.size_bytes
        for prefix in sorted({object_keys.generation_prefix(entry.key) for entry in entries})
        for stored in bench.ports.storage.list(bench.output_bucket, prefix)
    }
    for entry in entries:
        if sizes.get(entry.key) != entry.size_bytes:
            size_bytes = sizes.get(entry.key, "nothing")
            raise VerificationError(
                f"{entry.key} should have {entry.size_bytes} bytes, and the bucket shows {size_bytes}"
            )

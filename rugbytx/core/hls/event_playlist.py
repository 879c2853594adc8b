"""The finished beginning of a job that is still worked on, as playlists that grow (RFC 8216, 4.3.3.5: EVENT).

::

    chunks       ██ ██ ██ ░░ ██ ░░ ░░      ██ done, ░░ not yet
    early        ╰─ these ─╯               and the audio for as long

A chunk that is done behind one that is not has to wait: a list may only grow at
its end.  Where a job is pinned to one encoder, chunks may be made anew, so that
nothing of it is shown before it is published.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import takewhile

from rugbytx.core.hls import master_playlist, media_playlist
from rugbytx.core.hls.media_playlist import PlaylistType
from rugbytx.core.job.job import Job
from rugbytx.core.lease.result import TrackFile, TracksResult
from rugbytx.core.lease.unit import AUDIO, State, Unit, UnitKey
from rugbytx.core.lease.unit import Kind as UnitKind
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import tracks_of
from rugbytx.core.plan.plan import Plan

#: How much longer than a whole segment the last one may be, with the tail that has joined it.
LONGER_S = 2


@dataclass(frozen=True, kw_only=True)
class Beginning:
    """What can be shown of a job: its first chunks, and the audio where it has any."""

    chunks: tuple[TracksResult, ...]
    audio: TracksResult | None


def beginning(
    job: Job, plan: Plan | None, units: Mapping[UnitKey, Unit], *, shown: int = 0
) -> Beginning | None:
    """Return the finished beginning, or None where it has no more than ``shown`` chunks, or nothing is left to wait for."""
    if plan is None or plan.grid.chunks == 1 or not job.profile.splice:
        return None
    done = {key for key, unit in units.items() if unit.state is State.DONE}
    if plan.audio and AUDIO not in done:
        return None
    keys = (UnitKey(UnitKind.VIDEO, index) for index in range(plan.grid.chunks))
    finished = list(takewhile(done.__contains__, keys))
    if not shown < len(finished) < plan.grid.chunks:
        return None
    chunks = tuple(tracks_of(units[key]) for key in finished)
    return Beginning(chunks=chunks, audio=tracks_of(units[AUDIO]) if plan.audio else None)


def texts(job: Job, plan: Plan, chunks: Sequence[TracksResult], audio: TracksResult | None) -> dict[str, str]:
    """Return the playlists of the first chunks by their keys, the master last; whole once these are all chunks.

    The target duration may not change while a list grows (RFC 8216, 6.2.1), so
    it leaves room for the longest segment that can come.
    """
    target_s = int(plan.grid.segment / plan.grid.rate) + LONGER_S
    kind = PlaylistType.GROWN if len(chunks) == plan.grid.chunks else PlaylistType.GROWING
    lasts_s = plan.grid.chunk_frames(len(chunks) - 1).stop / plan.grid.rate
    files = {rendition.name: media_playlist.files_of(chunks, rendition.name) for rendition in plan.renditions}
    sound = None
    if audio:
        sound = audio.model_copy(update={"files": (_until(audio.files[0], lasts_s),)})
        files[object_keys.AUDIO_NAME] = sound.files
    splices_s = media_playlist.splices(plan.grid, [chunk.fingerprint for chunk in chunks])

    def key_of(name: str) -> str:
        return object_keys.early_key(job.id, job.generation, name)

    def path_of(file: TrackFile) -> str:
        return f"../{object_keys.relative(file.key, job.id, job.generation)}"

    made = {
        key_of(name): media_playlist.media_playlist(
            ones, splices_s=splices_s, target_s=target_s, path_of=path_of, kind=kind
        )
        for name, ones in files.items()
    }
    made[key_of("master")] = master_playlist.master_playlist(
        plan, chunks, sound, target_s=target_s, path_of="{}.m3u8".format, has_iframes=False
    )
    return made


def _until(file: TrackFile, lasts_s: Fraction) -> TrackFile:
    """Return the audio's first segments, as many as it takes to sound for so long."""
    segments, now = [], Fraction(0)
    for segment in file.segments:
        if now >= lasts_s:
            break
        segments.append(segment)
        now += Fraction(segment.duration, file.timescale)
    return file.model_copy(update={"segments": tuple(segments)})

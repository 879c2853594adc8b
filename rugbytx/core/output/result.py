"""What a finished unit leaves behind: its outputs, as the publishing unit will need them."""

import hashlib
from collections.abc import Mapping

from rugbytx.core.job.job import Outputs
from rugbytx.core.lease.unit import PLAN, Kind, State, Unit, UnitKey
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.core.record import Record, Versioned
from rugbytx.errors import VerificationError


class Segment(Record):
    """A run of whole fragments inside a track file: what one playlist entry names."""

    offset: int
    size_bytes: int
    #: Ticks of the track's timescale.
    duration: int


class TrackFile(Record):
    """One uploaded CMAF track file."""

    #: The rendition's name, or ``audio``.
    rendition: str
    key: str
    size_bytes: int
    sha256: str
    init_bytes: int
    init_sha256: str
    timescale: int
    codec: str
    #: The pictures' size; 0 for audio, and where a former version did not record it.
    width: int = 0
    height: int = 0
    #: The decode time of the first sample, in ticks.
    start: int
    #: When the first and the last sample are shown, in ticks; 0 where a former version did not record it.
    first_shown: int = 0
    last_shown: int = 0
    samples: int
    #: How many samples say that they are sync samples.
    keyframes: int
    segments: tuple[Segment, ...]
    #: The keyframes by themselves; none of audio.
    iframes: tuple[Segment, ...] = ()


class StillFile(Record):
    """One uploaded picture."""

    picture: Picture
    key: str
    size_bytes: int
    sha256: str


class TracksResult(Versioned):
    """The result of a VIDEO unit (a file for each rendition) or of the AUDIO unit (one file)."""

    #: Hash over the init segments: chunks of one fingerprint can stand in one run.
    fingerprint: str
    files: tuple[TrackFile, ...]
    stills: tuple[StillFile, ...] = ()
    #: Frames, or packets of sound, of the source that could not be decoded whole.
    damaged: int = 0


class Mp4Result(Versioned):
    """The result of the MP4 unit."""

    key: str
    size_bytes: int
    sha256: str


class ManifestEntry(Record):
    """One object that a published job consists of."""

    key: str
    size_bytes: int
    sha256: str
    content_type: str


class Manifest(Versioned):
    """The immutable list of a generation's outputs, which the commit makes true."""

    job_id: str
    generation: int
    master_key: str
    entries: tuple[ManifestEntry, ...]


def manifest_of(body: bytes, outputs: Outputs) -> Manifest:
    """Return the manifest that was read under a job's key; raises VerificationError where it is not the committed one."""
    if hashlib.sha256(body).hexdigest() != outputs.manifest_sha256:
        raise VerificationError(f"{outputs.manifest_key} is not the manifest that was committed")
    return Manifest.model_validate_json(body)


def tracks_of(unit: Unit) -> TracksResult:
    """Return the result of a finished VIDEO or AUDIO unit."""
    return TracksResult.model_validate_json(unit.result)


def plan_of(units: Mapping[UnitKey, Unit]) -> Plan | None:
    """Return the job's plan, or None while the PLAN unit is not done."""
    unit = units.get(PLAN)
    if unit is None or unit.state is not State.DONE:
        return None
    return Plan.model_validate_json(unit.result)


def objects_of(unit: Unit) -> Mapping[str, int]:
    """Return the keys and sizes of what a finished unit made for the job's outputs; publishing's are in its manifest."""
    match UnitKey.parse(unit.key).kind:
        case Kind.VIDEO | Kind.AUDIO:
            tracks = tracks_of(unit)
            sizes = {file.key: file.size_bytes for file in tracks.files}
            return sizes | {still.key: still.size_bytes for still in tracks.stills}
        case Kind.MP4:
            mp4 = Mp4Result.model_validate_json(unit.result)
            return {mp4.key: mp4.size_bytes}
        case Kind.PLAN | Kind.PUBLISH | Kind.CHECK:
            return {}

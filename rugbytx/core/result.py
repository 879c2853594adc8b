"""What a finished unit leaves behind: its outputs, as the publishing unit will need them."""

from rugbytx.core.record import Record, Versioned
from rugbytx.core.unit import Unit


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
    segments: tuple[Segment, ...]


class TracksResult(Versioned):
    """The result of a VIDEO unit (a file for each rendition) or of the AUDIO unit (one file)."""

    #: Hash over the init segments: chunks of one fingerprint can stand in one run.
    fingerprint: str
    files: tuple[TrackFile, ...]


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


def tracks_of(unit: Unit) -> TracksResult:
    """Return the result of a finished VIDEO or AUDIO unit."""
    return TracksResult.model_validate_json(unit.result)

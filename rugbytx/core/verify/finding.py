"""What a check found: which rule is broken, where, what was expected and what was seen."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.errors import VerificationError

#: More findings than this say nothing that the first ones do not.
MOST_FINDINGS = 20


class Rule(StrEnum):
    """What a finding is about."""

    #: A file for each rendition, and one for the audio if there is any.
    TRACK_COUNT = "track-count"
    CODEC = "codec"
    PICTURE_SIZE = "picture-size"
    #: Pixels are square: a picture is scaled to the shape that it is shown in.
    PIXEL_SHAPE = "pixel-shape"
    #: The level that is declared holds pictures of this size and rate, and players know it.
    LEVEL = "level"
    TIMESCALE = "timescale"
    FRAME_COUNT = "frame-count"
    #: One GOP is one fragment.
    FRAGMENT_COUNT = "fragment-count"
    GOP_LENGTH = "gop-length"
    #: Every GOP starts with a keyframe and has no other.
    KEYFRAMES = "keyframes"
    #: Every keyframe carries its parameter sets, so that unlike encoders can follow one another.
    PARAMETER_SETS = "parameter-sets"
    FRAME_DURATION = "frame-duration"
    DECODE_TIME = "decode-time"
    #: Every frame of the grid is shown once, at its own time.
    PRESENTATION_TIME = "presentation-time"
    #: The audio lasts as long as the video, and the playlist as long as the plan says.
    DURATION = "duration"
    #: Eight bits and 4:2:0, which is all that every player decodes.
    PROFILE = "profile"
    #: A file's segments follow one another from its init segment to its end.
    TILING = "tiling"
    #: All renditions can be changed at the same instants (Apple's HLS authoring specification, 8.22).
    BOUNDARIES = "boundaries"
    #: A discontinuity where the init segment changes, and nowhere else.
    DISCONTINUITY = "discontinuity"
    #: What the master declares is what was measured.
    BANDWIDTH = "bandwidth"
    #: The playlist can be read, and names what is there.
    PLAYLIST = "playlist"
    #: The playlists keep the rules of ``core.conform``.
    CONFORMANCE = "conformance"
    #: An MP4's index stands before its pictures, so that it plays while it loads.
    FAST_START = "fast-start"
    #: A segment's boxes are whole.
    BOXES = "boxes"
    #: A file is there, with the size and the content that the manifest names.
    MANIFEST = "manifest"
    #: Every time of the film has its thumbnail.
    STORYBOARD = "storyboard"
    #: A decoder shows every frame and complains of nothing.
    DECODE = "decode"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """One way in which an output is not what the plan asks for.

    >>> Finding(rule=Rule.FRAME_COUNT, where="chunk 3 of 720p", expected="1800", seen="1799").sentence
    'chunk 3 of 720p fails the frame-count check: expected 1800, saw 1799'
    """

    rule: str
    where: str
    expected: str
    seen: str

    @property
    def sentence(self) -> str:
        """Return the finding as a sentence without its full stop."""
        return f"{self.where} fails the {self.rule} check: expected {self.expected}, saw {self.seen}"


def finding(rule: Rule, where: str, expected: object, actual: object) -> Finding:
    """Return a finding, whatever was expected and seen."""
    return Finding(rule=rule, where=where, expected=str(expected), seen=str(actual))


def require(findings: Sequence[Finding]) -> None:
    """Raise VerificationError with the first finding, and say how many more there are.

    >>> require([])
    >>> require([Finding(rule=Rule.CODEC, where="audio", expected="mp4a.40.2", seen="mp4a.40.5")] * 3)
    Traceback (most recent call last):
    rugbytx.errors.VerificationError: audio fails the codec check: expected mp4a.40.2, saw mp4a.40.5 (and 2 more)
    """
    if findings:
        more = f" (and {len(findings) - 1} more)" if len(findings) > 1 else ""
        raise VerificationError(f"{findings[0].sentence}{more}")

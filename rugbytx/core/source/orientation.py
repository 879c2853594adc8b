"""Which way up a source is shown, wherever ffprobe tells it."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from rugbytx.core.record import Record
from rugbytx.core.source.ffprobe_fields import integer
from rugbytx.errors import UnsupportedMedia


class Orientation(Record):
    """What is done to the coded picture before it is shown: the mirror first, then the turn."""

    #: Clockwise, in degrees: 0, 90, 180 or 270.
    rotation: int = 0
    #: Top and bottom change places.
    mirrored: bool = False


def of(stream: Mapping[str, Any], frames: Sequence[Mapping[str, Any]] = ()) -> Orientation:
    """Return how a stream is shown: by its container, or else by the pictures themselves.

    The container's display matrix stands among the stream's side data.  H.264
    and HEVC may carry one of their own (ITU-T H.264, D.1.26), which ffprobe
    shows with the decoded frames alone; where both are there, players follow
    the container.  Before ffmpeg 5 a copy into Matroska became a tag.

    Raises UnsupportedMedia where frames alone say it, and not each of them: ffmpeg 5.1
    makes its filters anew when a matrix comes or goes, whatever it is told.

    >>> of({"side_data_list": [{"rotation": -90}]}, [{"side_data_list": [{"rotation": 180}]}])
    Orientation(rotation=90, mirrored=False)
    >>> of({"tags": {"ROTATE": "270"}}).rotation, of({}, [{"side_data_list": [{"rotation": 180}]}]).rotation
    (270, 180)
    """
    told = next(_matrices([stream]), None)
    if told or (turn := _tag(stream)):
        return told or Orientation(rotation=turn)
    shown = {next(_matrices([frame]), None) for frame in frames}
    if len(shown) > 1:
        raise UnsupportedMedia(
            "some of the source's pictures say how they are turned, and others do not:"
            " it must be exported with its turn in the container"
        )
    return next(iter(shown), None) or Orientation()


def is_told(stream: Mapping[str, Any]) -> bool:
    """Return whether the container says how its picture is shown, so that no frame need be asked."""
    return next(_matrices([stream]), None) is not None or _tag(stream) != 0


def _matrices(sections: Sequence[Mapping[str, Any]]) -> Iterator[Orientation]:
    """Yield what the display matrices among the side data of streams or frames say.

    A display matrix counts anticlockwise (ffmpeg's ``av_display_rotation_get``).
    """
    for section in sections:
        for side_data in section.get("side_data_list", ()):
            if "rotation" in side_data:
                yield Orientation(
                    rotation=_quarter(-float(side_data["rotation"])),
                    mirrored=_is_mirrored(side_data.get("displaymatrix", "")),
                )


def _tag(stream: Mapping[str, Any]) -> int:
    """Return the turn that QuickTime's ``rotate`` tag asks for, which counts clockwise."""
    tags = {name.lower(): text for name, text in stream.get("tags", {}).items()}  # Matroska shouts
    return _quarter(integer(tags.get("rotate")) or 0)


def _quarter(degrees: float) -> int:
    return round(degrees / 90) * 90 % 360


def _is_mirrored(matrix: str) -> bool:
    r"""Return whether a display matrix mirrors: its determinant is negative.

    >>> _is_mirrored("00000000: 65536 0 0\n00000001: 0 -65536 0\n00000002: 0 0 1073741824")
    True
    """
    rows = [line.split()[1:] for line in matrix.splitlines() if line]
    if not rows:
        return False
    (a, b, _), (c, d, _), _ = ([int(cell) for cell in row] for row in rows)
    return a * d < b * c

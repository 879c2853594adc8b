"""What cameras do to a film: a maker for each, where one line does not say it."""

from pathlib import Path

from tests.source import patch
from tests.source.film import Film
from tests.source.kind import (
    BT709,
    FIELDS,
    INTERLACED,
    LONG,
    SHORT,
    TO_709,
    TO_BT601,
    TO_BT709,
    X264,
    X265,
    Make,
    Place,
)

UPRIGHT = Film(size=(180, 320))
HEVC_10 = (*X265, "-tag:v", "hvc1", *BT709)


def turned(filters: str, matrix: patch.Matrix) -> Make:
    """Return a maker of a film whose pixels are turned by ``filters`` and whose matrix turns them back."""
    name = "turned" + "".join(f"{part:+d}" for part in matrix) + ".mp4"
    return lambda place: patch.show_by(
        place.encode(name, SHORT if matrix[0] else UPRIGHT, filters=f"{filters},{TO_709}"), matrix
    )


def turned_by_itself(*, keyframes_alone: bool = False) -> Make:
    """Return a maker of H.264 whose pictures say by themselves that they are to be turned anticlockwise."""
    slices = {patch.KEY_SLICE} if keyframes_alone else {patch.SLICE, patch.KEY_SLICE}
    return lambda place: place.copied(
        "sei.mp4",
        patch.turn_pictures(
            place.encode("sei.h264", UPRIGHT, filters=f"transpose=clock,{TO_709}", sound=()), slices
        ),
    )


def interlaced(film: Film, name: str, *options: str, top: bool = True) -> Make:
    """Return a maker of H.264 whose frames hold two of the film's each."""
    first = "top" if top else "bottom"
    order = "tff" if top else "bff"
    filters = f"tinterlace=mode=interleave_{first},fieldorder={order},{TO_BT709}:interl=1,format=yuv420p"
    codec = (*X264, *BT709, *INTERLACED, "-x264-params", f"{order}=1")
    return lambda place: place.encode(name, film, *options, filters=filters, codec=codec)


def mpeg2_fields(place: Place) -> Path:
    """Make MPEG-2 with the bottom field first, in 4:2:2 as studios have it."""
    filters = f"tinterlace=mode=interleave_bottom,fieldorder=bff,{TO_BT709}:interl=1,format=yuv422p"
    codec = ("-c:v", "mpeg2video", "-q:v", "2", *BT709, *INTERLACED)
    return place.encode("mpeg2.mxf.mp4", FIELDS, filters=filters, codec=codec)


def dv(place: Place) -> Path:
    """Make DV, whose container does not say that it is interlaced."""
    filters = (
        f"scale=720:576,tinterlace=mode=interleave_bottom,fieldorder=bff,{TO_BT601}:interl=1,format=yuv420p"
    )
    codec = ("-c:v", "dvvideo", "-aspect", "4:3")
    return place.encode("dv.avi", FIELDS, filters=filters, codec=codec, sound=("-c:a", "pcm_s16le"))


def hdr(transfer: str, *, lit: bool = False) -> Make:
    """Return a maker of a film in BT.2020 with this transfer, its white at 203 nits (ITU-R BT.2408).

    ``lit`` tells of the screen and the room in which it was graded.
    """
    filters = (
        "format=gbrp,setparams=color_primaries=bt709:color_trc=bt709:colorspace=gbr,"
        "zscale=t=linear:npl=203,format=gbrpf32le,"
        f"zscale=p=bt2020:t={transfer}:m=bt2020nc:r=limited:npl=203,format=yuv420p10le"
    )
    tags = ("-color_primaries", "bt2020", "-color_trc", transfer, "-colorspace", "bt2020nc")
    codec = (*X265, "-tag:v", "hvc1", *tags)
    if not lit:
        return lambda place: place.encode(f"{transfer}.mov", SHORT, filters=filters, codec=codec)
    return lambda place: patch.tell_light(
        place.encode(f"lit-{transfer}.mp4", SHORT, filters=filters, codec=codec), entry=b"hvc1"
    )


def pixels(name: str, filters: str, *codec: str) -> Make:
    """Return a maker of a film whose pixels are of some kind."""
    return lambda place: place.encode(name, SHORT, filters=filters, codec=codec)


def sounding(name: str, *sound: str, inputs: tuple[str, ...] = ()) -> Make:
    """Return a maker of a film with some sound."""
    return lambda place: place.encode(name, SHORT, sound=sound, inputs=inputs)


def two_clocks(place: Place) -> Path:
    """Join a transport stream and another whose clock begins five hours later."""
    path = place.folder / "two clocks.ts"
    whole = place.encode("short gops.mp4", LONG, "-g", "25")
    parts = [
        place.copied("first.ts", whole, "-t", "8"),
        place.copied("second.ts", whole, "-output_ts_offset", "18000", before=("-ss", "8")),
    ]
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    return path


def dolby_vision(place: Place) -> Path:
    """Make HEVC that says it is of profile 5."""
    path = place.encode("dolby.mp4", SHORT, codec=X265)
    return patch.call_dolby_vision(path)

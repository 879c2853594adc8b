"""Every kind of hostile or broken source that is known here, and what should become of it."""

from dataclasses import dataclass

from tests.hostile import box, damage, source
from tests.hostile.source import Make


@dataclass(frozen=True, kw_only=True)
class Kind:
    """One kind of source, and what should become of it."""

    name: str
    make: Make
    #: False where the loss is small enough to be taken, or cannot be told from a shorter film.
    fails: bool = True
    #: Options with which an unguarded ffprobe falls for it, where one does.
    falls_for: tuple[str, ...] = ()


_NO_DRIVER = "Cannot load libcuda.so.1"

#: Lets an unguarded ffprobe do what the file says.
_TRUSTING = ("-protocol_whitelist", "file,http,tcp,crypto,data")

KINDS = (
    Kind(name="empty", make=lambda place: source.written(place, b"")),
    Kind(name="text named .mp4", make=lambda place: source.written(place, "This is no film.\n" * 100)),
    Kind(
        name="MP4 cut off, its index at the end",
        make=lambda place: damage.cut(place.film("late.mp4"), place.result, keep=0.6),
    ),
    Kind(
        name="MP4 cut off, its index at the beginning",
        make=lambda place: damage.cut_before(
            place.film("early.mp4", *source.FASTSTART), place.result, packet=50
        ),
    ),
    Kind(
        name="MP4 that lacks its last frames, fewer than 2 %",
        make=lambda place: damage.cut_before(
            place.film("long.mp4", *source.FASTSTART, length_s=12), place.result, packet=295
        ),
        fails=False,
    ),
    Kind(
        name="Matroska cut off",
        make=lambda place: damage.cut_before(place.film("film.mkv"), place.result, packet=50),
    ),
    Kind(
        name="AVI cut off",
        make=lambda place: damage.cut_before(place.film("film.avi"), place.result, packet=50),
    ),
    Kind(
        name="MPEG-TS cut off: nothing in it says how long it was",
        make=lambda place: damage.cut_before(place.film("film.ts"), place.result, packet=50),
        fails=False,
    ),
    Kind(
        name="sound alone",
        make=lambda place: source.made(place, ".mp4", "-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac"),
    ),
    Kind(name="zero duration: a hundred frames at one instant", make=source.timeless),
    Kind(
        name="zero duration: a film without a frame",
        make=lambda place: source.made(
            place, ".mov", "-i", str(place.film("late.mp4")), "-c", "copy", "-t", "0"
        ),
    ),
    Kind(
        name="a picture of 9000x64 pixels",
        make=lambda place: source.made(
            place, ".mp4", "-f", "lavfi", "-i", "color=size=9000x64:rate=25:duration=0.2", "-c:v", "libx264"
        ),
    ),
    Kind(
        name="a picture of 8192x16 pixels",
        make=lambda place: source.made(
            place, ".mp4", "-f", "lavfi", "-i", "color=size=8192x16:rate=25:duration=0.2", "-c:v", "libx264"
        ),
    ),
    Kind(name="frame bomb: 12000x12000 pixels in a few kilobytes", make=source.bomb),
    Kind(name="frame bomb: the picture grows to 6400x6400 in mid-film", make=source.growing),
    Kind(
        name="frame bomb: three frames for ten hours",
        make=lambda place: source.stretched(place, frame_s=18_000),
    ),
    Kind(
        name="frame bomb: three frames for two days",
        make=lambda place: source.stretched(place, frame_s=86_400),
    ),
    Kind(
        name="HLS playlist of a local file",
        make=lambda place: source.written(place, source.hls(source.local(place))),
        falls_for=(*_TRUSTING, "-f", "hls", "-allowed_extensions", "ALL"),
    ),
    Kind(
        name="HLS playlist of an address",
        make=lambda place: source.written(place, source.hls(source.remote(place))),
        falls_for=(*_TRUSTING, "-f", "hls", "-allowed_extensions", "ALL"),
    ),
    Kind(
        name="DASH manifest of a local file",
        make=lambda place: source.written(place, source.dash(source.local(place))),
        falls_for=(*_TRUSTING, "-f", "dash"),
    ),
    Kind(
        name="DASH manifest of an address",
        make=lambda place: source.written(place, source.dash(source.remote(place))),
        falls_for=(*_TRUSTING, "-f", "dash"),
    ),
    Kind(
        name="ffconcat of a local file",
        make=lambda place: source.written(place, source.ffconcat(str(place.canary.path))),
        falls_for=(*_TRUSTING, "-f", "concat", "-safe", "0"),
    ),
    Kind(
        name="ffconcat of an address",
        make=lambda place: source.written(place, source.ffconcat(source.remote(place))),
        falls_for=(*_TRUSTING, "-f", "concat", "-safe", "0"),
    ),
    Kind(name="SDP", make=lambda place: source.written(place, source.sdp(place))),
    Kind(name="MPEG-TS whose picture changes its size in mid-film", make=source.resized),
    Kind(name="MPEG-TS whose sound goes from stereo to mono", make=source.to_mono),
    Kind(name="MP4 that is encrypted (CENC)", make=source.encrypted),
    Kind(name="MP4 whose index claims 2147483648 entries", make=source.endless_index),
    Kind(
        name="1920x1080 pixels a thousand times a second",
        make=lambda place: source.made(
            place, ".mp4", "-f", "lavfi", "-i", "color=size=hd1080:rate=1000:duration=0.05", "-c:v", "libx264"
        ),
    ),
    Kind(
        name="QuickTime that says in its own text that this host has no GPU",
        make=lambda place: source.written(place, box.film_elsewhere(_NO_DRIVER, extra=box.BROKEN_TRACK)),
    ),
    Kind(
        name="QuickTime that says so in a whole line of ffmpeg's",
        make=lambda place: source.written(
            place,
            box.film_elsewhere(f"\n[h264_nvenc @ 0x5] [error] {_NO_DRIVER}\n", extra=box.BROKEN_TRACK),
        ),
    ),
    Kind(
        name="corrupt middle: 3 of 300 frames",
        make=lambda place: damage.overwrite(
            place.film("long.mp4", *source.FASTSTART, length_s=12), place.result, packets=range(150, 153)
        ),
        fails=False,
    ),
    Kind(
        name="corrupt middle: 30 of 100 frames",
        make=lambda place: damage.overwrite(place.film("late.mp4"), place.result, packets=range(40, 70)),
    ),
    Kind(
        name="corrupt to the last frame: 4 of 300",
        make=lambda place: damage.overwrite(
            place.film("long.mp4", *source.FASTSTART, length_s=12), place.result, packets=range(296, 300)
        ),
    ),
    Kind(
        name="no frame can be decoded",
        make=lambda place: damage.overwrite(place.film("late.mp4"), place.result, packets=range(100)),
    ),
    Kind(
        name="corrupt sound: every packet",
        make=lambda place: damage.overwrite(
            place.film("sound.mp4", "-c:a", "aac", length_s=2, sound=True),
            place.result,
            packets=range(1000),
            stream="a:0",
            begin=b"\x60",  # an element for low frequencies (ISO/IEC 14496-3, 4.5.2.1), of which mono has none
        ),
    ),
    Kind(
        name="corrupt sound: 5 packets",
        make=lambda place: damage.overwrite(
            place.film("sound.mp4", "-c:a", "aac", length_s=2, sound=True),
            place.result,
            packets=range(30, 35),
            stream="a:0",
        ),
        fails=False,
    ),
)

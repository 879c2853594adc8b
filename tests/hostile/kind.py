"""Every kind of hostile or broken source that is known here, and how one of each is made."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.footage import film, make
from tests.hostile import box, damage
from tests.hostile.trap import Canary, Listener


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a kind is made, and what it may try to reach."""

    folder: Path
    canary: Canary
    listener: Listener

    def film(self, name: str, *options: str, length_s: float = 4, sound: bool = False) -> Path:
        """Return a film of 25 frames a second whose frames are all keyframes, made once."""
        path = self.folder / name
        if not path.exists():
            film(path, "-g", "1", "-bf", "0", *options, length_s=length_s, sound=sound)
        return path

    @property
    def result(self) -> Path:
        """Return where the next hostile file goes; nothing in its name helps whoever looks at it."""
        return self.folder / "hostile"


Make = Callable[[Place], Path]

FASTSTART = ("-movflags", "+faststart")


def _written(place: Place, text: str | bytes) -> Path:
    place.result.write_bytes(text.encode() if isinstance(text, str) else text)
    return place.result


def _made(place: Place, suffix: str, *options: str) -> Path:
    path = place.folder / f"made{suffix}"
    make(path, *options)
    return path


def _hls(target: str) -> str:
    return (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n"
    )


def _dash(target: str) -> str:
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT5S"><Period><AdaptationSet contentType="video">'
        '<Representation id="0" codecs="avc1.64001f" mimeType="video/mp4" bandwidth="1" width="64" height="48">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )


def _ffconcat(target: str) -> str:
    return f"ffconcat version 1.0\nfile '{target}'\n"


def _sdp(place: Place) -> str:
    port = place.listener.port
    return (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=match\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"a=control:rtsp://127.0.0.1:{port}/\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )


def _local(place: Place) -> str:
    return f"file://{place.canary.path}"


def _remote(place: Place) -> str:
    return f"http://127.0.0.1:{place.listener.port}/segment.ts"


def png(width: int, height: int) -> bytes:
    """Return a black picture of one bit a pixel: some kilobytes for a hundred million pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def _bomb(place: Place) -> Path:
    picture = place.folder / "bomb.png"
    picture.write_bytes(png(12_000, 12_000))
    return _made(place, ".mov", "-i", str(picture), "-c", "copy")


def _growing(place: Place) -> Path:
    """Join a small film and a picture of 37 million pixels into one transport stream."""
    small = place.film("small.ts", length_s=1)
    large = _made(
        place,
        ".ts",
        *("-f", "lavfi", "-i", "color=size=6400x6400:rate=25:duration=0.04", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-threads", "1", "-output_ts_offset", "1"),
    )
    return _written(place, small.read_bytes() + large.read_bytes())


def _stretched(place: Place, *, frame_s: int) -> Path:
    """Make a film of three frames that stand for ``frame_s`` seconds each."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=192x108:rate=1:duration=3")
    late = ("-vf", f"settb=1/1000,setpts=N*{frame_s}*1000", "-fps_mode", "passthrough")
    return _made(place, ".mp4", *source, *late, "-enc_time_base", "1:1000", "-c:v", "libx264", "-bf", "0")


def _timeless(place: Place) -> Path:
    """Set the duration of each frame, of the track and of the film to nothing."""
    data = bytearray(place.film("late.mp4").read_bytes())
    for name, offset in ((b"stts", 16), (b"mdhd", 20), (b"mvhd", 20), (b"tkhd", 24), (b"elst", 12)):
        place_of = data.index(name) + offset
        data[place_of : place_of + 4] = bytes(4)
    return _written(place, bytes(data))


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
    Kind(name="empty", make=lambda place: _written(place, b"")),
    Kind(name="text named .mp4", make=lambda place: _written(place, "This is no film.\n" * 100)),
    Kind(
        name="MP4 cut off, its index at the end",
        make=lambda place: damage.cut(place.film("late.mp4"), place.result, keep=0.6),
    ),
    Kind(
        name="MP4 cut off, its index at the beginning",
        make=lambda place: damage.cut_before(place.film("early.mp4", *FASTSTART), place.result, packet=50),
    ),
    Kind(
        name="MP4 that lacks its last frames, fewer than 2 %",
        make=lambda place: damage.cut_before(
            place.film("long.mp4", *FASTSTART, length_s=12), place.result, packet=295
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
        make=lambda place: _made(place, ".mp4", "-f", "lavfi", "-i", "sine=duration=2", "-c:a", "aac"),
    ),
    Kind(name="zero duration: a hundred frames at one instant", make=_timeless),
    Kind(
        name="zero duration: a film without a frame",
        make=lambda place: _made(place, ".mov", "-i", str(place.film("late.mp4")), "-c", "copy", "-t", "0"),
    ),
    Kind(
        name="a picture of 9000x64 pixels",
        make=lambda place: _made(
            place, ".mp4", "-f", "lavfi", "-i", "color=size=9000x64:rate=25:duration=0.2", "-c:v", "libx264"
        ),
    ),
    Kind(
        name="a picture of 8192x16 pixels",
        make=lambda place: _made(
            place, ".mp4", "-f", "lavfi", "-i", "color=size=8192x16:rate=25:duration=0.2", "-c:v", "libx264"
        ),
    ),
    Kind(name="frame bomb: 12000x12000 pixels in a few kilobytes", make=_bomb),
    Kind(name="frame bomb: the picture grows to 6400x6400 in mid-film", make=_growing),
    Kind(
        name="frame bomb: three frames for ten hours",
        make=lambda place: _stretched(place, frame_s=18_000),
    ),
    Kind(name="frame bomb: three frames for two days", make=lambda place: _stretched(place, frame_s=86_400)),
    Kind(
        name="HLS playlist of a local file",
        make=lambda place: _written(place, _hls(_local(place))),
        falls_for=(*_TRUSTING, "-f", "hls", "-allowed_extensions", "ALL"),
    ),
    Kind(
        name="HLS playlist of an address",
        make=lambda place: _written(place, _hls(_remote(place))),
        falls_for=(*_TRUSTING, "-f", "hls", "-allowed_extensions", "ALL"),
    ),
    Kind(
        name="DASH manifest of a local file",
        make=lambda place: _written(place, _dash(_local(place))),
        falls_for=(*_TRUSTING, "-f", "dash"),
    ),
    Kind(
        name="DASH manifest of an address",
        make=lambda place: _written(place, _dash(_remote(place))),
        falls_for=(*_TRUSTING, "-f", "dash"),
    ),
    Kind(
        name="ffconcat of a local file",
        make=lambda place: _written(place, _ffconcat(str(place.canary.path))),
        falls_for=(*_TRUSTING, "-f", "concat", "-safe", "0"),
    ),
    Kind(
        name="ffconcat of an address",
        make=lambda place: _written(place, _ffconcat(_remote(place))),
        falls_for=(*_TRUSTING, "-f", "concat", "-safe", "0"),
    ),
    Kind(name="SDP", make=lambda place: _written(place, _sdp(place))),
    Kind(
        name="QuickTime that says in its own text that this host has no GPU",
        make=lambda place: _written(place, box.film_elsewhere(_NO_DRIVER, extra=box.BROKEN_TRACK)),
    ),
    Kind(
        name="QuickTime that says so in a whole line of ffmpeg's",
        make=lambda place: _written(
            place,
            box.film_elsewhere(f"\n[h264_nvenc @ 0x5] [error] {_NO_DRIVER}\n", extra=box.BROKEN_TRACK),
        ),
    ),
    Kind(
        name="corrupt middle: 3 of 300 frames",
        make=lambda place: damage.overwrite(
            place.film("long.mp4", *FASTSTART, length_s=12), place.result, packets=range(150, 153)
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
            place.film("long.mp4", *FASTSTART, length_s=12), place.result, packets=range(296, 300)
        ),
    ),
    Kind(
        name="no frame can be decoded",
        make=lambda place: damage.overwrite(place.film("late.mp4"), place.result, packets=range(100)),
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

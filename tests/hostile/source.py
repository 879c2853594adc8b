"""Makers of hostile and broken sources, each from the little that ffmpeg does not refuse to write."""

import struct
import zlib
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from tests.footage import film, make
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


def written(place: Place, text: str | bytes) -> Path:
    """Write the next hostile file."""
    place.result.write_bytes(text.encode() if isinstance(text, str) else text)
    return place.result


def made(place: Place, suffix: str, *options: str) -> Path:
    """Have ffmpeg make a file."""
    path = place.folder / f"made{suffix}"
    make(path, *options)
    return path


def hls(target: str) -> str:
    """Return a playlist of one segment."""
    return (
        "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:5\n#EXT-X-PLAYLIST-TYPE:VOD\n"
        f"#EXTINF:5,\n{target}\n#EXT-X-ENDLIST\n"
    )


def dash(target: str) -> str:
    """Return a manifest of one segment."""
    return (
        '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011" type="static"'
        ' mediaPresentationDuration="PT5S"><Period><AdaptationSet contentType="video">'
        '<Representation id="0" codecs="avc1.64001f" mimeType="video/mp4" bandwidth="1" width="64" height="48">'
        f"<BaseURL>{target}</BaseURL></Representation></AdaptationSet></Period></MPD>"
    )


def ffconcat(target: str) -> str:
    """Return a list of one file."""
    return f"ffconcat version 1.0\nfile '{target}'\n"


def sdp(place: Place) -> str:
    """Return the description of a stream that comes from an address."""
    port = place.listener.port
    return (
        "v=0\no=- 0 0 IN IP4 127.0.0.1\ns=match\nc=IN IP4 127.0.0.1\nt=0 0\n"
        f"a=control:rtsp://127.0.0.1:{port}/\nm=video {port} RTP/AVP 96\na=rtpmap:96 H264/90000\n"
    )


def local(place: Place) -> str:
    """Return the name of a file that nobody may read."""
    return f"file://{place.canary.path}"


def remote(place: Place) -> str:
    """Return an address that nobody may call."""
    return f"http://127.0.0.1:{place.listener.port}/segment.ts"


def png(width: int, height: int) -> bytes:
    """Return a black picture of one bit a pixel: some kilobytes for a hundred million pixels."""

    def chunk(kind: bytes, body: bytes) -> bytes:
        checksum = zlib.crc32(kind + body)
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", checksum)

    header = struct.pack(">IIBBBBB", width, height, 1, 0, 0, 0, 0)
    rows = zlib.compress(bytes((1 + (width + 7) // 8) * height))
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")


def bomb(place: Place) -> Path:
    """Put a picture of 144 million pixels into a film."""
    picture = place.folder / "bomb.png"
    picture.write_bytes(png(12_000, 12_000))
    return made(place, ".mov", "-i", str(picture), "-c", "copy")


def growing(place: Place) -> Path:
    """Join a small film and a picture of 37 million pixels into one transport stream."""
    small = place.film("small.ts", length_s=1)
    large = made(
        place,
        ".ts",
        *("-f", "lavfi", "-i", "color=size=6400x6400:rate=25:duration=0.04", "-c:v", "libx264"),
        *("-preset", "ultrafast", "-threads", "1", "-output_ts_offset", "1"),
    )
    return written(place, small.read_bytes() + large.read_bytes())


def resized(place: Place) -> Path:
    """Join films of two sizes into one transport stream."""
    small = place.film("small.ts", length_s=1)
    large = place.film("large.ts", "-s", "384x216", "-output_ts_offset", "1", length_s=1)
    return written(place, small.read_bytes() + large.read_bytes())


def to_mono(place: Place) -> Path:
    """Join films with two channels of sound and with one into one transport stream."""
    stereo = place.film("stereo.ts", "-c:a", "mp2", "-ac", "2", length_s=1, sound=True)
    mono = place.film("mono.ts", "-c:a", "mp2", "-ac", "1", "-output_ts_offset", "1", length_s=1, sound=True)
    return written(place, stereo.read_bytes() + mono.read_bytes())


def encrypted(place: Place) -> Path:
    """Make an MP4 that only its seller's players open."""
    key = (
        "-encryption_key",
        "76a6c65c5ea762046bd749a2e632ccbb",
        "-encryption_kid",
        "a7e61c373e219033c21091fa607bf3b8",
    )
    return place.film("sold.mp4", "-encryption_scheme", "cenc-aes-ctr", *key)


def endless_index(place: Place) -> Path:
    """Let the table of the frames' durations claim far more entries than it has."""
    data = bytearray(place.film("late.mp4").read_bytes())
    entries = data.index(b"stts") + 8
    data[entries : entries + 4] = (1 << 31).to_bytes(4, "big")
    return written(place, bytes(data))


def stretched(place: Place, *, frame_s: int) -> Path:
    """Make a film of three frames that stand for ``frame_s`` seconds each."""
    source = ("-f", "lavfi", "-i", "testsrc2=size=192x108:rate=1:duration=3")
    late = ("-vf", f"settb=1/1000,setpts=N*{frame_s}*1000", "-fps_mode", "passthrough")
    return made(place, ".mp4", *source, *late, "-enc_time_base", "1:1000", "-c:v", "libx264", "-bf", "0")


def timeless(place: Place) -> Path:
    """Set the duration of each frame, of the track and of the film to nothing."""
    data = bytearray(place.film("late.mp4").read_bytes())
    for name, offset in ((b"stts", 16), (b"mdhd", 20), (b"mvhd", 20), (b"tkhd", 24), (b"elst", 12)):
        place_of = data.index(name) + offset
        data[place_of : place_of + 4] = bytes(4)
    return written(place, bytes(data))

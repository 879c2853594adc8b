"""What is encoded: moving, noisy pictures with a tone, the same bytes wherever the same ffmpeg makes them."""

from pathlib import Path

from tests.footage import make

#: Of the piece that longer films repeat.
PIECE_S = 30
RATE = 25
#: A profile of small sizes, so that a film of minutes is encoded in less than that on two cores.
PROFILE = """\
name = "bench"
audio_rate_bps = 96_000
splice = true
rungs = [
    { height = 360, rate_bps = 600_000, high_motion_rate_bps = 900_000 },
    { height = 216, rate_bps = 300_000, high_motion_rate_bps = 450_000 },
]
"""
#: The smallest picture that every encoder takes, for what is not about encoding.
STAMP = """\
name = "stamp"
audio_rate_bps = 32_000
splice = true
rungs = [{ height = 146, rate_bps = 64_000, high_motion_rate_bps = 90_000 }]
"""


def write_profiles(folder: Path) -> None:
    """Write the profiles of this module's films."""
    (folder / "bench.toml").write_text(PROFILE)
    (folder / "stamp.toml").write_text(STAMP)


def film(folder: Path, length_s: int, *, size: str = "640x360") -> Path:
    """Return a film in ``folder`` of so many seconds; more than ``PIECE_S`` are the same piece again and again."""
    path = folder / f"film-{size}-{length_s}.mp4"
    piece_s = min(PIECE_S, length_s)
    piece = folder / f"piece-{size}-{piece_s}.mp4"
    if not piece.exists():
        picture = f"testsrc2=size={size}:rate={RATE}:duration={piece_s},noise=alls=5:allf=t"
        sound = f"sine=frequency=440:sample_rate=48000:duration={piece_s}"
        codecs = ("-c:v", "libx264", "-preset", "veryfast", "-crf", "24", "-g", str(2 * RATE))
        # As a camera tags a match: of a source in other colours, each rendition is converted.
        colours = (
            *("-pix_fmt", "yuv420p", "-colorspace", "bt709", "-color_primaries", "bt709"),
            *("-color_trc", "bt709", "-color_range", "tv"),
        )
        make(
            piece, "-f", "lavfi", "-i", picture, "-f", "lavfi", "-i", sound, *codecs, *colours, "-c:a", "aac"
        )
    times = -(-length_s // piece_s)
    make(path, "-stream_loop", str(times - 1), "-i", str(piece), "-t", str(length_s), "-c", "copy")
    return path

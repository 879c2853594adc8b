"""Make a progressive MP4 from the CMAF track files of one rendition.

::

    chunk 0: init moof mdat ...  ┐
    chunk 1: (init) moof mdat ...├─► joined file ─┐
    chunk 2: (init) moof mdat ...┘                ├─ mux, no encoding ─► ftyp moov mdat ─► checked
    audio:   init moof mdat ... ──────────────────┘
"""

import errno
import mmap
from collections.abc import Sequence
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rugbytx.core import cmaf
from rugbytx.core.box import Box
from rugbytx.core.cmaf import Track
from rugbytx.core.plan import BASE_OFFSET_S, Plan
from rugbytx.errors import ScratchFull, TranscodeError, VerificationError
from rugbytx.media import command, ffmpeg, limit, probe
from rugbytx.ports import Pulse

_COPY_BYTES = 1 << 20
#: Samples in a frame of AAC-LC: how much longer or shorter than the video the audio may be.
_AAC_FRAME = 1024


@dataclass(frozen=True, kw_only=True)
class Programs:
    """Where ffmpeg and ffprobe are."""

    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"


def track(path: Path) -> Track:
    """Return the track that a CMAF file holds; raises VerificationError where it is not a whole one."""
    return cmaf.parse(_mapped(path))


def make_mp4(
    plan: Plan,
    video: Sequence[Path],
    audio: Path | None,
    path: Path,
    *,
    pulse: Pulse,
    programs: Programs,
) -> None:
    """Write ``path`` from the chunks of one rendition, in order, and the audio.

    The first frame and the first true audio sample both stand at zero, the
    audio's priming before it.  Needs room for the video twice beside ``path``.
    Raises VerificationError where the chunks do not belong together or the
    result is not what the plan asks for.
    """
    joined = path.with_name(f"{path.name}.joined")
    try:
        pulse.step("join")
        _join(video, joined, pulse=pulse)
        pulse.step("mux")
        delay_s = _priming_s(track(audio)) if audio else Fraction(0)
        argv = command.mux(joined, audio, path, sound_delay_s=delay_s, ffmpeg=programs.ffmpeg)
        sizes = [part.stat().st_size for part in (joined, audio) if part]
        ffmpeg.run(argv, pulse=pulse, limits=limit.copying(sum(sizes)))
    finally:
        joined.unlink(missing_ok=True)
    pulse.step("verify")
    _check(plan, path, has_audio=audio is not None, pulse=pulse, ffprobe=programs.ffprobe)


def _join(video: Sequence[Path], joined: Path, *, pulse: Pulse) -> None:
    """Write one CMAF file: the first chunk as it is, of the others their fragments.

    Fragments carry absolute decode times, so they only need to follow one another.
    """
    inits = set()
    written = 0
    try:
        with joined.open("wb") as target:
            for path in video:
                chunk = track(path)
                inits.add(chunk.init_sha256)
                with path.open("rb") as source:
                    source.seek(chunk.init_bytes if written else 0)
                    while piece := source.read(_COPY_BYTES):
                        written += target.write(piece)
                        pulse.advance(count=written)
                        pulse.check()
    except OSError as error:
        if error.errno in {errno.ENOSPC, errno.EDQUOT}:
            raise ScratchFull("the scratch disk is full") from error
        raise TranscodeError(f"the chunks could not be joined: {error.strerror}") from error
    if len(inits) != 1:
        raise VerificationError(f"the chunks have {len(inits)} headers, and one MP4 can hold only one")


def _priming_s(audio: Track) -> Fraction:
    """Return where the audio's priming begins if its first true sample is at zero.

    Read from the boxes: the encoder puts the priming before the common offset,
    while ffprobe's figures depend on its version.
    """
    return Fraction(audio.fragments[0].decode_time, audio.timescale) - BASE_OFFSET_S


def _check(plan: Plan, path: Path, *, has_audio: bool, pulse: Pulse, ffprobe: str) -> None:
    """Raise VerificationError where the MP4 is not what the plan asks for."""
    kinds = _kinds(path)
    if "moov" not in kinds or "mdat" not in kinds or kinds.index("moov") > kinds.index("mdat"):
        raise VerificationError("the MP4 has no index before its pictures, so it cannot start while it loads")
    streams = probe.count(path, pulse=pulse, ffprobe=ffprobe)
    wanted = {"video", "audio"} if has_audio else {"video"}
    if set(streams) != wanted:
        raise VerificationError(f"the MP4 should hold {sorted(wanted)} and holds {sorted(streams)}")
    frames = int(streams["video"]["nb_read_packets"])
    if frames != plan.grid.frames:
        raise VerificationError(f"the MP4 should have {plan.grid.frames} frames and has {frames}")
    tolerance_s = 1 / plan.grid.rate + (Fraction(_AAC_FRAME, plan.audio.sample_rate) if plan.audio else 0)
    for kind, stream in streams.items():
        start_s, duration_s = Fraction(stream["start_time"]), Fraction(stream["duration"])
        if abs(start_s) > Fraction(1, 1000):
            raise VerificationError(
                f"the MP4's {kind} should start at 0 s and starts at {float(start_s):g} s"
            )
        if abs(duration_s - plan.grid.duration_s) > tolerance_s:
            raise VerificationError(
                f"the MP4's {kind} should last {float(plan.grid.duration_s):g} s and lasts {float(duration_s):g} s"
            )


def _kinds(path: Path) -> list[str]:
    """Return the kinds of the file's outermost boxes, in order."""
    data = _mapped(path)
    return [box.kind for box in Box.walk(data, start=0, end=len(data))]


def _mapped(path: Path) -> memoryview:
    """Return a view of a file that ffmpeg should have written; the last reference to it unmaps the file."""
    try:
        with path.open("rb") as file:
            return memoryview(mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ))
    except (FileNotFoundError, ValueError) as error:  # a file of no bytes cannot be mapped
        raise VerificationError(f"{path.name} was not written") from error

"""Make a progressive MP4 from the CMAF track files of one rendition.

::

    chunk 0: init moof mdat ...  ┐
    chunk 1: (init) moof mdat ...├─► joined file ─┐
    chunk 2: (init) moof mdat ...┘                ├─ mux, no encoding ─► ftyp moov mdat ─► checked
    audio:   init moof mdat ... ──────────────────┘
"""

import errno
from collections.abc import Mapping, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

from rugbytx.core.cmaf.box import Box
from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.plan.plan import BASE_OFFSET_S, Plan
from rugbytx.core.verify import finding, progressive_mp4
from rugbytx.core.verify.progressive_mp4 import Mp4, Mp4Stream
from rugbytx.errors import ScratchFull, TranscodeError, UnsupportedMedia, VerificationError
from rugbytx.media.encode import command_line
from rugbytx.media.encode.track_file import mapped, track
from rugbytx.media.process import ffmpeg, resource_limits
from rugbytx.media.process.programs import Programs
from rugbytx.media.source import probe
from rugbytx.ports import Pulse

_COPY_BYTES = 1 << 20


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
        argv = command_line.mux(joined, audio, path, sound_delay_s=delay_s, ffmpeg=programs.ffmpeg)
        sizes = [part.stat().st_size for part in (joined, audio) if part]
        ffmpeg.run(argv, pulse=pulse, limits=resource_limits.copying(sum(sizes)))
    finally:
        joined.unlink(missing_ok=True)
    pulse.step("verify")
    seen = inspect(path, pulse=pulse, ffprobe=programs.ffprobe)
    finding.require(
        list(progressive_mp4.check(plan.grid, seen, has_audio=audio is not None, where="the MP4"))
    )


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


def inspect(path: Path, *, pulse: Pulse, ffprobe: str = "ffprobe") -> Mp4:
    """Return what an MP4 is; raises VerificationError where it is none, and what ``pulse`` raises."""
    boxes = _kinds(path)
    try:
        streams = probe.count(path, pulse=pulse, ffprobe=ffprobe)
        return Mp4(boxes=boxes, streams={kind: _stream(told) for kind, told in streams.items()})
    except UnsupportedMedia as error:
        raise VerificationError(f"{path.name} cannot be read: {error}") from error
    except (KeyError, ValueError) as error:
        raise VerificationError(f"{path.name} has a stream without times") from error


def _stream(told: Mapping[str, Any]) -> Mp4Stream:
    return Mp4Stream(
        packets=int(told["nb_read_packets"]),
        start_s=Fraction(told["start_time"]),
        duration_s=Fraction(told["duration"]),
        sample_rate=int(told.get("sample_rate", 0)),
    )


def _kinds(path: Path) -> tuple[str, ...]:
    """Return the kinds of the file's outermost boxes, in order."""
    data = mapped(path)
    return tuple(box.kind for box in Box.walk(data, start=0, end=len(data)))

"""Make of what was uploaded the one file that planning and all chunks read.

::

    MP4, MOV, Matroska, AVI ── rename ──────────────► source
    MPEG-TS ── copy, no encoding ── source.part ────► source

MPEG-TS has no index, so that a seek lands anywhere and decoding begins up to a
GOP later; its clock may begin at hours and be set anew in mid-film.  The copy
has an index and one clock.  It depends on the upload's bytes alone, so the
copies of all workers have the same frames.
"""

import shutil
from pathlib import Path

from rugbytx.core.source import stream_selection
from rugbytx.core.source.media_info import UNINDEXED
from rugbytx.errors import ScratchFull
from rugbytx.media.encode import command_line
from rugbytx.media.process import ffmpeg, resource_limits
from rugbytx.media.process.programs import Programs
from rugbytx.media.source import probe
from rugbytx.ports import Pulse

#: Sound that is encoded without loss may take many times its space, and there is little of it.
_LOSSLESS = 8


def prepare(arrived: Path, path: Path, *, pulse: Pulse, programs: Programs) -> None:
    """Turn ``arrived`` into ``path``, which is there only once it is whole.

    Raises UnsupportedMedia, TranscodeError, ScratchFull, HostUnfit or what ``pulse`` raises.
    """
    pulse.step("ingest")
    answer = probe.headers(arrived, pulse=pulse, ffprobe=programs.ffprobe)
    kind = answer.get("format", {}).get("format_name", "")
    if kind not in UNINDEXED:
        arrived.rename(path)
        return
    part = path.with_name(f"{path.name}.part")
    try:
        _copy(arrived, part, kind, pulse=pulse, programs=programs)
        part.rename(path)
    finally:
        part.unlink(missing_ok=True)
    arrived.unlink()


def _copy(arrived: Path, part: Path, kind: str, *, pulse: Pulse, programs: Programs) -> None:
    """Copy the streams that are transcoded, and no others."""
    size_bytes = arrived.stat().st_size
    free_bytes = shutil.disk_usage(part.parent).free
    if free_bytes < size_bytes:
        raise ScratchFull(
            f"the scratch disk has {free_bytes >> 20} MiB free,"
            f" and the copy of the source needs {size_bytes >> 20} MiB"
        )
    answer = probe.headers(arrived, pulse=pulse, ffprobe=programs.ffprobe, thorough=True)
    video = stream_selection.video(answer)
    audio, _ = stream_selection.audio(answer)
    argv = command_line.ingest(
        arrived, part, video=video, audio=audio, arrived_as=kind, ffmpeg=programs.ffmpeg
    )
    is_copied = audio is None or audio["codec_name"] in command_line.MP4_AUDIO
    ffmpeg.run(
        argv, pulse=pulse, limits=resource_limits.copying(size_bytes * (1 if is_copied else _LOSSLESS))
    )

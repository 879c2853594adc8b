"""What ffmpeg's complaints mean: a table, and what becomes of the work after each.

Its exit status cannot tell: 5.1 knows only 1, and later versions use one number
for unlike things.  Nor can its last lines, which only wrap the cause.  The
patterns are the core of each line, so that they survive the prefixes that
differ between versions; they are written for ``-loglevel level+warning``,
because NVENC says what it lacks at that level (libavcodec/nvenc.c).
"""

import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum

from rugbytx.errors import (
    Draining,
    HostUnfit,
    RugbytxError,
    ScratchFull,
    SourceMissing,
    TranscodeError,
    UnsupportedMedia,
)


class Action(StrEnum):
    """What becomes of the work."""

    #: The source is bad: no host can do it.
    INPUT = "input"
    #: The source cannot go this way through this encoder: take the next recipe.
    PLAN = "plan"
    #: This attempt failed.
    RETRY = "retry"
    #: All sessions of an encoder that works are in use: an attempt failed, and it counts against the host.
    BUSY = "busy"
    #: The encoder failed and may be ill: an attempt failed, and it counts against the host.
    SICK = "sick"
    #: This host cannot do it.
    HOST = "host"
    #: The scratch disk is full.
    DISK = "disk"
    #: This host is being switched off.
    LEAVE = "leave"


_ERRORS: dict[Action, type[RugbytxError]] = {
    Action.INPUT: UnsupportedMedia,
    Action.HOST: HostUnfit,
    Action.DISK: ScratchFull,
    Action.LEAVE: Draining,
}


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """A line of ffmpeg's, what it means as a sentence, and what to do."""

    pattern: re.Pattern[str]
    meaning: str
    action: Action
    #: Where the action's own error would say too little.
    error: type[RugbytxError] | None = None
    #: ffmpeg ends with status 0 after it, and its output is no good all the same.
    spoils_success: bool = False


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What an ending of ffmpeg's means."""

    action: Action
    error: RugbytxError


def _row(action: Action, meaning: str, pattern: str, error: type[RugbytxError] | None = None) -> Complaint:
    return Complaint(pattern=re.compile(pattern), meaning=meaning, action=action, error=error)


#: The first row that any line matches decides.
TABLE = (
    # A full disk stands first: whatever else is said comes of it.
    _row(Action.DISK, "the scratch disk is full", r"No space left on device|Disk quota exceeded"),
    # -- this host
    _row(
        Action.HOST,
        "this host has no NVIDIA driver",
        r"Cannot load libcuda\.so|Could not dynamically load CUDA",
    ),
    _row(
        Action.HOST,
        "the NVIDIA driver's video part is missing: a container needs NVIDIA_DRIVER_CAPABILITIES=compute,video,utility",
        r"Cannot load libnv(idia-encode|cuvid)\.so|Failed loading nvcuvid",
    ),
    _row(
        Action.HOST,
        "the NVIDIA driver is older than this ffmpeg needs",
        r"Driver does not support the required nvenc API version|CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
    ),
    _row(
        Action.HOST,
        "this host's GPU is not there or cannot be reached",
        r"No CUDA capable devices found|CUDA_ERROR_NO_DEVICE|CUDA_ERROR_OPERATING_SYSTEM",
    ),
    _row(
        Action.SICK,
        "the GPU or its driver failed",
        r"CUDA_ERROR_(ILLEGAL_ADDRESS|LAUNCH_FAILED|LAUNCH_TIMEOUT|ECC_UNCORRECTABLE|HARDWARE_STACK_ERROR"
        r"|UNKNOWN|SYSTEM_NOT_READY|NOT_INITIALIZED)",
    ),
    _row(
        Action.BUSY,
        "the GPU gives no further encoding session",
        r"OpenEncodeSessionEx failed: (out of memory \(10\)|incompatible client key \(21\))",
    ),
    _row(
        Action.RETRY,
        "the GPU's memory is full",
        r"CUDA_ERROR_OUT_OF_MEMORY|(CreateInputBuffer|InitializeEncoder) failed: out of memory",
    ),
    _row(Action.RETRY, "the GPU's encoder is busy", r"lock busy \(13\)|encoder busy \(18\)"),
    # -- this way through the encoder
    _row(
        Action.PLAN,
        "the GPU's encoder does not take this kind of picture",
        r"10 bit encode not supported|YUV444P not supported|Interlaced encoding is not supported",
    ),
    _row(
        Action.PLAN,
        "the GPU's encoder lacks what the ladder asks for",
        r"B frames as references are not supported|Max B-frames \d+ exceed|RC lookahead not supported"
        r"|Temporal AQ not supported|Multiple reference frames are not supported",
    ),
    _row(
        Action.PLAN,
        "the GPU's encoder does not take pictures of this size",
        r"(Width|Height) \d+ exceeds|Frame Dimension less than the minimum",
    ),
    _row(
        Action.PLAN,
        "the GPU's encoder refuses these settings",
        r"InitializeEncoder failed: (invalid param \(8\)|unsupported param)",
    ),
    _row(
        Action.PLAN,
        "the GPU cannot decode or scale this source",
        r"cuvidCreateDecoder.*failed -> CUDA_ERROR_|Failed setup for format cuda"
        r"|No decoder surfaces left|Impossible to convert between the formats supported by the filter"
        r"|hwaccel.*not supported|Device setup failed for decoder",
    ),
    _row(
        Action.SICK,
        "the GPU's encoder failed while it ran",
        r"EncodePicture failed!|Failed locking bitstream buffer|device does not exist|map failed",
    ),
    _row(
        Action.HOST,
        "this host's ffmpeg was built without this encoder",
        r"Unknown encoder 'h264_|No such filter: '\w+_cuda'|Unrecognized option 'max_perf'",
    ),
    _row(
        Action.PLAN,
        "this host has no video encoder of that kind",
        r"Could not find a valid device|can't configure encoder",
    ),
    Complaint(
        pattern=re.compile(r"packet memory pool is empty! Packet will be dropped"),
        meaning="the Jetson's encoder lost frames",
        action=Action.RETRY,
        spoils_success=True,
    ),
    # -- the source
    _row(Action.INPUT, "the source is not a complete MP4 file: its index is missing", r"moov atom not found"),
    # On the line that names the input, not on those about one damaged packet.
    _row(
        Action.INPUT,
        "the source is not a video file, or is damaged from its beginning",
        r"(\] (file|https?):.*|Error opening input.*): Invalid data found when processing input",
    ),
    _row(
        Action.INPUT,
        "the source has no video stream, so there is nothing to transcode",
        r"Stream map '0?:?v.*' matches no streams",
    ),
    _row(
        Action.INPUT,
        "the source is of a kind that is not accepted: it must be MP4, MOV, Matroska, WebM, MPEG-TS or AVI",
        r"Format not on whitelist|Protocol '\S+' not on whitelist|Unsafe file name",
    ),
    _row(
        Action.INPUT,
        "the source's picture is larger than this system takes",
        r"exceeds specified max pixel count",
    ),
    _row(
        Action.INPUT,
        "the source's video is in a format that cannot be decoded",
        r"Decoder \(codec .*\) not found|no decoder found for",
    ),
    # -- the way to the source, and the host around ffmpeg
    _row(Action.INPUT, "the source is no longer where it was", r"Server returned 404", SourceMissing),
    _row(Action.RETRY, "the source may not be read by the address that was given", r"Server returned 403"),
    _row(
        Action.RETRY,
        "reading the source broke off",
        r"Stream ends prematurely at|Connection reset|Connection timed out|Input/output error"
        r"|Server returned 5XX|Connection .* failed",
    ),
    _row(
        Action.HOST,
        "ffmpeg may not write where it should",
        r"(\] file:.*|Error opening output.*): (Permission denied|No such file or directory|Read-only file system)",
    ),
    _row(Action.RETRY, "the host's memory is full", r"Cannot allocate memory"),
)

#: Damage of the source: counted while it is decoded, and never the reason for an end.
DAMAGE = re.compile(
    r"partial file|File ended prematurely|Packet corrupt|corrupt (decoded frame|input packet)"
    r"|Error (while decoding|submitting packet to decoder)"
)
#: Lines that only report that something else went wrong.
WRAPPER = re.compile(
    r"Conversion failed!|Error while opening encoder|Error initializing (output|complex|filters)"
    r"|Error (re)?initializing filters|Terminating thread with return code|Exiting normally"
    r"|Error while (processing|filtering)|Error marking filters as finished"
    r"|Nothing was written into output|Error (opening|writing|muxing|sending)\b.*(file|packet|frame|trailer)s?"
    r"|Last message repeated|Task finished with error code|Failed to inject frame"
    r"|No( NVENC)? capable devices found|Provided device doesn't support required NVENC features"
    r"|Device creation failed|Error splitting the argument list|Error parsing global options"
)
#: Errors of what works for us: encoders, filters, bitstream filters and muxers, in 5.1's words and in later ones.
#: What is wrong with a source is told by demuxers and decoders, and aac and mjpeg are names of both kinds.
OURS = re.compile(
    r"^(\[(libx264|h264_nvenc|h264_nvmpi|mp4|image2|dump_extra|filter_units|swscaler|AVFilterGraph|Parsed_\w+|auto_\w+"
    r"|graph \d+[^@\]]*|[av]ost#[^@\]]*|[av]f#[^@\]]*|fc#[^@\]]*|out#[^@\]]*|enc:[^@\]]*)( @ 0x[0-9a-f]+)?\] ?)+"
    r"\[(error|fatal|panic)\]"
)
_SERIOUS = re.compile(r"\[(error|fatal|panic)\]")
_PREFIX = re.compile(r"^(\[[^\]]*\] ?)+")

#: ffmpeg's exit status after a signal that it handles; 7.0 and later have it for EPERM too, and say so.
_SIGNALLED = 255
#: A codec that crashed (signal(7)); a shell between us and it would add 128.
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGBUS, signal.SIGFPE})


def examine(code: int, complaints: Sequence[str]) -> Diagnosis:
    """Return what an ending with this status and these lines means.

    Where no row fits, the first serious line that is neither a wrapper nor
    about damage is the message.

    >>> examine(1, ["[h264_nvenc @ 0x5] [error] Cannot load libcuda.so.1", "[fatal] Conversion failed!"]).error
    HostUnfit('this host has no NVIDIA driver (Cannot load libcuda.so.1)')
    >>> examine(-11, [])
    Diagnosis(action=<Action.PLAN: 'plan'>, error=TranscodeError('ffmpeg was ended by signal 11 (Segmentation fault)'))
    """
    for row in TABLE:
        line = next((line for line in complaints if row.pattern.search(line)), None)
        if line is not None:
            return _diagnosis(row, line)
    specific = [line for line in complaints if not WRAPPER.search(line) and not DAMAGE.search(line)]
    serious = [line for line in specific if _SERIOUS.search(line)]
    # A SIGTERM that we did not send is no verdict on the unit: whoever switches this host off sent it.
    if code == -signal.SIGTERM or (code == _SIGNALLED and not serious):
        return Diagnosis(action=Action.LEAVE, error=Draining("ffmpeg was told to end by another process"))
    first = next(iter(serious or specific or complaints), None)
    if code < 0:
        said = f", after: {plain(first)}" if first else ""
        sentence = f"ffmpeg was ended by signal {-code} ({signal.strsignal(-code)}){said}"
    elif first is None:
        sentence = f"ffmpeg failed with exit status {code} and said nothing"
    else:
        sentence = f"ffmpeg failed: {plain(first)}"
    is_crash = -code in _CRASHES or code - 128 in _CRASHES
    return Diagnosis(action=Action.PLAN if is_crash else Action.RETRY, error=TranscodeError(sentence))


def spoilt(complaints: Sequence[str]) -> Diagnosis | None:
    """Return what is wrong with an output although ffmpeg ended with status 0.

    An encoder, a filter or a muxer that complains has not done what was asked;
    decoders complain of damage, which is counted instead.
    """
    rows = (row for row in TABLE if row.spoils_success)
    found = ((row, line) for row in rows for line in complaints if row.pattern.search(line))
    known = next((_diagnosis(row, line) for row, line in found), None)
    line = next((line for line in complaints if OURS.search(line)), None)
    if known or line is None:
        return known
    error = TranscodeError(f"ffmpeg ended well and complained of its own work: {plain(line)}")
    return Diagnosis(action=Action.RETRY, error=error)


def _diagnosis(row: Complaint, line: str) -> Diagnosis:
    kind = row.error or _ERRORS.get(row.action, TranscodeError)
    quoted = row.action not in {Action.INPUT, Action.DISK}
    return Diagnosis(
        action=row.action, error=kind(f"{row.meaning} ({plain(line)})" if quoted else row.meaning)
    )


def plain(line: str) -> str:
    """Return a line without ffmpeg's ``[component @ address] [level]``, in a length fit for a reason.

    >>> plain("[h264_nvenc @ 0x55] [error] Cannot load libcuda.so.1")
    'Cannot load libcuda.so.1'
    """
    return _PREFIX.sub("", line).strip()[:300]

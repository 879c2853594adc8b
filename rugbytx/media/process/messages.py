"""What ffmpeg's complaints mean: a table, and what becomes of the work after each.

Its exit status cannot tell: 5.1 knows only 1, and later versions use one number
for unlike things.  Nor can its last lines, which only wrap the cause.  The
patterns are the core of each line, so that they survive the prefixes that
differ between versions; they are written for ``-loglevel level+warning``,
because NVENC says what it lacks at that level (libavcodec/nvenc.c).

Who says it counts as well.  Demuxers quote the file, and a file may hold any of
these lines: so of this host only ffmpeg's own parts are believed, and ffprobe,
which opens nothing but the source, is believed in nothing of the host at all.
"""

import re
from dataclasses import dataclass, replace
from enum import StrEnum

from rugbytx.errors import RugbytxError, SourceMissing


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


@dataclass(frozen=True, kw_only=True)
class Complaint:
    """What some lines of ffmpeg's mean, as a sentence, and what to do."""

    #: Each of them alone.
    patterns: tuple[re.Pattern[str], ...]
    meaning: str
    action: Action
    #: Where the action's own error would say too little.
    error: type[RugbytxError] | None = None
    #: Whether it is about this host, so that not everybody is believed.
    is_of_host: bool = False
    #: The source would have had ffmpeg open something else.
    is_attack: bool = False
    #: ffmpeg ends with status 0 after it, and its output is no good all the same.
    spoils_success: bool = False

    def fits(self, line: str) -> bool:
        """Return whether the line says this, and comes from a part of ffmpeg that may say it.

        >>> row = Complaint(
        ...     patterns=(re.compile("No such driver"),), meaning="", action=Action.HOST, is_of_host=True
        ... )
        >>> row.fits("[h264_nvenc @ 0x5] [error] No such driver")
        True
        >>> row.fits("[mov,mp4 @ 0x5] [warning] Skipped opening external track: path='No such driver'")
        False
        """
        is_believed = not self.is_of_host or _OWN.match(line) is not None
        return is_believed and any(pattern.search(line) for pattern in self.patterns)


#: How the parts of ffmpeg begin their lines that know of this host: encoders, devices, filters, the decoders
#: that a GPU may stand in for, the muxer, and the program itself, which has no name.
_OWN = re.compile(
    r"\[libnvmpi\]"
    r"|(\[((?!in#)[a-z]+#[\d:]+(/\w+)?|(enc:|dec:)?(h264|hevc|vp9|av1)(_\w+)?|AVHW\w+|AVFilterGraph|Parsed_\w+|auto_\w+"
    r"|graph \d+ [^@\]]+|mp4)( @ 0x[0-9a-f]+)?\] ?)*\[(warning|error|fatal|panic)\] "
)


def _row(action: Action, meaning: str, *patterns: str, error: type[RugbytxError] | None = None) -> Complaint:
    return Complaint(patterns=tuple(map(re.compile, patterns)), meaning=meaning, action=action, error=error)


def _of_host(action: Action, meaning: str, *patterns: str) -> Complaint:
    return replace(_row(action, meaning, *patterns), is_of_host=True)


_FULL = (_of_host(Action.DISK, "the scratch disk is full", "No space left on device", "Disk quota exceeded"),)

_SICK_CUDA = (
    *("ILLEGAL_ADDRESS", "LAUNCH_FAILED", "LAUNCH_TIMEOUT", "ECC_UNCORRECTABLE", "HARDWARE_STACK_ERROR"),
    *("UNKNOWN", "SYSTEM_NOT_READY", "NOT_INITIALIZED"),
)

_HOST = (
    _of_host(
        Action.HOST,
        "this host has no NVIDIA driver",
        r"Cannot load libcuda\.so",
        "Could not dynamically load CUDA",
    ),
    _of_host(
        Action.HOST,
        "the NVIDIA driver's video part is missing: a container needs NVIDIA_DRIVER_CAPABILITIES=compute,video,utility",
        r"Cannot load libnvidia-encode\.so",
        r"Cannot load libnvcuvid\.so",
        "Failed loading nvcuvid",
    ),
    _of_host(
        Action.HOST,
        "the NVIDIA driver is older than this ffmpeg needs",
        "Driver does not support the required nvenc API version",
        "CUDA_ERROR_SYSTEM_DRIVER_MISMATCH",
    ),
    _of_host(
        Action.HOST,
        "this host's GPU is not there or cannot be reached",
        "No CUDA capable devices found",
        "CUDA_ERROR_NO_DEVICE",
        "CUDA_ERROR_OPERATING_SYSTEM",
    ),
    _of_host(Action.SICK, "the GPU or its driver failed", *(rf"CUDA_ERROR_{code}\b" for code in _SICK_CUDA)),
    _of_host(
        Action.BUSY,
        "the GPU gives no further encoding session",
        r"OpenEncodeSessionEx failed: out of memory \(10\)",
        r"OpenEncodeSessionEx failed: incompatible client key \(21\)",
    ),
    _of_host(
        Action.RETRY,
        "the GPU's memory is full",
        "CUDA_ERROR_OUT_OF_MEMORY",
        "CreateInputBuffer failed: out of memory",
        "InitializeEncoder failed: out of memory",
    ),
    _of_host(Action.RETRY, "the GPU's encoder is busy", r"lock busy \(13\)", r"encoder busy \(18\)"),
    _of_host(
        Action.PLAN,
        "the GPU's encoder does not take this kind of picture",
        "10 bit encode not supported",
        "YUV444P not supported",
        "Interlaced encoding is not supported",
    ),
    _of_host(
        Action.PLAN,
        "the GPU's encoder lacks what the ladder asks for",
        "B frames as references are not supported",
        r"Max B-frames \d+ exceed",
        "RC lookahead not supported",
        "Temporal AQ not supported",
        "Multiple reference frames are not supported",
    ),
    _of_host(
        Action.PLAN,
        "the GPU's encoder does not take pictures of this size",
        r"Width \d+ exceeds",
        r"Height \d+ exceeds",
        "Frame Dimension less than the minimum",
    ),
    _of_host(
        Action.PLAN,
        "the GPU's encoder refuses these settings",
        r"InitializeEncoder failed: invalid param \(8\)",
        "InitializeEncoder failed: unsupported param",
    ),
    _of_host(
        Action.PLAN,
        "the GPU cannot decode or scale this source",
        "cuvidCreateDecoder.*failed -> CUDA_ERROR_",
        "Failed setup for format cuda",
        "No decoder surfaces left",
        "Impossible to convert between the formats supported by the filter",
        "hwaccel.*not supported",
        "Device setup failed for decoder",
    ),
    _of_host(
        Action.SICK,
        "the GPU's encoder failed while it ran",
        "EncodePicture failed!",
        "Failed locking bitstream buffer",
        "device does not exist",
        "map failed",
    ),
    _of_host(
        Action.HOST,
        "this host's ffmpeg was built without this encoder",
        "Unknown encoder 'h264_",
        r"No such filter: '\w+_cuda'",
        "Unrecognized option 'max_perf'",
    ),
    _of_host(
        Action.PLAN,
        "this host has no video encoder of that kind",
        "Could not find a valid device",
        "can't configure encoder",
    ),
    replace(
        _of_host(
            Action.RETRY,
            "the Jetson's encoder lost frames",
            "packet memory pool is empty! Packet will be dropped",
        ),
        spoils_success=True,
    ),
    _of_host(
        Action.HOST,
        "ffmpeg may not write where it should",
        *(
            rf"(\] file:.*|Error opening output.*): {reason}"
            for reason in ("Permission denied", "No such file or directory", "Read-only file system")
        ),
    ),
)

_SOURCE = (
    # Before the others: whatever else is said comes of having been told to look for nothing but films.
    replace(
        _row(
            Action.INPUT,
            "the source is of a kind that is not accepted: it must be MP4, MOV, Matroska, WebM, MPEG-TS or AVI",
            "Format not on whitelist",
            r"Protocol '\S+' not on whitelist",
            "Unsafe file name",
            # From 7.1 on a playlist is known by its name or its server's word as well, and else taken for damaged.
            "Not detecting m3u8/hls with non standard extension",
        ),
        is_attack=True,
    ),
    _row(Action.INPUT, "the source is not a complete MP4 file: its index is missing", "moov atom not found"),
    # On the line that names the input, not on those about one damaged packet.
    _row(
        Action.INPUT,
        "the source is not a video file, or is damaged from its beginning",
        r"\] (file|https?):.*: Invalid data found when processing input",
        "Error opening input.*: Invalid data found when processing input",
    ),
    _row(
        Action.INPUT,
        "the source has no video stream, so there is nothing to transcode",
        r"Stream map '0?:?v.*' matches no streams",
    ),
    _row(
        Action.INPUT,
        "the source's picture is larger than this system takes",
        "exceeds specified max pixel count",
    ),
    _row(
        Action.INPUT,
        "the source's video is in a format that cannot be decoded",
        r"Decoder \(codec .*\) not found",
        "no decoder found for",
    ),
    *(
        replace(_row(Action.INPUT, f"the source's {what} in mid-film", pattern), spoils_success=True)
        for what, pattern in (
            ("picture changes its size or format", "Changing video frame properties on the fly"),
            ("sound changes its channels or rate", "Changing audio frame properties on the fly"),
        )
    ),
    _row(Action.INPUT, "the source is no longer where it was", "Server returned 404", error=SourceMissing),
    _row(Action.RETRY, "the source may not be read by the address that was given", "Server returned 403"),
    _row(
        Action.RETRY,
        "reading the source broke off",
        "Stream ends prematurely at",
        "Connection reset",
        "Connection timed out",
        "Input/output error",
        "Server returned 5XX",
        "Connection .* failed",
    ),
)

_MEMORY = (_row(Action.RETRY, "the host's memory is full", "Cannot allocate memory"),)
#: What says little, where nothing else was said.
_VAGUE = (
    _row(Action.INPUT, "the source is not a video file that ffmpeg knows", "misdetection possible"),
    # ffmpeg goes on with frames in memory where a GPU could not decode them, and its filters are the GPU's.
    _of_host(Action.PLAN, "the filters cannot take this source's frames", "Error reinitializing filters"),
)

#: The rows for each kind of run; the first row that any line fits decides.  A full disk stands first, because
#: whatever else is said comes of it.
ENCODING = (*_FULL, *_HOST, *_SOURCE, *_MEMORY, *_VAGUE)
#: Without a GPU's encoder.
PLAIN = (*_FULL, *_SOURCE, *_MEMORY)
#: Of ffprobe, which opens the source and writes nothing.  What it may use is far more than any index needs.
READING = (
    *_SOURCE,
    _row(Action.INPUT, "the source's index asks for more memory than any real one", "Cannot allocate memory"),
    *_VAGUE[:1],
)

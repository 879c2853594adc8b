"""What ffmpeg says when it fails: a case for each thing that the table knows, in the program's own words.

Those marked *seen* were written by ffmpeg 5.1.9 on a machine without a GPU.
The others are put together from what users of GPUs reported, in the issues that
are named and elsewhere; they were not seen here, because no GPU was there.
"""

from dataclasses import dataclass

from rugbytx.errors import (
    HostUnfit,
    RugbytxError,
    ScratchFull,
    SourceMissing,
    TranscodeError,
    UnsupportedMedia,
)
from rugbytx.media.process.messages import Action

_NVENC = "[h264_nvenc @ 0x55d0]"
_NO_DEVICE = f"{_NVENC} [error] No capable devices found"
_UNSUPPORTED = f"{_NVENC} [error] Provided device doesn't support required NVENC features"
_OPENING = (
    "[error] Error initializing output stream 0:0 -- Error while opening encoder for output stream #0:0"
    " - maybe incorrect parameters such as bit_rate, rate, width or height"
)
_CONVERSION = "[fatal] Conversion failed!"


@dataclass(frozen=True)
class Case:
    """What ffmpeg says, how it ends, and what that means."""

    name: str
    lines: tuple[str, ...]
    action: Action
    error: type[RugbytxError]
    #: A part of the sentence that a person reads.
    says: str
    code: int = 1

    def __str__(self) -> str:
        return self.name

    @property
    def stderr(self) -> str:
        """Return the lines as ffmpeg writes them."""
        return "\n".join(self.lines)


def _nvenc(name: str, line: str, action: Action, error: type[RugbytxError], says: str) -> Case:
    """Return a case of an encoder that does not open: the cause, and ffmpeg's wrappers round it."""
    return Case(name, (f"{_NVENC} {line}", _OPENING, _CONVERSION), action, error, says)


_CUDA = "[AVHWDeviceContext @ 0x55c3] [error] cu->cuCtxCreate(&ctx, flags, device) failed ->"

#: Action, error, and a part of the sentence.
Fate = tuple[Action, type[RugbytxError], str]

_FULL: Fate = (Action.DISK, ScratchFull, "the scratch disk is full")
_NO_DRIVER: Fate = (Action.HOST, HostUnfit, "no NVIDIA driver")
_NO_VIDEO_PART: Fate = (Action.HOST, HostUnfit, "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility")
_NO_DEVICE_HERE: Fate = (Action.HOST, HostUnfit, "GPU is not there")
_SICK: Fate = (Action.SICK, TranscodeError, "the GPU or its driver failed")
_RAN: Fate = (Action.SICK, TranscodeError, "failed while it ran")
_GPU_FULL: Fate = (Action.RETRY, TranscodeError, "the GPU's memory is full")
_PICTURE: Fate = (Action.PLAN, TranscodeError, "this kind of picture")
_LACKS: Fate = (Action.PLAN, TranscodeError, "lacks what the ladder asks for")
_SIZE: Fate = (Action.PLAN, TranscodeError, "pictures of this size")
_NOT_DECODED: Fate = (Action.PLAN, TranscodeError, "cannot decode or scale")
_NO_WRITING: Fate = (Action.HOST, HostUnfit, "may not write")
_NOT_ACCEPTED: Fate = (Action.INPUT, UnsupportedMedia, "of a kind that is not accepted")


def _other(name: str, line: str, fate: Fate) -> Case:
    """Return a case of one line and the wrapper behind it."""
    return Case(name, (line, _CONVERSION), *fate)


CASES = (
    Case(
        "disk full",  # seen
        (
            "[error] av_interleaved_write_frame(): No space left on device",
            "[error] Error writing trailer of file:/scratch/o.mp4: No space left on device",
            _CONVERSION,
        ),
        Action.DISK,
        ScratchFull,
        "the scratch disk is full",
    ),
    _nvenc(
        "no driver", "[error] Cannot load libcuda.so.1", Action.HOST, HostUnfit, "no NVIDIA driver"
    ),  # seen
    Case(
        "no driver to decode with",  # seen
        (
            "[AVHWDeviceContext @ 0x55c3] [error] Cannot load libcuda.so.1",
            "[AVHWDeviceContext @ 0x55c3] [error] Could not dynamically load CUDA",
            "[error] Device creation failed: -1.",
            "[h264 @ 0x55c3] [error] No device available for decoder: device type cuda needed for codec h264.",
            "[error] Device setup failed for decoder on input stream #0:0 : Operation not permitted",
        ),
        Action.HOST,
        HostUnfit,
        "no NVIDIA driver",
    ),
    Case(
        "driver without its video part",
        (
            f"{_NVENC} [error] Cannot load libnvidia-encode.so.1",
            f"{_NVENC} [error] The minimum required Nvidia driver for nvenc is (unknown) or newer",
            _OPENING,
        ),
        Action.HOST,
        HostUnfit,
        "NVIDIA_DRIVER_CAPABILITIES=compute,video,utility",
    ),
    _nvenc(
        "driver too old",
        "[error] Driver does not support the required nvenc API version. Required: 13.0 Found: 12.2",
        Action.HOST,
        HostUnfit,
        "older than this ffmpeg needs",
    ),
    Case(
        "no device",
        (
            "[AVHWDeviceContext @ 0x55c3] [error] cu->cuInit(0) failed -> CUDA_ERROR_NO_DEVICE: no CUDA-capable device is detected",
            "[error] Device creation failed: -542398533.",
        ),
        Action.HOST,
        HostUnfit,
        "GPU is not there",
    ),
    Case(
        "device behind a closed door",  # truefoundry/trueforge #466
        (
            f"{_NVENC} [error] dl_fn->cuda_dl->cuInit(0) failed -> CUDA_ERROR_OPERATING_SYSTEM: OS call failed",
            _OPENING,
        ),
        Action.HOST,
        HostUnfit,
        "cannot be reached",
    ),
    Case(
        "sick GPU",  # livepeer/lpms #239
        (
            (
                "[h264 @ 0x55c3] [error] ctx->cvdl->cuvidDecodePicture(decoder, &ctx->pic_params) failed"
                " -> CUDA_ERROR_ILLEGAL_ADDRESS: an illegal memory access was encountered"
            ),
            "[error] Error while decoding stream #0:0: Generic error in an external library",
            _CONVERSION,
        ),
        Action.SICK,
        TranscodeError,
        "the GPU or its driver failed",
    ),
    _nvenc(
        "all sessions in use",
        "[error] OpenEncodeSessionEx failed: out of memory (10): (no details)",
        Action.BUSY,
        TranscodeError,
        "no further encoding session",
    ),
    _nvenc(
        "all sessions in use, in other words",  # keylase/nvidia-patch #987
        "[error] OpenEncodeSessionEx failed: incompatible client key (21): (no details)",
        Action.BUSY,
        TranscodeError,
        "no further encoding session",
    ),
    _nvenc(
        "GPU memory full",
        "[error] InitializeEncoder failed: out of memory (10): (no details)",
        Action.RETRY,
        TranscodeError,
        "the GPU's memory is full",
    ),
    Case(
        "encoder busy",
        (f"{_NVENC} [error] Failed unlocking bitstream buffer: encoder busy (18): ", _CONVERSION),
        Action.RETRY,
        TranscodeError,
        "encoder is busy",
    ),
    Case(
        "ten bits",
        (f"{_NVENC} [warning] 10 bit encode not supported", _NO_DEVICE, _UNSUPPORTED, _OPENING),
        Action.PLAN,
        TranscodeError,
        "this kind of picture",
    ),
    Case(
        "chip without B-frame references",  # BtbN/FFmpeg-Builds #245
        (f"{_NVENC} [warning] B frames as references are not supported", _NO_DEVICE, _UNSUPPORTED, _OPENING),
        Action.PLAN,
        TranscodeError,
        "lacks what the ladder asks for",
    ),
    Case(
        "picture too wide",
        (f"{_NVENC} [warning] Width 8192 exceeds 4096", _NO_DEVICE, _UNSUPPORTED, _OPENING),
        Action.PLAN,
        TranscodeError,
        "pictures of this size",
    ),
    _nvenc(
        "picture too small",
        "[error] InitializeEncoder failed: invalid param (8): Frame Dimension less than the minimum supported value.",
        Action.PLAN,
        TranscodeError,
        "pictures of this size",
    ),
    _nvenc(
        "settings refused",
        "[error] InitializeEncoder failed: invalid param (8): Invalid Level.",
        Action.PLAN,
        TranscodeError,
        "refuses these settings",
    ),
    Case(
        "decoder refuses the stream",
        (
            (
                "[h264 @ 0x55c3] [error] ctx->cvdl->cuvidCreateDecoder(&decoder->decoder, params) failed"
                " -> CUDA_ERROR_NOT_SUPPORTED: operation not supported"
            ),
            "[h264 @ 0x55c3] [error] Failed setup for format cuda: hwaccel initialisation returned error.",
            (
                "[error] Impossible to convert between the formats supported by the filter 'Parsed_split_3'"
                " and the filter 'auto_scale_0'"
            ),
            "[error] Error reinitializing filters!",
            "[error] Failed to inject frame into filter network: Function not implemented",
            "[fatal] Error while processing the decoded data for stream #0:0",
        ),
        Action.PLAN,
        TranscodeError,
        "cannot decode or scale",
    ),
    Case(
        "filter takes no GPU frames",  # seen, with frames in memory and scale_cuda
        (
            (
                "[error] Impossible to convert between the formats supported by the filter"
                " 'graph 0 input from stream 0:0' and the filter 'auto_scale_0'"
            ),
            "[error] Error reinitializing filters!",
            "[error] Failed to inject frame into filter network: Function not implemented",
            "[fatal] Error while processing the decoded data for stream #0:0",
        ),
        Action.PLAN,
        TranscodeError,
        "cannot decode or scale",
    ),
    Case(
        "encoder fails while it runs",
        (f"{_NVENC} [error] EncodePicture failed!: generic error (20): ", "[fatal] Video encoding failed"),
        Action.SICK,
        TranscodeError,
        "failed while it ran",
    ),
    Case(
        "ffmpeg without the encoder",  # seen
        ("[fatal] Unknown encoder 'h264_nvmpi'",),
        Action.HOST,
        HostUnfit,
        "built without this encoder",
    ),
    Case(
        "ffmpeg without the filter",
        (
            "[AVFilterGraph @ 0x55a7] [error] No such filter: 'scale_cuda'",
            "[error] Error initializing complex filters.",
        ),
        Action.HOST,
        HostUnfit,
        "built without",
    ),
    Case(
        "ffmpeg with another nvmpi",  # seen, with libx264
        (
            "[error] Unrecognized option 'max_perf'.",
            "[fatal] Error splitting the argument list: Option not found",
        ),
        Action.HOST,
        HostUnfit,
        "built without",
    ),
    Case(
        "no such device",  # seen
        (
            "[h264_v4l2m2m @ 0x556f] [error] Could not find a valid device",
            "[h264_v4l2m2m @ 0x556f] [error] can't configure encoder",
            _OPENING,
        ),
        Action.PLAN,
        TranscodeError,
        "no video encoder of that kind",
    ),
    Case(
        "Jetson loses frames and is content",  # Keylost/jetson-ffmpeg #38
        (
            "[libnvmpi][W]: EAGAIN. User must read output. nvmpi encoder packet memory pool is empty! Packet will be dropped",
        ),
        Action.RETRY,
        TranscodeError,
        "lost frames",
        code=0,
    ),
    Case(
        "no index",  # seen
        (
            "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x55f8] [error] moov atom not found",
            "[error] file:/scratch/a.mp4: Invalid data found when processing input",
        ),
        Action.INPUT,
        UnsupportedMedia,
        "its index is missing",
    ),
    Case(
        "no video file",  # seen
        ("[error] file:/scratch/a.mp4: Invalid data found when processing input",),
        Action.INPUT,
        UnsupportedMedia,
        "not a video file",
    ),
    Case(
        "no video stream",  # seen
        ("[fatal] Stream map '0:v:0' matches no streams.",),
        Action.INPUT,
        UnsupportedMedia,
        "no video stream",
    ),
    Case(
        "playlist",  # seen
        (
            "[hls @ 0x5] [error] Format not on whitelist 'mov,matroska,mpegts,avi'",
            "[error] file:/scratch/a.mp4: Invalid argument",
        ),
        Action.INPUT,
        UnsupportedMedia,
        "of a kind that is not accepted",
    ),
    Case(
        "playlist that does not say so by its name",  # seen in 7.1 and 9.0
        (
            "[error] Not detecting m3u8/hls with non standard extension and non standard mime type",
            (
                "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [warning] Format mov,mp4,m4a,3gp,3g2,mj2 detected only with low"
                " score of 1, misdetection possible!"
            ),
            "[mov,mp4,m4a,3gp,3g2,mj2 @ 0x5] [error] moov atom not found",
            "[in#0 @ 0x5] [error] Error opening input: Invalid data found when processing input",
        ),
        *_NOT_ACCEPTED,
    ),
    Case(
        "bomb",  # seen
        (
            "[png @ 0x5] [IMGUTILS @ 0x7] [error] Picture size 9000x9000 exceeds specified max pixel count 36000000",
            "[fatal] Error marking filters as finished",
        ),
        Action.INPUT,
        UnsupportedMedia,
        "larger than this system takes",
    ),
    Case(
        "unknown codec",
        ("[error] Decoder (codec none) not found for input stream #0:0",),
        Action.INPUT,
        UnsupportedMedia,
        "cannot be decoded",
    ),
    Case(
        "source gone",
        (
            "[https @ 0x55] [warning] HTTP error 404 Not Found",
            "[error] https://bucket/key: Server returned 404 Not Found",
        ),
        Action.INPUT,
        SourceMissing,
        "no longer where it was",
    ),
    Case(
        "address run out",
        (
            "[https @ 0x55] [warning] HTTP error 403 Forbidden",
            "[error] https://bucket/key: Server returned 403 Forbidden (access denied)",
        ),
        Action.RETRY,
        TranscodeError,
        "may not be read",
    ),
    Case(
        "network",
        ("[https @ 0x55] [error] Stream ends prematurely at 131072, should be 207618048", _CONVERSION),
        Action.RETRY,
        TranscodeError,
        "broke off",
    ),
    Case(
        "no place to write",  # seen
        ("[error] file:/nonexistent/o.mp4: No such file or directory",),
        Action.HOST,
        HostUnfit,
        "may not write",
    ),
    Case(
        "memory full",
        ("[error] Error while opening decoder: Cannot allocate memory",),
        Action.RETRY,
        TranscodeError,
        "memory is full",
    ),
    # -- each other way of saying the same; the words are those of libavcodec 5.1's own strings
    _other("quota used up", "[error] av_interleaved_write_frame(): Disk quota exceeded", _FULL),
    _other(
        "no CUDA to be had",
        "[AVHWDeviceContext @ 0x55c3] [error] Could not dynamically load CUDA",
        _NO_DRIVER,
    ),
    _other(
        "driver without its decoder", "[h264 @ 0x55c3] [error] Cannot load libnvcuvid.so.1", _NO_VIDEO_PART
    ),
    _other("driver that loads no decoder", "[h264 @ 0x55c3] [error] Failed loading nvcuvid.", _NO_VIDEO_PART),
    _other(
        "driver and library apart",
        f"{_CUDA} CUDA_ERROR_SYSTEM_DRIVER_MISMATCH: system has unsupported display driver / cuda driver combination",
        (Action.HOST, HostUnfit, "older than this ffmpeg needs"),
    ),
    _other("no device at all", f"{_NVENC} [error] No CUDA capable devices found", _NO_DEVICE_HERE),
    *(
        _other(f"sick GPU: {code}", f"{_CUDA} CUDA_ERROR_{code}: unknown", _SICK)
        for code in (
            *("LAUNCH_FAILED", "LAUNCH_TIMEOUT", "ECC_UNCORRECTABLE", "HARDWARE_STACK_ERROR", "UNKNOWN"),
            *("SYSTEM_NOT_READY", "NOT_INITIALIZED"),
        )
    ),
    _other("CUDA memory full", f"{_CUDA} CUDA_ERROR_OUT_OF_MEMORY: out of memory", _GPU_FULL),
    _other(
        "no room for a picture", f"{_NVENC} [error] CreateInputBuffer failed: out of memory (10): ", _GPU_FULL
    ),
    _other(
        "lock busy",
        f"{_NVENC} [error] Failed unlocking bitstream buffer, expect the gates of mordor to open: lock busy (13): ",
        (Action.RETRY, TranscodeError, "encoder is busy"),
    ),
    _other("chroma in full", f"{_NVENC} [warning] YUV444P not supported", _PICTURE),
    _other(
        "interlaced",
        f"{_NVENC} [warning] Interlaced encoding is not supported. Supported level: 0",
        _PICTURE,
    ),
    *(
        _other(f"chip without: {lack}", f"{_NVENC} [warning] {lack}", _LACKS)
        for lack in (
            "Max B-frames 3 exceed 0",
            "RC lookahead not supported",
            "Temporal AQ not supported",
            "Multiple reference frames are not supported by the device",
        )
    ),
    _other("picture too high", f"{_NVENC} [warning] Height 8192 exceeds 4096", _SIZE),
    _other(
        "settings not known",
        f"{_NVENC} [error] InitializeEncoder failed: unsupported param (12): (no details)",
        (Action.PLAN, TranscodeError, "refuses these settings"),
    ),
    _other(
        "decoder not set up",
        "[h264 @ 0x55c3] [warning] Failed setup for format cuda: hwaccel initialisation returned error.",
        _NOT_DECODED,
    ),
    _other("decoder out of surfaces", "[h264 @ 0x55c3] [error] No decoder surfaces left", _NOT_DECODED),
    _other(
        "decoder for other formats",
        "[error] hwaccel requested for input stream #0:0, but cannot be initialized: not supported",
        _NOT_DECODED,
    ),
    _other(
        "decoder without its device",
        "[error] Device setup failed for decoder on input stream #0:0 : Operation not permitted",
        _NOT_DECODED,
    ),
    # After a fall back to frames in memory, where nothing else was said (Tichau/FileConverter #713).
    _other(
        "filters for other frames",
        "[error] Error reinitializing filters!",
        (Action.PLAN, TranscodeError, "cannot take this source's frames"),
    ),
    _other(
        "bitstream not to be had",
        f"{_NVENC} [error] Failed locking bitstream buffer: generic error (20): ",
        _RAN,
    ),
    _other("device gone while it runs", f"{_NVENC} [error] EncodePicture: device does not exist (5): ", _RAN),
    _other("picture not to be mapped", f"{_NVENC} [error] Failed mapping: map failed (16): ", _RAN),
    _other(
        "no way into the encoder",
        "[h264_v4l2m2m @ 0x556f] [error] can't configure encoder",
        (Action.PLAN, TranscodeError, "no video encoder of that kind"),
    ),
    _other("no right to write", "[error] file:/scratch/o.mp4: Permission denied", _NO_WRITING),
    _other("a disk to read only", "[error] file:/scratch/o.mp4: Read-only file system", _NO_WRITING),
    _other(
        "no video file, in later words",
        "[error] Error opening input file file:/scratch/a.mp4: Invalid data found when processing input",
        (Action.INPUT, UnsupportedMedia, "not a video file"),
    ),
    _other(
        "perhaps another kind",
        "[mpeg @ 0x55] [warning] Format mp3 detected only with low score of 1, misdetection possible!",
        (Action.INPUT, UnsupportedMedia, "not a video file that ffmpeg knows"),
    ),
    _other(
        "playlist of an address",
        "[hls @ 0x5] [error] Protocol 'http' not on whitelist 'file'!",
        _NOT_ACCEPTED,
    ),
    _other("ffconcat", "[concat @ 0x5] [error] Unsafe file name '/etc/passwd'", _NOT_ACCEPTED),
    Case(
        "picture of another size, and content",  # seen
        (
            (
                "[graph 0 input from stream 0:0 @ 0x55cf] [warning] Changing video frame properties on the fly"
                " is not supported by all filters."
            ),
        ),
        Action.INPUT,
        UnsupportedMedia,
        "picture changes its size",
        code=0,
    ),
    Case(
        "sound of other channels",  # seen
        (
            "[graph_0_in_0_1 @ 0x55bd] [error] Changing audio frame properties on the fly is not supported.",
            "[error] Error while filtering: Invalid argument",
            "[error] Failed to inject frame into filter network: Invalid argument",
            "[fatal] Error while processing the decoded data for stream #0:1",
        ),
        Action.INPUT,
        UnsupportedMedia,
        "sound changes its channels",
    ),
    _other(
        "codec without a decoder",
        "[error] Error: no decoder found for codec none",
        (Action.INPUT, UnsupportedMedia, "cannot be decoded"),
    ),
    *(
        _other(
            f"network: {words}",
            f"[https @ 0x55] [error] {words}",
            (Action.RETRY, TranscodeError, "broke off"),
        )
        for words in (
            "https://bucket/key: Connection reset by peer",
            "https://bucket/key: Connection timed out",
            "https://bucket/key: Input/output error",
            "https://bucket/key: Server returned 5XX Server Error reply",
            "Connection to tcp://bucket:443 failed: No route to host",
        )
    ),
    Case("killed", (), Action.RETRY, TranscodeError, "ended by signal 9", code=-9),
    Case("crashed", (), Action.PLAN, TranscodeError, "ended by signal 11", code=-11),
    Case("unknown", ("[error] Something new went wrong",), Action.RETRY, TranscodeError, "Something new"),
)

"""What ffmpeg says when it fails: a case for each row of the table, in the program's own words.

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
from rugbytx.media.complaint import Action

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
    Case("killed", (), Action.RETRY, TranscodeError, "ended by signal 9", code=-9),
    Case("crashed", (), Action.PLAN, TranscodeError, "ended by signal 11", code=-11),
    Case("unknown", ("[error] Something new went wrong",), Action.RETRY, TranscodeError, "Something new"),
)

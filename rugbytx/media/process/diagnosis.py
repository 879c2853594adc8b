"""What an ending of ffmpeg's means: its exit status and its complaints, held against the table."""

import logging
import re
import signal
from collections.abc import Sequence
from dataclasses import dataclass

from rugbytx.errors import Draining, HostUnfit, RugbytxError, ScratchFull, TranscodeError, UnsupportedMedia
from rugbytx.media.process.child import Ended
from rugbytx.media.process.messages import ENCODING, Action, Complaint

log = logging.getLogger(__name__)

_ERRORS: dict[Action, type[RugbytxError]] = {
    Action.INPUT: UnsupportedMedia,
    Action.HOST: HostUnfit,
    Action.DISK: ScratchFull,
    Action.LEAVE: Draining,
}


@dataclass(frozen=True, kw_only=True)
class Diagnosis:
    """What an ending of ffmpeg's means."""

    action: Action
    error: RugbytxError


#: Damage of the source: counted while it is decoded, and never the reason for an end.
DAMAGE = re.compile(
    r"partial file|File ended prematurely|Packet corrupt|corrupt (decoded frame|input packet)"
    r"|Error (while decoding|submitting packet to decoder)"
)
#: Lines that only report that something else went wrong.
WRAPPER = re.compile(
    r"Conversion failed!|Error while opening encoder|Error initializing (output|complex|filters)"
    r"|Error initializing filters|Terminating thread with return code|Exiting normally"
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
#: Of names that we give: a path of ours has no colon and no quote.
_PATH = re.compile(r"file:/[^:'\"]*[^:'\"\s]")
_PREFIX = re.compile(r"^(\[[^\]]*\] ?)+")

#: ffmpeg's exit status after a signal that it handles; 7.0 and later have it for EPERM too, and say so.
_SIGNALLED = 255
#: A codec that crashed (signal(7)); a shell between us and it would add 128.
_CRASHES = frozenset({signal.SIGSEGV, signal.SIGABRT, signal.SIGILL, signal.SIGBUS, signal.SIGFPE})


def examine(code: int, complaints: Sequence[str], *, table: Sequence[Complaint] = ENCODING) -> Diagnosis:
    """Return what an ending with this status and these lines means.

    Where no row of ``table`` fits, the first serious line that is neither a wrapper nor
    about damage is the message.

    >>> examine(1, ["[h264_nvenc @ 0x5] [error] Cannot load libcuda.so.1", "[fatal] Conversion failed!"]).error
    HostUnfit('this host has no NVIDIA driver (Cannot load libcuda.so.1)')
    >>> examine(-11, [])
    Diagnosis(action=<Action.PLAN: 'plan'>, error=TranscodeError('ffmpeg was ended by signal 11 (Segmentation fault)'))
    """
    for row in table:
        line = next((line for line in complaints if row.fits(line)), None)
        if line is not None:
            if row.is_attack:
                log.warning("source-reaches-out", extra={"reason": plain(line)})
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


def ending(ended: Ended, *, table: Sequence[Complaint] = ENCODING) -> Diagnosis:
    """Return what the end of a child means: a limit that it met says more than whatever it complained of."""
    if ended.limit:
        return Diagnosis(action=Action.INPUT, error=UnsupportedMedia(ended.limit))
    return examine(ended.code, ended.complaints, table=table)


def spoilt(complaints: Sequence[str]) -> Diagnosis | None:
    """Return what is wrong with an output although ffmpeg ended with status 0.

    An encoder, a filter or a muxer that complains has not done what was asked;
    decoders complain of damage, which is counted instead.
    """
    rows = (row for row in ENCODING if row.spoils_success)
    found = ((row, line) for row in rows for line in complaints if row.fits(line))
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

    A file of this host's is only named as one: where it lies is nobody's business.

    >>> plain("[h264_nvenc @ 0x55] [error] Cannot load libcuda.so.1")
    'Cannot load libcuda.so.1'
    >>> plain("[error] file:/scratch/7ad4/source: Cannot allocate memory")
    'a file: Cannot allocate memory'
    """
    return _PATH.sub("a file", _PREFIX.sub("", line)).strip()[:300]

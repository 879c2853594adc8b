"""What a child of ours may use at most, so that a hostile file harms only its own job.

These are bounds and not estimates: they lie far above what an honest source
needs, and a child that meets one is broken or abused.
"""

import contextlib
import os
import resource
import signal
import sys
from dataclasses import dataclass
from fractions import Fraction

from rugbytx.core.plan.plan import Plan

#: For a child that writes no file: its output goes through a pipe, which does not count.
NO_FILE = 0
#: Of a child of whose outputs nothing is known, such as a trial encode.
_FILE_BYTES = 64 << 20
_CPU_S = 600
#: For what reads or copies files of many gigabytes and computes next to nothing.
_WALL_S = 3600.0
#: Decoders and x264 hold more pictures the more threads they have.  Measured: four renditions of a
#: 3840x2160 source with 64 threads each, as on 43 cores, make 12 GB of it.
_DATA_BYTES = (4 << 30) + (os.cpu_count() or 1) * (512 << 20)

#: For each pixel that is decoded or encoded.  Measured on one core of a server: x264's ``veryfast`` takes a
#: hundredth of that and ``placebo`` a quarter, and some hosts have slower cores.
_CPU_S_PER_PIXEL = Fraction(1, 1_000_000)
#: For each second of sound; a slow core takes a tenth of one.
_CPU_S_PER_SOUND_S = 1
#: How much of the source is decoded before a chunk, at most.
_PREROLL_S = 20
#: Rate control overshoots in short films, and boxes take room too.
_RATE_SLACK = 2
_FILE_SLACK_BYTES = 16 << 20


@dataclass(frozen=True, kw_only=True)
class Limits:
    """The kernel's limits for one child (getrlimit(2)); the defaults are for short work."""

    #: The largest file that it may write; one byte more is SIGXFSZ.
    file_bytes: int = _FILE_BYTES
    #: Processor seconds of all its threads.
    cpu_s: int = _CPU_S
    #: Seconds from its start to its end, however little it computes: the stall timer sees no slow trickle.
    wall_s: float = _WALL_S
    #: Memory that it may write to; None for GPU drivers, which map the whole of the GPU's.
    data_bytes: int | None = _DATA_BYTES

    def apply(self, pid: int) -> None:
        """Set the limits for a running child, which keeps them whatever it executes.

        From outside and just after the start, so that no further program stands
        before the child's own (``prlimit`` costs an exec), and nothing of
        Python's runs between fork and exec, which is not safe beside threads.
        """
        if sys.platform != "linux":
            return
        wanted = [
            (resource.RLIMIT_CORE, 0),
            (resource.RLIMIT_FSIZE, self.file_bytes),
            # Soft and hard alike, so that it is SIGKILL: ffmpeg takes SIGXCPU for a wish to end well.
            (resource.RLIMIT_CPU, self.cpu_s),
        ]
        if self.data_bytes is not None:
            # Not the address space: threads reserve far more of that than they ever write to.
            wanted.append((resource.RLIMIT_DATA, self.data_bytes))
        with contextlib.suppress(ProcessLookupError):  # it has ended already
            # Nobody but root may raise what was allowed.
            for kind, most in wanted:
                _, allowed = resource.prlimit(pid, kind)
                least = most if allowed == resource.RLIM_INFINITY else min(most, allowed)
                resource.prlimit(pid, kind, (least, least))

    def met(self, *, code: int, cpu_s: float) -> str:
        """Return which limit of the kernel's ended a child, as a sentence about its source, or nothing.

        >>> Limits().met(code=-signal.SIGKILL, cpu_s=600.2)
        'the source takes more processor time than any film of its size: over 600 s'
        >>> Limits().met(code=-signal.SIGKILL, cpu_s=3.0)
        ''
        """
        if code == -signal.SIGXFSZ:
            return f"the source makes a file grow beyond all that its length allows: {self.file_bytes} bytes"
        # The kernel counts in ticks.
        if code == -signal.SIGKILL and cpu_s > self.cpu_s - 1:
            return f"the source takes more processor time than any film of its size: over {self.cpu_s} s"
        return ""


def chunk(plan: Plan, index: int, *, on_gpu: bool = False) -> Limits:
    """Return the limits for encoding one chunk in all renditions."""
    frames = len(plan.grid.chunk_frames(index))
    video = plan.media.video
    length_s = frames / plan.grid.rate
    decoded = video.width * video.height * video.average_rate * (length_s + _PREROLL_S)
    encoded = frames * sum(rendition.width * rendition.height for rendition in plan.renditions)
    return _encoding(
        rate_bps=max(rendition.peak_bps for rendition in plan.renditions),
        length_s=length_s,
        cpu_s=_CPU_S_PER_PIXEL * (decoded + encoded),
        on_gpu=on_gpu,
    )


def sound(*, rate_bps: int, length_s: Fraction) -> Limits:
    """Return the limits for encoding so many seconds of sound.

    >>> limits = sound(rate_bps=128_000, length_s=Fraction(7200))
    >>> limits.file_bytes, limits.cpu_s, limits.wall_s
    (247177216, 7800, 11400.0)
    """
    return _encoding(rate_bps=rate_bps, length_s=length_s, cpu_s=_CPU_S_PER_SOUND_S * length_s)


def _encoding(*, rate_bps: int, length_s: Fraction, cpu_s: Fraction, on_gpu: bool = False) -> Limits:
    """Return the limits for writing files of at most ``rate_bps`` each; one processor has time for all of it."""
    most_cpu_s = int(cpu_s) + _CPU_S
    return Limits(
        file_bytes=int(_RATE_SLACK * rate_bps * length_s / 8) + _FILE_SLACK_BYTES,
        cpu_s=most_cpu_s,
        wall_s=_WALL_S + most_cpu_s,
        data_bytes=None if on_gpu else _DATA_BYTES,
    )


def copying(size_bytes: int) -> Limits:
    """Return the limits for putting ``size_bytes`` of encoded packets into another container."""
    return Limits(file_bytes=_RATE_SLACK * size_bytes + _FILE_SLACK_BYTES)

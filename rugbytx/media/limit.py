"""What a child of ours may use at most, so that a hostile file harms only its own job.

These are bounds and not estimates: they lie far above what an honest source
needs, and a child that meets one is broken or abused.
"""

import contextlib
import os
import resource
import sys
from dataclasses import dataclass
from fractions import Fraction

#: For a child that writes no file: its output goes through a pipe, which does not count.
NO_FILE = 0
#: Of a child of whose outputs nothing is known, such as a trial encode.
_FILE_BYTES = 64 << 20
_CPU_S = 600
#: Decoders and x264 hold more pictures the more threads they have.  Measured: four renditions of a
#: 3840x2160 source with 64 threads each, as on 43 cores, make 12 GB of it.
_DATA_BYTES = (4 << 30) + (os.cpu_count() or 1) * (512 << 20)

#: Pictures that take x264's slowest preset this long a second of film, on many cores, are no film's.
_CPU_S_PER_S = 1000
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


def encoding(*, rate_bps: int, length_s: float | Fraction, on_gpu: bool = False) -> Limits:
    """Return the limits for encoding ``length_s`` seconds into files of at most ``rate_bps`` each.

    >>> limits = encoding(rate_bps=8_000_000, length_s=60)
    >>> limits.file_bytes, limits.cpu_s
    (136777216, 60600)
    """
    return Limits(
        file_bytes=int(_RATE_SLACK * rate_bps * length_s / 8) + _FILE_SLACK_BYTES,
        cpu_s=int(_CPU_S_PER_S * length_s) + _CPU_S,
        data_bytes=None if on_gpu else _DATA_BYTES,
    )


def copying(size_bytes: int) -> Limits:
    """Return the limits for putting ``size_bytes`` of encoded packets into another container."""
    return Limits(file_bytes=_RATE_SLACK * size_bytes + _FILE_SLACK_BYTES)

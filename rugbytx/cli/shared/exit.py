"""Exit codes: what a program that runs `rugbytx` can rely on."""

from enum import IntEnum
from typing import Self

from rugbytx.errors import (
    JobRejected,
    NotFound,
    RugbytxError,
    SettingsError,
    SourceChanged,
    SourceForbidden,
    SourceMissing,
)

#: What else is no success.
_NO = (
    "it was too late to cancel, a check of `doctor`, `verify` or the demo failed, `replay` would decide otherwise,"
    " or a question was answered no"
)


class Code(IntEnum):
    """What a command's exit status says: each number with its meaning, and what else it means of single commands."""

    DONE = 0, "done"
    JOB_FAILED = 1, "a watched job ended FAILED or CANCELLED", _NO
    USAGE = 2, "bad usage, setting, profile or source", "`play` found no port, or no hls.js"
    MISSING = 3, "no such job, source, output or dead letter"
    FORBIDDEN = 4, "the source's bucket is not allowed"
    SILENT = 5, "the system does not answer, or a transfer broke: try again"
    INTERRUPTED = 130, "interrupted by Ctrl-C"

    meaning: str
    #: Of single commands; empty for none.
    besides: str

    def __new__(cls, number: int, meaning: str, besides: str = "") -> Self:
        """Return the member of a number, with its meaning."""
        code = int.__new__(cls, number)
        code._value_ = number
        code.meaning = meaning
        code.besides = besides
        return code


EPILOG = f"Exit status: {'; '.join(f'{code.value} {code.meaning}' for code in Code)}."

#: The first that fits counts, so the narrow errors stand before the wide ones.
_CODES: tuple[tuple[type[RugbytxError], Code], ...] = (
    (SourceForbidden, Code.FORBIDDEN),
    (SourceMissing, Code.MISSING),
    (SourceChanged, Code.MISSING),
    (NotFound, Code.MISSING),
    (SettingsError, Code.USAGE),
    (JobRejected, Code.USAGE),
    (RugbytxError, Code.SILENT),
)


def code_of(error: RugbytxError) -> Code:
    """Return the exit code for an error.

    >>> code_of(SourceMissing("there is no object s3://games/final.mp4"))
    <Code.MISSING: 3>
    """
    return next(code for kind, code in _CODES if isinstance(error, kind))

"""Exit codes: what a program that runs `rugbytx` can rely on."""

from enum import IntEnum

from rugbytx.errors import (
    JobRejected,
    NotFound,
    RugbytxError,
    SettingsError,
    SourceChanged,
    SourceForbidden,
    SourceMissing,
)


class Code(IntEnum):
    """What a command's exit status says."""

    #: Done.
    DONE = 0
    #: A job that was watched ended FAILED or CANCELLED.
    JOB_FAILED = 1
    #: Bad usage, a bad setting, profile or source.
    USAGE = 2
    #: No such job, source or output.
    MISSING = 3
    #: Not allowed.
    FORBIDDEN = 4
    #: The system does not answer, or a transfer broke; try again.
    SILENT = 5
    #: Interrupted by Ctrl-C.
    INTERRUPTED = 130


EPILOG = (
    "Exit status: 0 done; 1 a watched job ended FAILED or CANCELLED; 2 bad usage, setting, profile or source; "
    "3 no such job, source or output; 4 not allowed; 5 the system does not answer; 130 interrupted."
)

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

"""Which ffmpeg this host has: what it makes may differ from another's, so reports name it."""

import os
import re
import subprocess
from functools import cache

from rugbytx.errors import HostUnfit
from rugbytx.media.process import child

#: Printing some lines takes milliseconds; a cold disk may take seconds.
_TIMEOUT_S = 20.0
_VERSION = re.compile(r"^\S+ version (\S+)")


@cache
def read(program: str) -> str:
    """Return a program's version, e.g. ``5.1.9-0+deb12u1``, asked for once a process; raises HostUnfit."""
    return parse(_ask(program, "-version"))


@cache
def filters(program: str) -> frozenset[str]:
    """Return the names of its filters, asked for once a process; raises HostUnfit."""
    return parse_filters(_ask(program, "-filters"))


def parse(answer: str) -> str:
    """Return the version in the answer to ``-version``, or an empty string.

    >>> parse("ffmpeg version n7.1 Copyright (c) 2000-2024 the FFmpeg developers")
    'n7.1'
    """
    found = _VERSION.match(answer)
    return found[1] if found else ""


def parse_filters(answer: str) -> frozenset[str]:
    r"""Return the names in the answer to ``-filters``.

    >>> parse_filters("Filters:\n  T.. = Timeline support\n ... libvmaf  VV->V  Calculate the VMAF.\n")
    frozenset({'libvmaf'})
    """
    rows = (line.split() for line in answer.splitlines())
    return frozenset(row[1] for row in rows if len(row) > 2 and "->" in row[2])


def _ask(program: str, option: str) -> str:
    try:
        done = subprocess.run(
            [program, "-hide_banner", option],
            stdin=subprocess.DEVNULL,
            env=child.environment(os.environ),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostUnfit(f"this host cannot ask {program} what it is: {error}") from error
    return done.stdout.decode(errors="replace")

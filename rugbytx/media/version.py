"""What this host's ffmpeg is, and what it can that another's cannot: asked of the program, never guessed.

Everything else that differs is put in a way that every version from 5.1 on
understands, where it is used: colours are named by filter and by option, the plan
turns the picture and not ffmpeg, and complaints are known in the words of all.
"""

import os
import re
import subprocess
from dataclasses import dataclass
from functools import cache

from rugbytx.errors import HostUnfit
from rugbytx.media.process import child

#: Printing some lines takes milliseconds; a cold disk may take seconds.
_TIMEOUT_S = 20.0
_VERSION = re.compile(r"^\S+ version (\S+)")
#: ``n7.1``, ``5.1.9-0+deb12u1``, ``9.0.2``; a build of the development branch has no number.
_RELEASE = re.compile(r"n?(\d+)\.(\d+)")
_CHOICE = re.compile(r"^ +([A-Z][A-Z0-9_]+) +\d+ ", re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class ProgramVersions:
    """The versions of an ffmpeg and of the ffprobe that works for it."""

    ffmpeg: str
    ffprobe: str

    @property
    def is_mixed(self) -> bool:
        """Return whether they are of unlike releases.

        >>> ProgramVersions(ffmpeg="n9.0.2-17-g2a571b6068", ffprobe="5.1.9-0+deb12u1").is_mixed
        True
        >>> ProgramVersions(ffmpeg="7.1.5-0+deb13u1", ffprobe="7.1.5-0+deb13u1").is_mixed
        False
        """
        return release(self.ffmpeg) != release(self.ffprobe)


def release(version: str) -> str:
    """Return which release a version is of, or the version itself where it names none.

    >>> release("5.1.9-0+deb12u1"), release("n9.0.2-17-g2a571b6068"), release("N-117-g0f1f")
    ('5.1', '9.0', 'N-117-g0f1f')
    """
    found = _RELEASE.match(version)
    return f"{found[1]}.{found[2]}" if found else version


def pair(ffmpeg: str, ffprobe: str) -> ProgramVersions:
    """Return the versions of two programs; raises HostUnfit."""
    return ProgramVersions(ffmpeg=read(ffmpeg), ffprobe=read(ffprobe))


@cache
def read(program: str) -> str:
    """Return a program's version, e.g. ``5.1.9-0+deb12u1``, asked for once a process; raises HostUnfit."""
    return parse(_ask(program, "-version"))


@cache
def filters(program: str) -> frozenset[str]:
    """Return the names of its filters, asked for once a process; raises HostUnfit."""
    return parse_filters(_ask(program, "-filters"))


@cache
def side_data(program: str) -> frozenset[str]:
    """Return the kinds that its ``sidedata`` filter knows by name, asked for once a process; raises HostUnfit."""
    return parse_side_data(_ask(program, "-h", "filter=sidedata"))


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


def parse_side_data(answer: str) -> frozenset[str]:
    r"""Return the names in the answer to ``-h filter=sidedata``.

    >>> parse_side_data("   type  <int>  ..FV....... (from -1 to INT_MAX)\n     DISPLAYMATRIX   6   ..FV.......\n")
    frozenset({'DISPLAYMATRIX'})
    """
    return frozenset(_CHOICE.findall(answer))


def _ask(program: str, *options: str) -> str:
    try:
        done = subprocess.run(
            [program, "-hide_banner", *options],
            stdin=subprocess.DEVNULL,
            env=child.environment(os.environ),
            capture_output=True,
            check=False,
            timeout=_TIMEOUT_S,
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        raise HostUnfit(f"this host cannot ask {program} what it is: {error}") from error
    return done.stdout.decode(errors="replace")

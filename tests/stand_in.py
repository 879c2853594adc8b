"""A stand-in for ffmpeg: a script that replays what it is told to say, and how to end.

It takes the place of the program in the real runner.  Each start takes the next
scene of its part; once that is at its end it succeeds, by putting a prepared
file where outputs are asked for.
"""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from rugbytx.core.plan.encoder_family import Family
from rugbytx.media.encode import command_line
from rugbytx.media.encode.encoder_options import Encoders
from rugbytx.media.encode.encoder_trial import FRAMES, PICTURE
from tests.footage import make

_SCRIPT = r"""#!/bin/bash
# Replays {folder}/N.stderr and ends as {folder}/N.code says, at the Nth start.
case "$*" in *-version) echo "ffmpeg version stand-in"; exit 0 ;; esac
case "$*" in *"-h filter=sidedata") exec ffmpeg "$@" ;; esac
# What plays a file that was written is not part of the play.
case "$*" in *"-f null -") exec ffmpeg "$@" ;; esac
cd "{folder}" || exit 99
number=$(wc -l < starts)
printf '%s\n' "${{*//$'\n'/ }}" >> starts
[ -f "$number.stderr" ] && cat "$number.stderr" >&2
code=0
[ -f "$number.code" ] && code=$(cat "$number.code")
case $code in
    -*) kill "$code" $$ ;;
    hang) exec sleep 60 ;;
esac
if [ "$code" = 0 ]; then
    for word in "$@"; do
        case $word in
            file:*.mp4) cp good.mp4 "${{word#file:}}" ;;
        esac
    done
fi
exit "$code"
"""


@dataclass(frozen=True, kw_only=True)
class Scene:
    """One start: what goes to stderr, and the exit status, ``-N`` for a signal, or ``hang``."""

    stderr: str = ""
    code: int | str = 1


GOOD = Scene(code=0)


@dataclass(frozen=True)
class StandIn:
    """The script in ``folder``; ``program`` is what to run."""

    folder: Path

    @property
    def program(self) -> str:
        """Return the script's path."""
        return str(self.folder / "ffmpeg")

    def play(self, scenes: Sequence[Scene], *, good: Path) -> None:
        """Write the script, its part, and the file that a success puts where outputs are asked for."""
        shutil.copy(good, self.folder / "good.mp4")
        (self.folder / "starts").touch()
        script = self.folder / "ffmpeg"
        script.write_text(_SCRIPT.format(folder=self.folder))
        script.chmod(0o755)
        for number, scene in enumerate(scenes):
            (self.folder / f"{number}.stderr").write_text(scene.stderr + "\n" if scene.stderr else "")
            (self.folder / f"{number}.code").write_text(str(scene.code))

    @property
    def starts(self) -> list[str]:
        """Return the arguments of each start."""
        return (self.folder / "starts").read_text().splitlines()


def make_trial(path: Path) -> None:
    """Write what a trial that succeeds writes."""
    argv = command_line.trial(Encoders().of(Family.X264), PICTURE, path, frames=FRAMES, ffmpeg="ffmpeg")
    make(path, *argv[1:-1])


def recipe_of(start: str) -> str:
    """Return which recipe a start's arguments belong to.

    >>> recipe_of("-hwaccel cuda -c:v h264_nvenc"), recipe_of("-c:v libx264 file:/trial.mp4")
    ('nvenc/A', 'trial')
    """
    marks = {
        "trial.mp4": "trial",
        "-hwaccel cuda": "nvenc/A",
        "hwupload_cuda": "nvenc/B",
        "h264_nvenc": "nvenc/C",
        "h264_nvmpi": "nvmpi",
        "libx264": "x264",
    }
    return next(name for mark, name in marks.items() if mark in start)

"""A place as bare as a container's, for one process: its own root that cannot be written, and a user without a name.

In it are the system's programs and libraries, the packages of this project
where an image has them (``/opt/rugbytx``), and the folders that the deployment
makes writable; there is no home, no repository and no ``/tmp`` that was not asked
for.  It has its user's rights and no capability, by namespaces alone: root is
not needed where users may make namespaces.
"""

import importlib.metadata
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

import pytest

ROOT = Path(__file__).parents[2]
#: Where the image and the Jetson have the Python layer.
LAYER = "/opt/rugbytx"
#: The image's user, whom nobody here knows by name; so has Lambda's.
USER = "10001"
#: What a folder that is writable shows as its size; nothing is taken before it is written.
ROOM = "16g"
_NAMESPACES = ("unshare", "--user", "--map-root-user", "--mount")

#: Arguments: an empty folder, the umask, pairs of code and its place, --, writable folders, --, the command.
_SCRIPT = f"""
set -eu
root=$1; mask=$2; shift 2
mount --make-rprivate /
mount -t tmpfs -o mode=755 tmpfs "$root"
show() {{ mkdir -p "$root$2"; mount --rbind "$1" "$root$2"; }}
for place in /bin /sbin /lib /lib64 /usr /etc /dev /proc /sys; do
    if [ -L $place ]; then cp -P $place "$root$place"; elif [ -d $place ]; then show $place $place; fi
done
while [ "$1" != -- ]; do show "$1" "$2"; mount -o remount,bind,ro "$root$2"; shift 2; done
shift
mkdir -p "$root/tmp"
while [ "$1" != -- ]; do mkdir -p "$root$1"; mount -t tmpfs -o mode=700,size={ROOM} tmpfs "$root$1"; shift; done
shift
mount -o remount,bind,ro "$root/usr"
mount -o remount,bind,ro "$root/etc"
mount -o remount,ro "$root"
cd "$root"
pivot_root . .
umount -l .
cd /
umask "$mask"
exec env -u PWD -u OLDPWD unshare --user --map-user={USER} --map-group={USER} setpriv --no-new-privs --pdeathsig TERM -- "$@"
"""


@cache
def is_possible() -> bool:
    """Return whether this user may make namespaces here."""
    done = subprocess.run([*_NAMESPACES, "true"], capture_output=True, check=False)
    return done.returncode == 0


#: A laptop may forbid it; where changes are judged it must be allowed.
needs_namespaces = pytest.mark.skipif(
    not is_possible() and "CI" not in os.environ, reason="needs user namespaces"
)


def boxed(
    argv: Sequence[str], *, folder: Path, writable: Sequence[str] = (), umask: str = "0022"
) -> tuple[str, ...]:
    """Return the command that runs ``argv`` in a box whose root is at ``folder``, which must be empty."""
    code = [str(place) for pair in _code() for place in pair]
    return (*_NAMESPACES, "sh", "-c", _SCRIPT, "box", str(folder), umask, *code, "--", *writable, "--", *argv)


def _code() -> Sequence[tuple[Path, Path]]:
    """Return what of Python and of the project the box must have, each with its place: the packages are this copy's."""
    told = json.loads(importlib.metadata.distribution("rugbytx").read_text("direct_url.json") or "{}")
    installed = Path(urlsplit(told["url"]).path)
    base, layer = Path(sys.base_prefix), Path(sys.prefix)
    return [
        *((ROOT / name, installed / name) for name in ("rugbytx", "celeryconfig")),
        *([] if base.is_relative_to("/usr") else [(base, base)]),
        (layer, layer),
        (layer, Path(LAYER)),
    ]

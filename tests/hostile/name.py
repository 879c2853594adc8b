"""Names that a shell, a terminal, a template or ffmpeg could take for something else."""

import contextlib
import os
from pathlib import Path

from typer.testing import CliRunner, Result

from rugbytx.cli.app import app
from rugbytx.cli.shared.connection import Wiring
from rugbytx.settings import Settings
from rugbytx.system import Connection, System
from tests.connection import ADDRESS
from tests.fakes.permission import FakePermissions
from tests.hostile.host import BUCKET, Host

#: What it is about a name, and the name of a file.
NAMES = {
    "spaces": " a  match .mp4",
    "a newline": "first\nsecond.mp4",
    "quotes": "a 'b' \"c\" `d` $(e) \\f.mp4",
    "leading dashes": "--help.mp4",
    "patterns": "%d-%05d-*-[a-z]?{1,2}.mp4",
    "a protocol": "concat:a|file:b.mp4",
    "unicode": "Saracens \N{EN DASH} Glöster \N{RUGBY FOOTBALL}.mp4",
    "terminal escapes": "\x1b]0;title\x07\x1b[2J.mp4",
    "bytes that are no UTF-8": os.fsdecode(b"\xff\xfe.mp4"),
}

#: The same for keys, which may be longer and cannot be anything but UTF-8.
KEYS = {label: name for label, name in NAMES.items() if label != "bytes that are no UTF-8"} | {
    "a path that climbs": "../../../etc/passwd",
    "900 bytes": "é" * 450,
}


def submit_file(host: Host, folder: Path, name: str, good: bytes) -> Result:
    """Run ``rugbytx submit`` in a folder where a film has this name."""
    (folder / name).write_bytes(good)
    with contextlib.chdir(folder):
        return _submit(host, name)


def submit_key(host: Host, key: str, good: bytes) -> Result:
    """Run ``rugbytx submit`` for an object of this key."""
    host.storage.put(good, BUCKET, key, content_type="video/mp4")
    return _submit(host, f"s3://{BUCKET}/{key}")


def status(host: Host, job_id: str) -> Result:
    """Run ``rugbytx status``."""
    return _run(host, "status", job_id)


def _submit(host: Host, source: str) -> Result:
    return _run(host, "submit", "--", source)


def _run(host: Host, *args: str) -> Result:
    def connect(_found: System, settings: Settings) -> Connection:
        return Connection(
            store=host.store,
            queue=host.queue,
            storage=host.storage,
            settings=settings,
            address=ADDRESS,
            permissions=FakePermissions(),
        )

    wiring = Wiring(environ={"HOME": str(host.scratch)}, connect=connect)
    return CliRunner().invoke(app, args, obj=wiring, catch_exceptions=False)

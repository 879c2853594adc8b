"""Composition root of the commands: from the environment to a connection."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import typer

from rugbytx import settings, system
from rugbytx.cli.shared.output import remark
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings
from rugbytx.system import Connection, System


def _connect(found: System, chosen: Settings) -> Connection:
    system.adopt(found)
    return system.connect(chosen)


@dataclass(frozen=True, kw_only=True)
class Wiring:
    """What a command is put together from; a test hands over its own as the context's ``obj``."""

    environ: Mapping[str, str] = field(default_factory=lambda: os.environ)
    connect: Callable[[System, Settings], Connection] = _connect


def connection(context: typer.Context) -> Connection:
    """Return the system that this command speaks to, having named it on stderr.

    Raises SettingsError for a setting that is wrong, and for a ``RUGBYTX_*``
    name that is none: it was meant to change something.
    """
    wiring = _wiring(context)
    found = system.locate(wiring.environ)
    chosen = _read({**wiring.environ, **found.environ})
    remark(system.describe(found, wiring.environ, queue=chosen.queue))
    return wiring.connect(found, chosen)


def alone(context: typer.Context) -> Settings:
    """Return the settings of a command that speaks to no system; raises as ``connection`` does."""
    return _read(_wiring(context).environ)


def _wiring(context: typer.Context) -> Wiring:
    return context.obj if isinstance(context.obj, Wiring) else Wiring()


def _read(environ: Mapping[str, str]) -> Settings:
    if unknown := settings.unknown(environ):
        raise SettingsError("; ".join(unknown))
    return settings.read(environ)

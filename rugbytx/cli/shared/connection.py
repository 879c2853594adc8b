"""Composition root of the commands: from the environment to a connection."""

import logging
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import typer

from rugbytx import settings, system
from rugbytx.cli.shared.output import remark
from rugbytx.core.address import ServiceEndpoints, named
from rugbytx.errors import SettingsError
from rugbytx.settings import Settings
from rugbytx.system import Connection, System

if TYPE_CHECKING:
    from rugbytx.aws.ecs.service import EcsFleet


#: What logs each record that cannot be read.
_READER = "rugbytx.aws.dynamodb.record_reader"


def _connect(located: System, chosen: Settings) -> Connection:
    system.adopt(located)
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
    located = system.locate(wiring.environ)
    chosen = _read({**wiring.environ, **located.environ})
    made = wiring.connect(located, chosen)
    remark(describe(located, wiring.environ, address=made.address, queue=chosen.queue))
    logging.getLogger(_READER).addHandler(logging.NullHandler())  # one line at the end says it
    context.call_on_close(lambda: _remark_unreadable(made))
    return made


def _remark_unreadable(made: Connection) -> None:
    """Say, when a command ends, that it left records out; the log of a worker has each of them."""
    if count := made.store.unreadable():
        remark(f"left out: {count} records of the table that cannot be read (docs/howto/operate.md)")


def describe(located: System, environ: Mapping[str, str], *, address: ServiceEndpoints, queue: str) -> str:
    """Return one line that names the system, as its clients have it and not as the settings sound.

    >>> url = "http://127.0.0.1:41234"
    >>> address = ServiceEndpoints(region="eu-west-1", endpoints={"SQS": url})
    >>> describe(System(is_local=True, endpoint_url=url), {}, address=address, queue="q")
    'local system at http://127.0.0.1:41234 (state in memory)'
    >>> describe(System(is_local=False), {"AWS_PROFILE": "club"}, address=address, queue="q")
    'http://127.0.0.1:41234 (profile club, region eu-west-1), queue q'
    """
    if located.is_local:
        return f"local system at {address.place} (state in memory)"
    where = f"{named(address, environ)}, queue {queue}"
    return where if system.chosen(environ) else f"{where}; no local system is up"


def fleet(made: Connection) -> "EcsFleet":
    """Return the system's fleet, having named its place on stderr where that is not the system's."""
    service = system.fleet(made.settings)
    if service.address.place != made.address.place:
        remark(f"fleet: {service.address.place}")
    return service


def alone(context: typer.Context) -> Settings:
    """Return the settings of a command that speaks to no system; raises as ``connection`` does."""
    return _read(_wiring(context).environ)


def _wiring(context: typer.Context) -> Wiring:
    return context.obj if isinstance(context.obj, Wiring) else Wiring()


def _read(environ: Mapping[str, str]) -> Settings:
    if unknown := settings.unknown(environ):
        raise SettingsError("; ".join(unknown))
    return settings.read(environ)

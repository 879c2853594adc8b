"""Who may look at the pages: on loopback whoever is on this machine, elsewhere whoever can say who he is.

A website can have a name of its own point to loopback and then read along as if
it were this machine's own (DNS rebinding), so without authentication the pages
answer under loopback's names only.
"""

import ipaddress
import re
from collections.abc import Sequence

from rugbytx.errors import SettingsError

LOOPBACK = "127.0.0.1"
#: The names under which a browser on this machine, or behind a tunnel to it, knows loopback.
NAMES = frozenset({LOOPBACK, "localhost", "[::1]"})

_PORT = re.compile(r":[0-9]+$")


def require(
    *, address: str, unix_socket: str, basic_auth: Sequence[str] | None, auth: str, read_only: bool | None
) -> bool:
    """Return whether visitors say who they are; the arguments are Flower's options.

    Raises SettingsError where Flower would serve strangers, or would send control
    messages, which no worker takes.
    """
    if read_only is False:
        raise SettingsError(
            "Flower's own controls send control messages that no worker of rugbytx takes: leave read_only away, "
            "and cancel and retry on the Jobs page"
        )
    for pair in basic_auth or ():
        user, _, password = pair.partition(":")
        if not user or not password:
            raise SettingsError("each entry of basic_auth must be USER:PASSWORD, neither of them empty")
    is_authenticated = bool(basic_auth or auth)
    if not is_authenticated and (unix_socket or not is_loopback(address)):
        where = unix_socket or address or "every address of this host"
        raise SettingsError(
            f"without authentication Flower is served on loopback only, not on {where}: "
            "set FLOWER_BASIC_AUTH=USER:PASSWORD, or leave the address away"
        )
    return is_authenticated


def is_loopback(address: str) -> bool:
    """Return whether only this machine can reach what listens there; an empty address is every one.

    >>> [is_loopback(address) for address in ("127.0.0.1", "::1", "localhost", "", "0.0.0.0", "example.org")]
    [True, True, True, False, False, False]
    """
    try:
        return ipaddress.ip_address(address).is_loopback
    except ValueError:
        return address == "localhost"


def is_own_name(host: str) -> bool:
    """Return whether a request's Host names loopback.

    >>> [is_own_name(host) for host in ("127.0.0.1:5555", "localhost", "[::1]:5555", "rebound.example:5555", "")]
    [True, True, True, False, False]
    """
    return _PORT.sub("", host).lower() in NAMES

"""Webhooks: how a message is signed, and which addresses may be told.

The signature is that of Standard Webhooks
(https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md),
so that receivers verify it with a library that exists for their language.
"""

import base64
import binascii
import hashlib
import hmac
from collections.abc import Mapping
from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

SECRET_PREFIX = "whsec_"  # noqa: S105  what every secret begins with
#: Bytes of a secret (the specification's "Signature scheme").
SECRET_BYTES = (24, 64)

#: IPv4 addresses inside IPv6 ones: what they lead to counts (RFC 6052, 2.1; RFC 8215).
_NAT64 = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))


def key_of(secret: str) -> bytes:
    """Return a secret's bytes; raises ValueError, which does not quote it, for what is none.

    >>> len(key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
    24
    """
    try:
        key = base64.b64decode(secret.removeprefix(SECRET_PREFIX), validate=True)
    except binascii.Error:
        key = b""
    low, high = SECRET_BYTES
    if not secret.startswith(SECRET_PREFIX) or not low <= len(key) <= high:
        raise ValueError(f"it is not {SECRET_PREFIX} and {low} to {high} bytes in base64")
    return key


def new_secret(key: bytes) -> str:
    """Return the secret of these bytes, as ``key_of`` reads it."""
    return f"{SECRET_PREFIX}{base64.b64encode(key).decode()}"


def headers(*, key: bytes, message_id: str, sent_at: float, body: str) -> Mapping[str, str]:
    """Return the headers that name a message, date it and sign it.

    The example is the one that the specification's libraries test themselves with.

    >>> key = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    >>> signed = headers(
    ...     key=key, message_id="msg_p5jXN8AQM9LWM0D4loKWxJek", sent_at=1614265330, body='{"test": 2432232314}'
    ... )
    >>> signed["webhook-signature"]
    'v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE='
    """
    timestamp = str(int(sent_at))
    digest = hmac.digest(key, f"{message_id}.{timestamp}.{body}".encode(), hashlib.sha256)
    return {
        "webhook-id": message_id,
        "webhook-timestamp": timestamp,
        "webhook-signature": f"v1,{base64.b64encode(digest).decode()}",
    }


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet: not of this host, a local network or a cloud's inside.

    >>> [is_public(one) for one in ("93.184.215.14", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1")]
    [True, False, False, False, False]
    """
    found = _innermost(ip_address(address.partition("%")[0]))
    return found.is_global and not found.is_multicast


def _innermost(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """Return the IPv4 address that an IPv6 one leads to, or the address itself."""
    if isinstance(address, IPv4Address):
        return address
    if any(address in network for network in _NAT64):
        return IPv4Address(int(address) & 0xFFFF_FFFF)
    return address.ipv4_mapped or address.sixtofour or address


def shown(target: str) -> str:
    """Return a target without what may be secret in it: a URL's query.

    >>> shown("https://example.org/hook?key=1"), shown("eventbridge:default")
    ('https://example.org/hook?…', 'eventbridge:default')
    """
    plain, mark, _ = target.partition("?")
    return f"{plain}{mark}…" if mark else plain

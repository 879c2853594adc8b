"""Which addresses a webhook may have, and how one is shown."""

from ipaddress import IPv4Address, IPv6Address, ip_address, ip_network

#: IPv4 addresses inside IPv6 ones: what they lead to counts (RFC 6052, 2.1; RFC 8215).
_NAT64 = tuple(map(ip_network, ("64:ff9b::/96", "64:ff9b:1::/48")))


def is_public(address: str) -> bool:
    """Return whether an address is one of the public internet: not of this host, a local network or a cloud's inside.

    >>> [is_public(one) for one in ("93.184.215.14", "127.0.0.1", "169.254.169.254", "::ffff:10.0.0.1", "64:ff9b::a00:1")]
    [True, False, False, False, False]
    """
    ip = _innermost(ip_address(address.partition("%")[0]))
    return ip.is_global and not ip.is_multicast


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

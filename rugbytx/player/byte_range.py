"""What a Range header asks for (RFC 9110, 14)."""

import re

_ONE_RANGE = re.compile(r"bytes=(?:(\d{1,18})-(\d{0,18})|-(\d{1,18}))", re.ASCII)


def wanted(header: str, size_bytes: int) -> range | None:
    """Return the bytes that a Range header asks for; None asks for all, and an empty range for none that exist.

    What is no range of bytes is ignored, as section 14.2 has it, and so are
    several ranges at once, which players do not send.

    >>> wanted("bytes=10-19", 1000), wanted("bytes=990-", 1000), wanted("bytes=-10", 1000)
    (range(10, 20), range(990, 1000), range(990, 1000))
    >>> wanted("bytes=1000-1009", 1000), wanted("bytes=0-1,5-6", 1000)
    (range(0, 0), None)
    """
    match = _ONE_RANGE.fullmatch(header.replace(" ", ""))
    if match is None:
        return None
    first, last, suffix = match.groups()
    if suffix is not None:
        start, stop = size_bytes - min(int(suffix), size_bytes), size_bytes
    elif last and int(last) < int(first):
        return None
    else:
        start, stop = int(first), min(int(last) + 1, size_bytes) if last else size_bytes
    return range(start, stop) if start < stop else range(0)

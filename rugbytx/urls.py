"""URLs: where readers find an output, and which may be told of a job."""

from collections.abc import Iterable
from dataclasses import dataclass
from urllib.parse import quote, urlsplit

from rugbytx.core.notify.notification import MOST_TARGETS
from rugbytx.core.notify.target import shown
from rugbytx.errors import JobRejected

#: Longer URLs are no targets.
LONGEST_URL = 2000
#: No name in the DNS is longer (RFC 1035, 2.3.4).
LONGEST_HOST = 253


@dataclass(frozen=True, kw_only=True)
class OutputBucket:
    """Where the output bucket is, and where readers find it."""

    bucket: str
    #: E.g. ``https://s3.eu-west-1.amazonaws.com``.
    s3_url: str
    #: A CDN before the bucket; empty for none.
    base_url: str = ""


def object_url(key: str, place: OutputBucket) -> str:
    """Return where readers find an output: behind the CDN if there is one, else in the bucket itself.

    >>> s3 = OutputBucket(bucket="b", s3_url="https://s3.eu-west-1.amazonaws.com")
    >>> object_url("out/a b.m3u8", s3), object_url("x", OutputBucket(bucket="b", s3_url="http://127.0.0.1:5000/"))
    ('https://b.s3.eu-west-1.amazonaws.com/out/a%20b.m3u8', 'http://127.0.0.1:5000/b/x')
    """
    path = quote(key)
    if place.base_url:
        return f"{place.base_url.rstrip('/')}/{path}"
    s3 = urlsplit(place.s3_url)
    if (s3.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return f"https://{place.bucket}.{s3.netloc}/{path}"
    return f"{place.s3_url.rstrip('/')}/{place.bucket}/{path}"


@dataclass(frozen=True, kw_only=True)
class WebhookTarget:
    """A URL that may be told, taken apart once: what is checked is what is connected to."""

    is_secure: bool
    host: str
    port: int
    #: With its query, as a request names it.
    path: str


def parse_target(url: str, *, is_private_allowed: bool) -> WebhookTarget:
    """Return the target that a URL is; raises ValueError with why it is none.

    What its name leads to is seen when it is told.
    """
    try:
        parts = urlsplit(url)
        port = parts.port
        # What resolves a name encodes it so, and fails for an empty label or one of more than 63 letters.
        (parts.hostname or "").encode("idna")
    except ValueError as error:
        raise ValueError("it is no URL") from error
    if parts.scheme != "https" and not (is_private_allowed and parts.scheme == "http"):
        raise ValueError("it does not begin with https://")
    if not parts.hostname or port == 0 or not url.isascii() or not url.isprintable() or " " in url:
        raise ValueError("it is no URL")
    if len(parts.hostname) > LONGEST_HOST:
        raise ValueError("it is no URL")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise ValueError("it holds a user's name, a password or a fragment")
    if len(url) > LONGEST_URL:
        raise ValueError(f"it is longer than {LONGEST_URL} characters")
    is_secure = parts.scheme == "https"
    return WebhookTarget(
        is_secure=is_secure,
        host=parts.hostname,
        port=port or (443 if is_secure else 80),
        path=(parts.path or "/") + (f"?{parts.query}" if parts.query else ""),
    )


def objection(url: str, *, is_private_allowed: bool) -> str:
    """Return why a URL is no target, or an empty string; what its name leads to is seen when it is told.

    >>> objection("https://example.org/hook?key=1", is_private_allowed=False)
    ''
    >>> objection("http://example.org/hook", is_private_allowed=False)
    'it does not begin with https://'
    """
    try:
        parse_target(url, is_private_allowed=is_private_allowed)
    except ValueError as error:
        return str(error)
    return ""


def targets(urls: Iterable[str], *, is_private_allowed: bool) -> frozenset[str]:
    """Return the URLs that a job tells; raises JobRejected for one that may not be told, or for too many."""
    wanted = frozenset(urls)
    for url in sorted(wanted):
        if why := objection(url, is_private_allowed=is_private_allowed):
            raise JobRejected(f"{shown(url)} cannot be told: {why}")
    if len(wanted) > MOST_TARGETS:
        raise JobRejected(f"a job tells at most {MOST_TARGETS} URLs, not {len(wanted)}")
    return wanted

"""Where readers find an output."""

from dataclasses import dataclass
from urllib.parse import quote, urlsplit


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the output bucket is, and where readers find it."""

    bucket: str
    #: E.g. ``https://s3.eu-west-1.amazonaws.com``.
    s3_url: str
    #: A CDN before the bucket; empty for none.
    base_url: str = ""


def object_url(key: str, place: Place) -> str:
    """Return where readers find an output: behind the CDN if there is one, else in the bucket itself.

    >>> s3 = Place(bucket="b", s3_url="https://s3.eu-west-1.amazonaws.com")
    >>> object_url("out/a b.m3u8", s3), object_url("x", Place(bucket="b", s3_url="http://127.0.0.1:5000/"))
    ('https://b.s3.eu-west-1.amazonaws.com/out/a%20b.m3u8', 'http://127.0.0.1:5000/b/x')
    """
    path = quote(key)
    if place.base_url:
        return f"{place.base_url.rstrip('/')}/{path}"
    s3 = urlsplit(place.s3_url)
    if (s3.hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn")):
        return f"https://{place.bucket}.{s3.netloc}/{path}"
    return f"{place.s3_url.rstrip('/')}/{place.bucket}/{path}"

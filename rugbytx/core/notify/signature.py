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

SECRET_PREFIX = "whsec_"  # noqa: S105  what every secret begins with
#: Bytes of a secret (the specification's "Signature scheme").
SECRET_BYTES = (24, 64)


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

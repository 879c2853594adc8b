"""Webhooks over HTTP: one POST, to an address that was looked at before it is connected to."""

import http.client
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence

from rugbytx.core.notify.notification import Notification
from rugbytx.core.notify.signature import headers
from rugbytx.core.notify.target import is_public
from rugbytx.errors import NotDelivered
from rugbytx.urls import WebhookTarget, parse_target

#: The time from the connection to the answer's status, whatever the target does meanwhile.
ANSWER_S = 10.0
USER_AGENT = "rugbytx"

#: Turns a host's name and port into addresses, as ``socket.getaddrinfo`` does.
Resolve = Callable[[str, int], Sequence[str]]


def resolve(host: str, port: int) -> Sequence[str]:
    """Return the addresses that a name stands for; raises OSError."""
    answers = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return list(dict.fromkeys(str(address[0]) for *_, address in answers))


class Webhooks:
    """What carries notifications to URLs.

    A name is resolved once, all its addresses are looked at, and the connection
    goes to one of them: a name that means something else a moment later (DNS
    rebinding) leads nowhere else.  No redirect is followed and no proxy is used.
    """

    def __init__(
        self,
        *,
        key: bytes | None,
        is_private_allowed: bool = False,
        resolve: Resolve = resolve,
        answer_s: float = ANSWER_S,
        authorities: str | None = None,
    ) -> None:
        """``key``: what messages are signed with; without one none is sent."""
        self._key = key
        self._is_private_allowed = is_private_allowed
        self._resolve = resolve
        self._answer_s = answer_s
        self._authorities = authorities

    def deliver(self, target: str, notification: Notification, *, sent_at: float) -> None:
        """POST the notification's body; raises NotDelivered unless the answer's status is 2xx."""
        if self._key is None:
            raise NotDelivered("RUGBYTX_NOTIFY_SECRET is not set on the workers, so nothing can be signed")
        try:
            parsed = parse_target(target, is_private_allowed=self._is_private_allowed)
        except ValueError as error:
            raise NotDelivered(f"the URL is no target: {error}") from error
        connection = self._connection(parsed)
        signed = headers(key=self._key, message_id=notification.id, sent_at=sent_at, body=notification.body)
        status = self._post(connection, parsed.path, notification.body.encode(), signed)
        if not 200 <= status < 300:
            raise NotDelivered(f"it answered {status}")

    def _connection(self, target: WebhookTarget) -> http.client.HTTPConnection:
        """Return a connection that is there, to an address that may be told."""
        host, number = target.host, target.port
        try:
            addresses = self._resolve(host, number)
        except (OSError, ValueError) as error:  # ValueError: a name that the resolver cannot even encode
            raise NotDelivered(f"{host} cannot be resolved") from error
        if not self._is_private_allowed and not all(map(is_public, addresses)):
            raise NotDelivered(f"{host} leads to an address that is not of the public internet")
        if not addresses:
            raise NotDelivered(f"{host} cannot be resolved")
        try:
            plain = socket.create_connection((addresses[0], number), timeout=self._answer_s)
        except OSError as error:
            raise NotDelivered(f"{host} cannot be connected to: {_reason_of(error)}") from error
        connection = http.client.HTTPConnection(host, number, timeout=self._answer_s)
        connection.sock = plain
        if target.is_secure:
            try:
                # Checked by the name, not by the address: the certificate is the name's.
                context = ssl.create_default_context(cafile=self._authorities)
                connection.sock = context.wrap_socket(plain, server_hostname=host)
            except (OSError, ValueError) as error:
                plain.close()
                raise NotDelivered(f"{host} cannot be spoken to securely: {_reason_of(error)}") from error
        return connection

    def _post(
        self, connection: http.client.HTTPConnection, path: str, body: bytes, signed: Mapping[str, str]
    ) -> int:
        """Return the answer's status; the rest of the answer is not read."""
        sent = {**signed, "content-type": "application/json", "user-agent": USER_AGENT}
        # A target that sends a byte now and then would never time out by itself.
        end = threading.Timer(self._answer_s, _hang_up, [connection.sock])
        end.daemon = True
        end.start()
        try:
            connection.request("POST", path, body=body, headers=sent)
            return connection.getresponse().status
        except (OSError, http.client.HTTPException) as error:
            raise NotDelivered(f"no answer came: {_reason_of(error)}") from error
        finally:
            end.cancel()
            connection.close()


def _hang_up(connected: socket.socket) -> None:
    try:
        connected.shutdown(socket.SHUT_RDWR)
    except OSError:
        return


def _reason_of(error: Exception) -> str:
    """Return what went wrong, without what the other side may have written."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not good ({error.verify_message})"
    if isinstance(error, TimeoutError):
        return "it took too long"
    if isinstance(error, OSError) and error.strerror:
        return error.strerror.lower()
    return type(error).__name__

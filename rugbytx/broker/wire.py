"""How a receive travels: on the worker's event loop, with timeouts, and with an answer in every case."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pycurl
from kombu.asynchronous.aws.connection import AsyncHTTPSConnection
from kombu.asynchronous.aws.ext import get_response
from kombu.asynchronous.aws.sqs.connection import AsyncSQSConnection
from kombu.asynchronous.http.curl import CurlClient

from rugbytx.aws.client import authorities

CONNECT_TIMEOUT_S = 5
#: A receive takes as long as it waits for a message, and this.
ANSWER_S = 10
#: A silent peer is asked for a sign of life after so long, then so often.
KEEPALIVE_S = 15
KEEPALIVE_INTERVAL_S = 5


@dataclass(frozen=True, kw_only=True)
class ReceiveResult:
    """What became of a receive: messages as SQS describes them, or why there is no answer."""

    messages: tuple[dict[str, Any], ...] = ()
    failure: str = ""


class Curl(CurlClient):
    """kombu's HTTP client, with curl's clock understood."""

    def _set_timeout(self, msecs: int) -> None:
        """Wake curl when it asked for it.

        curl counts milliseconds and the hub seconds; kombu passes the number
        on, so each request leaves timers that wait for hours.  kombu looks
        once a second anyway, which is why nobody misses them.
        """
        if msecs >= 0:
            self.hub.call_later(msecs / 1000, self._timeout_check)


class _TimedConnection(AsyncHTTPSConnection):
    """kombu's request, which carries timeouts that nobody passes to curl."""

    def __init__(self, *, trusted: str, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self._trusted = trusted

    def getrequest(self) -> Any:
        """Return a request that ends: half-open connections are common behind NAT.

        It trusts whom boto3 trusts; kombu knows no ``AWS_CA_BUNDLE``.
        """
        request = super().getrequest()
        request.ca_certs = self._trusted
        request.on_prepare = self._set_options
        return request

    def _set_options(self, curl: pycurl.Curl) -> None:
        curl.setopt(pycurl.CONNECTTIMEOUT, CONNECT_TIMEOUT_S)
        curl.setopt(pycurl.TIMEOUT, int(self.timeout))
        curl.setopt(pycurl.NOSIGNAL, 1)  # the worker's signals are not curl's (CURLOPT_NOSIGNAL)
        curl.setopt(pycurl.TCP_KEEPALIVE, 1)
        curl.setopt(pycurl.TCP_KEEPIDLE, KEEPALIVE_S)
        curl.setopt(pycurl.TCP_KEEPINTVL, KEEPALIVE_INTERVAL_S)


class SqsConnection(AsyncSQSConnection):
    """kombu's asynchronous SQS, whose every receive has an ``ReceiveResult``.

    Requests are signed with the boto3 client's signer, so credentials are
    refreshed by boto3's own chain, and a refused one is tried again.
    """

    def __init__(
        self, sqs_connection: Any, *, http_client: Curl, timeout_s: float, attributes: Sequence[str]
    ) -> None:
        super().__init__(
            sqs_connection, http_client=http_client, message_system_attribute_names=list(attributes)
        )
        self._timeout_s = timeout_s
        self._trusted = authorities()

    def get_http_connection(self) -> _TimedConnection:
        """Return a connection with timeouts."""
        return _TimedConnection(http_client=self._httpclient, timeout=self._timeout_s, trusted=self._trusted)

    def _on_list_ready(self, parent: Any, markers: Any, operation: str, response: Any) -> ReceiveResult:
        """Return what became of the receive.

        kombu 5.7.0 returns a list for 5xx and unreachable, which its channel
        then asks for ``.get``, and raises for 4xx: either ends the worker.
        """
        del parent, markers
        if response.status != self.STATUS_CODE_OK:
            return ReceiveResult(failure=_why(response))
        try:
            model = self.sqs_connection.meta.service_model.operation_model(operation)
            _, parsed = get_response(model, response.response)
            return ReceiveResult(messages=tuple(parsed.get("Messages") or ()))
        except Exception as error:  # noqa: BLE001  whatever a parser may raise, there is no answer
            return ReceiveResult(failure=f"unreadable answer: {type(error).__name__}: {error}")


def _why(response: Any) -> str:
    """Return a failed request's reason: curl's own words, or the status and the code that SQS gives."""
    if response.status == AsyncSQSConnection.STATUS_CODE_NETWORK_CONNECT_TIMEOUT_ERROR:
        return str(response.response.error)
    try:
        kind = str(json.loads(response.read())["__type"]).rpartition("#")[2]
    except (ValueError, KeyError, TypeError):
        kind = ""
    return f"HTTP {response.status} {kind}".rstrip()

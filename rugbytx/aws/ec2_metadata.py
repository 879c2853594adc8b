"""What EC2 says to the instance that we run on (Instance Metadata Service, version 2).

It is asked for the notice of an interruption, and for the recommendation to
rebalance that may come before one.  The address is the SDK's
own setting, ``AWS_EC2_METADATA_SERVICE_ENDPOINT``, and ``AWS_EC2_METADATA_DISABLED``
keeps us from asking at all.
"""

import json
import os
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass

from rugbytx.errors import Unreachable

ENDPOINT = "http://169.254.169.254"
#: The service is on the host itself; what takes longer is no answer.
TIMEOUT_S = 1.0
#: For how long a token serves; the most that there is.
TOKEN_S = 21_600
#: An answer has a hundred bytes.
MOST_BYTES = 4096


@dataclass(frozen=True, kw_only=True)
class Interruption:
    """What EC2 is about to do with a Spot instance, and when, as it says so itself."""

    #: ``terminate``, ``stop`` or ``hibernate``.
    action: str
    time: str


class Metadata:
    """The metadata service of this instance."""

    def __init__(self, environ: Mapping[str, str] | None = None) -> None:
        variables = os.environ if environ is None else environ
        self._endpoint = (variables.get("AWS_EC2_METADATA_SERVICE_ENDPOINT") or ENDPOINT).rstrip("/")
        self.is_disabled = variables.get("AWS_EC2_METADATA_DISABLED", "").lower() == "true"
        self._token = ""
        # No proxy stands between an instance and its own host.
        self._open = urllib.request.build_opener(urllib.request.ProxyHandler({})).open

    def interruption(self) -> Interruption | None:
        """Return the notice of an interruption, or None while there is none; raises Unreachable without the service.

        The notice comes two minutes before (EC2 User Guide, "Spot Instance interruption notices").
        """
        body = self._get("/latest/meta-data/spot/instance-action")
        if body is None:
            return None
        try:
            notice = json.loads(body)
            return Interruption(action=str(notice["action"]), time=str(notice["time"]))
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("the metadata service gave a notice that cannot be read") from error

    def rebalance(self) -> str | None:
        """Return when EC2 began to recommend that work be moved elsewhere, or None while it does not.

        The instance is at an elevated risk of interruption: EC2 User Guide,
        "EC2 instance rebalance recommendations".  Raises Unreachable without the service.
        """
        body = self._get("/latest/meta-data/events/recommendations/rebalance")
        if body is None:
            return None
        try:
            return str(json.loads(body)["noticeTime"])
        except (ValueError, KeyError, TypeError) as error:
            raise Unreachable("the metadata service gave a recommendation that cannot be read") from error

    def _get(self, path: str) -> bytes | None:
        """Return what stands there, or None for nothing; a token that is refused is replaced once."""
        for _ in range(2):
            self._token = self._token or self._new_token()
            try:
                return self._ask(path, "GET", {"X-aws-ec2-metadata-token": self._token})
            except urllib.error.HTTPError as error:
                if error.code == 404:
                    return None
                if error.code != 401:
                    raise Unreachable(f"the metadata service answered {error.code}") from error
                self._token = ""
        raise Unreachable("the metadata service takes no token")

    def _new_token(self) -> str:
        try:
            wish = {"X-aws-ec2-metadata-token-ttl-seconds": str(TOKEN_S)}
            return self._ask("/latest/api/token", "PUT", wish).decode(errors="replace")
        except urllib.error.HTTPError as error:
            raise Unreachable(f"the metadata service gave no token: {error.code}") from error

    def _ask(self, path: str, method: str, headers: Mapping[str, str]) -> bytes:
        request = urllib.request.Request(f"{self._endpoint}{path}", method=method, headers=dict(headers))  # noqa: S310  our own address
        try:
            with self._open(request, timeout=TIMEOUT_S) as answer:
                body: bytes = answer.read(MOST_BYTES)
        except urllib.error.HTTPError:
            raise
        except OSError as error:
            raise Unreachable(f"there is no metadata service at {self._endpoint}") from error
        return body

"""Webhooks over real HTTP: what a receiver gets, and where none is sent."""

import datetime as dt
import ipaddress
import socket
import ssl
import threading
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from rugbytx.core.notify.notification import Notification, NotificationKind
from rugbytx.core.notify.signature import headers, key_of
from rugbytx.core.notify.target import is_public
from rugbytx.errors import NotDelivered
from rugbytx.notify.webhook import Webhooks
from rugbytx.urls import objection
from tests.receiver import Receiver, served

KEY = key_of("whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
NOTE = Notification(
    job_id="7ad4", generation=1, kind=NotificationKind.SUCCEEDED, at=0.0, body='{"schema": 1, "é": 2}'
)
NAME = "hooks.example"


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """Serve plain HTTP."""
    with served(Receiver()) as receiver:
        yield receiver


def at_home(_host: str, _port: int) -> Sequence[str]:
    """Resolve every name to this host."""
    return ["127.0.0.1"]


def deliver(url: str, *, resolve: object = at_home, is_private_allowed: bool = True, **more: object) -> None:
    """Send the notification."""
    webhooks = Webhooks(key=KEY, is_private_allowed=is_private_allowed, resolve=resolve, **more)  # type: ignore[arg-type]
    webhooks.deliver(url, NOTE, sent_at=1_800_000_000.5)


def test_a_receiver_can_verify_what_it_gets(receiver: Receiver) -> None:
    """By Standard Webhooks' three headers, over the body as it came."""
    deliver(f"http://{NAME}:{receiver.port}/hook/a?key=1")
    ((path, got, body),) = receiver.seen
    assert (path, body) == ("/hook/a?key=1", NOTE.body)
    expected = headers(key=KEY, message_id=NOTE.id, sent_at=1_800_000_000, body=body)
    assert {name: got[name] for name in expected} == dict(expected)
    assert (got["content-type"], got["host"]) == ("application/json", f"{NAME}:{receiver.port}")


@pytest.mark.parametrize("status", [301, 307, 400, 404, 410, 429, 500, 503])
def test_only_a_success_is_one(receiver: Receiver, status: int) -> None:
    """A redirect is not followed."""
    receiver.status, receiver.location = status, f"http://127.0.0.1:{receiver.port}/elsewhere"
    with pytest.raises(NotDelivered, match=str(status)):
        deliver(f"http://{NAME}:{receiver.port}/hook")
    assert [path for path, _, _ in receiver.seen] == ["/hook"]


def test_nothing_goes_inside_a_network(receiver: Receiver) -> None:
    """Whatever the name says, and if any of its addresses is inside one."""
    for addresses in (["127.0.0.1"], ["93.184.215.14", "10.0.0.1"], ["::1"], ["169.254.169.254"]):
        with pytest.raises(NotDelivered, match="not of the public internet"):
            deliver(
                f"https://{NAME}:{receiver.port}/",
                resolve=lambda _host, _port, found=addresses: found,
                is_private_allowed=False,
            )
    assert receiver.seen == []


def test_a_name_is_resolved_once(receiver: Receiver) -> None:
    """The connection goes to the address that was looked at: a second answer would be another (DNS rebinding)."""
    asked: list[str] = []

    def rebinding(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    deliver(f"http://{NAME}:{receiver.port}/", resolve=rebinding)
    assert (asked, len(receiver.seen)) == ([NAME], 1)


def test_a_receiver_that_says_nothing_is_hung_up_on() -> None:
    """Also one that says a byte now and then: it would never time out by itself."""
    stop = threading.Event()

    def drip(listening: socket.socket) -> None:
        connection, _ = listening.accept()
        with connection:
            while not stop.wait(0.05):
                try:
                    connection.sendall(b"H")
                except OSError:
                    return

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=drip, args=(listening,))
        thread.start()
        try:
            with pytest.raises(NotDelivered, match="no answer came"):
                deliver(f"http://{NAME}:{listening.getsockname()[1]}/", answer_s=0.5)
        finally:
            stop.set()
            thread.join()


def test_nobody_there_is_said_so() -> None:
    """And a name that nobody knows."""

    def unknown(_host: str, _port: int) -> Sequence[str]:
        raise OSError(-2, "Name or service not known")

    with pytest.raises(NotDelivered, match="cannot be resolved"):
        deliver(f"https://{NAME}/", resolve=unknown)
    with served(Receiver()) as gone:
        pass
    with pytest.raises(NotDelivered, match="cannot be connected to"):
        deliver(f"http://{NAME}:{gone.port}/")


def test_nothing_goes_unsigned(receiver: Receiver) -> None:
    """Without a secret nothing is sent."""
    webhooks = Webhooks(key=None, is_private_allowed=True, resolve=at_home)
    with pytest.raises(NotDelivered, match="RUGBYTX_NOTIFY_SECRET"):
        webhooks.deliver(f"http://{NAME}:{receiver.port}/", NOTE, sent_at=0.0)
    assert receiver.seen == []


def certified(folder: Path, name: str) -> Path:
    """Write a key and its own certificate for the name; return the file with both."""
    key = ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(subject)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now)
        .not_valid_after(now + dt.timedelta(days=36_500))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName(name)]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    path = folder / f"{name}.pem"
    path.write_bytes(
        key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )
        + certificate.public_bytes(serialization.Encoding.PEM)
    )
    return path


def test_the_certificate_is_the_names(tmp_path: Path) -> None:
    """Though the connection goes to an address; another name's certificate is not good."""
    path = certified(tmp_path, NAME)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(path)
    with served(Receiver(), context) as receiver:
        deliver(f"https://{NAME}:{receiver.port}/", authorities=str(path))
        assert len(receiver.seen) == 1
        with pytest.raises(NotDelivered, match="certificate is not good"):
            deliver(f"https://other.example:{receiver.port}/", authorities=str(path))
        with pytest.raises(NotDelivered, match="certificate is not good"):
            deliver(f"https://{NAME}:{receiver.port}/")
        assert len(receiver.seen) == 1


@pytest.mark.parametrize(
    "url",
    [
        "ftp://a.example/",
        "http://a.example/",
        "https://",
        "https://a.example:0/",
        "https://a.example:99999/",
        "https://ann:secret@a.example/",
        "https://a.example/#part",
        "https://a.example/a b",
        "https://a.example/\r\nx: y",
        "https://[::1",
        "https://a..b/",
        "https://.example/",
        "https://" + "a" * 70 + ".example/",
        "https://" + ".".join(["a" * 60] * 5) + "/",
        "https://a.example/" + "a" * 2000,
    ],
)
def test_what_is_no_target(url: str) -> None:
    """It is refused when it is submitted."""
    assert objection(url, is_private_allowed=False)


@pytest.mark.parametrize("error", [UnicodeError("label too long"), ValueError("embedded null character")])
def test_a_name_that_breaks_the_resolver_is_not_delivered_to(error: Exception) -> None:
    """Python's resolver raises more than OSError."""

    def breaks(_host: str, _port: int) -> Sequence[str]:
        raise error

    with pytest.raises(NotDelivered, match="cannot be resolved"):
        deliver(f"https://{NAME}/", resolve=breaks)


@pytest.mark.parametrize(
    "network", ["10.0.0.0/8", "100.64.0.0/10", "192.168.0.0/16", "fd00::/8", "fe80::/10"]
)
def test_what_is_inside(network: str) -> None:
    """So is what leads to it by another name of the same address."""
    address = ipaddress.ip_network(network)[1]
    assert not is_public(str(address))
    if address.version == 4:
        assert not is_public(f"::ffff:{address}")
        assert not is_public(str(ipaddress.ip_address((0x2002 << 112) | (int(address) << 80))))

"""What the contract suites share: the server that stands in for AWS, and the job stores."""

from collections.abc import Iterator

import pytest
from moto.server import ThreadedMotoServer

from rugbytx.aws.dynamodb.table import TABLE
from tests.store_bench import Bench, connect, fake_bench, send_again

REGION = "eu-west-1"


@pytest.fixture(scope="session")
def server() -> Iterator[str]:
    """Start one moto server on a free port; the value is its URL."""
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def endpoint(server: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Point boto3's own configuration at the server, and at nothing else; the value is its URL."""
    for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_ENDPOINT_URL_DYNAMODB"):
        monkeypatch.delenv(name, raising=False)
    for name in ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL_SQS"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_CONFIG_FILE", "/dev/null")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", "/dev/null")
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "testing")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "testing")
    monkeypatch.setenv("AWS_DEFAULT_REGION", REGION)
    monkeypatch.setenv("AWS_ENDPOINT_URL", server)
    return server


@pytest.fixture
def dynamodb(endpoint: str) -> Iterator[Bench]:
    """Return a bench round the real store, with an empty table of a server that stands in for DynamoDB."""
    connection = connect(endpoint)
    hooks = connection.client.meta.events
    connection.client.create_table(TableName="rugbytx", **TABLE)
    connection.time.shift_s = 0.0

    def lose_answers() -> None:
        hooks.register_first("needs-retry.dynamodb", send_again)

    yield Bench(store=connection.store, advance=connection.time.advance, lose_answers=lose_answers)
    hooks.unregister("needs-retry.dynamodb", send_again)
    connection.client.delete_table(TableName="rugbytx")


@pytest.fixture(params=["fake", "dynamodb"])
def bench(request: pytest.FixtureRequest) -> Bench:
    """Return a bench round each store in turn."""
    if request.param == "fake":
        return fake_bench()
    bench: Bench = request.getfixturevalue("dynamodb")
    return bench


@pytest.fixture(params=[False, True], ids=["", "answers-lost"])
def shaky(request: pytest.FixtureRequest, bench: Bench) -> Bench:
    """Return a bench whose requests are answered at once, and one where each is sent twice."""
    if request.param:
        bench.store.now()
        bench.lose_answers()
    return bench

"""The promises of ``ports.store.Leases``, kept by DynamoDB's adapter and by the fake."""

from tests.store_bench import Bench


def test_one_holds_a_named_lease(shaky: Bench) -> None:
    """The holder keeps it, others wait until it runs out, and other names are others."""
    leases = shaky.store.leases
    assert leases.acquire("sweep", owner="jetson", lease_s=60)
    assert not leases.acquire("sweep", owner="aws", lease_s=60)
    assert leases.acquire("other", owner="aws", lease_s=60)
    shaky.advance(40)
    assert leases.acquire("sweep", owner="jetson", lease_s=60)
    shaky.advance(40)
    assert not leases.acquire("sweep", owner="aws", lease_s=60)
    shaky.advance(21)
    assert leases.acquire("sweep", owner="aws", lease_s=60)
    assert not leases.acquire("sweep", owner="jetson", lease_s=60)


def test_a_released_lease_is_free(shaky: Bench) -> None:
    """Nobody waits for it to run out; who does not have it releases nothing."""
    leases = shaky.store.leases
    assert leases.acquire("sweep", owner="jetson", lease_s=60)
    leases.release("sweep", owner="aws")
    assert not leases.acquire("sweep", owner="aws", lease_s=60)
    leases.release("sweep", owner="jetson")
    assert leases.acquire("sweep", owner="aws", lease_s=60)


def test_what_nobody_has_may_be_released(shaky: Bench) -> None:
    """It is as free as before."""
    leases = shaky.store.leases
    leases.release("sweep", owner="jetson")
    assert leases.acquire("sweep", owner="aws", lease_s=60)

"""The promises of ``ports.store.ScalingDecisions``, kept by DynamoDB's adapter and by the fake."""

from rugbytx.core.scaling.admission import WorkerTarget
from tests.store_bench import Bench


def test_the_last_decision_stands(shaky: Bench) -> None:
    """Before the first there is none."""
    assert shaky.store.scaling.read_desired() is None
    assert not shaky.store.scaling.read()
    for wanted in (2, 0):
        told = WorkerTarget(at=1000.5 + wanted, wanted=wanted)
        shaky.store.scaling.record(told, decision=f'{{"wanted": {wanted}}}')
        assert shaky.store.scaling.read_desired() == told
        assert shaky.store.scaling.read() == f'{{"wanted": {wanted}}}'

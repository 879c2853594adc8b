"""What cameras, phones and broadcasters make comes out as it was filmed."""

import pytest

from tests.hostile.host import Host
from tests.source import table
from tests.source.catalogue import KINDS
from tests.source.kind import Kind, Place

pytestmark = pytest.mark.process

DOCUMENTED = table.in_document()


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.name)
def test_a_kind(kind: Kind, place: Place, host: Host) -> None:
    """Right side up, at the right speed, in the right colours, in sync: looked at in the finished MP4."""
    result = table.run(kind, place, host)
    assert kind.refused in result.reason
    assert (result.seen is None) == bool(kind.refused), result.reason
    if result.seen:
        assert list(table.faults(kind, result.seen)) == []
    assert table.row(kind, result) == DOCUMENTED[kind.name]


def test_the_document_lists_every_kind_and_no_other() -> None:
    """``scripts/sources`` writes its table."""
    assert list(DOCUMENTED) == [kind.name for kind in KINDS]

"""What alarms watch, from one decision."""

import json

from rugbytx.core.scaling import decision_record
from rugbytx.core.scaling.facts import ScalingFacts
from rugbytx.core.status import fleet_gauges
from tests.core.hybrid import JETSON, NOW, match, policy_of, worker


def test_each_figure_says_what_its_name_does() -> None:
    """Silent workers do not count, and a job is late from its deadline on."""
    found = decision_record.record(
        ScalingFacts(
            now=NOW,
            jobs=(match("late", due_min=-1, submitted_at=NOW - 600), match("early")),
            workers=(JETSON, worker("jetson-2", until=NOW - 1), worker("aws-1")),
        ),
        policy_of(),
        before=None,
    )
    told = fleet_gauges.gauges(found)
    assert set(told) == set(fleet_gauges.UNITS)
    assert (told["JetsonsAlive"], told["AwsWorkersAlive"], told["DeadlinesMissed"]) == (1, 1, 1)
    assert told["OldestJobAge"] == 10
    assert told["AwsWorkersDesired"] == found.decision.desired


def test_cloudwatch_can_read_the_line() -> None:
    """Each metric that it names stands beside it, with the dimension."""
    found = decision_record.record(ScalingFacts(now=NOW), policy_of(), before=None)
    line = json.loads(json.dumps(fleet_gauges.embedded(found, table="rugbytx"), allow_nan=False))
    (told,) = line["_aws"]["CloudWatchMetrics"]
    assert line["_aws"]["Timestamp"] == int(NOW * 1000)
    assert told["Dimensions"] == [["Table"]]
    assert line["Table"] == "rugbytx"
    assert {metric["Name"] for metric in told["Metrics"]} <= set(line)

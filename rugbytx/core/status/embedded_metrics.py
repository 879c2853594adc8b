"""CloudWatch's embedded metric format: a log line from which CloudWatch Logs takes figures.

https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
"""

from collections.abc import Mapping
from typing import Any

#: The CloudWatch namespace of the metrics that log lines carry.
NAMESPACE = "rugbytx"

#: CloudWatch's names of units, by how a value's name ends.
_ENDINGS = {"s": "Seconds", "count": "Count", "x": "None"}


def fields(
    *,
    at: float,
    labels: Mapping[str, str],
    values: Mapping[str, float],
    units: Mapping[str, str] | None = None,
) -> dict[str, Any]:
    """Return the fields of a log line; a value that is not finite is left out, or CloudWatch would refuse the line.

    A value's name ends in its unit (``chunk_s``, ``lost_count``, ``real_time_x``) where ``units`` do not tell it.

    >>> line = fields(at=1.5, labels={"worker_class": "aws"}, values={"chunk_s": 12.5, "pace_x": float("inf")})
    >>> line["chunk_s"], line["worker_class"], line["_aws"]["Timestamp"]
    (12.5, 'aws', 1500)
    >>> line["_aws"]["CloudWatchMetrics"][0]["Metrics"]
    [{'Name': 'chunk_s', 'Unit': 'Seconds'}]
    """
    finite = {name: value for name, value in values.items() if abs(value) < float("inf")}
    metrics = [
        {"Name": name, "Unit": units[name] if units else _ENDINGS[name.rpartition("_")[2]]} for name in finite
    ]
    directive = {"Namespace": NAMESPACE, "Dimensions": [sorted(labels)], "Metrics": metrics}
    return {**labels, **finite, "_aws": {"Timestamp": int(at * 1000), "CloudWatchMetrics": [directive]}}

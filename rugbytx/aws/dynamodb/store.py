"""The store on DynamoDB, put together: every port round one table and one clock."""

from typing import TYPE_CHECKING

from rugbytx.aws.client import client as new_client
from rugbytx.aws.dynamodb.audit import DynamoAuditTrails
from rugbytx.aws.dynamodb.cleanups import DynamoCleanups
from rugbytx.aws.dynamodb.clock import StoreClock, StoreTime
from rugbytx.aws.dynamodb.halts import DynamoHalts
from rugbytx.aws.dynamodb.jobs import DynamoJobs
from rugbytx.aws.dynamodb.leases import DynamoLeases
from rugbytx.aws.dynamodb.outbox import DynamoOutbox
from rugbytx.aws.dynamodb.scaling import DynamoScalingDecisions
from rugbytx.aws.dynamodb.table import Table
from rugbytx.aws.dynamodb.units import DynamoUnits
from rugbytx.aws.dynamodb.workers import DynamoWorkers
from rugbytx.ports.store import Store

if TYPE_CHECKING:
    from mypy_boto3_dynamodb import DynamoDBClient


def open_store(name: str, *, client: "DynamoDBClient | None" = None, time: StoreTime | None = None) -> Store:
    """Return the store in the table of this name; nothing is asked of DynamoDB yet."""
    dynamodb, time = client or new_client("dynamodb"), time or StoreTime()
    time.listen_to(dynamodb)
    table = Table(dynamodb, name)
    now = StoreClock(table, time).now
    cleanups, outbox = DynamoCleanups(table, now), DynamoOutbox(table, now)
    jobs = DynamoJobs(table, now, cleanups=cleanups, outbox=outbox)
    return Store(
        now=now,
        jobs=jobs,
        units=DynamoUnits(table, now, jobs),
        leases=DynamoLeases(table, now),
        cleanups=cleanups,
        workers=DynamoWorkers(table, now),
        halts=DynamoHalts(table),
        scaling=DynamoScalingDecisions(table),
        audit=DynamoAuditTrails(table),
        outbox=outbox,
        unreadable=table.reader.count,
    )

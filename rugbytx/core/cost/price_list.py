"""What things cost: values that a dated list fills (``rugbytx.prices``), and how a bill adds up."""

from rugbytx.core.fleet.worker_class import WorkerClass
from rugbytx.core.record import Record

#: The month of a bill, for free allowances.
MONTH_S = 30 * 86_400.0


class Item(Record):
    """One price in US dollars, from whom it is known, and of which day."""

    usd: float
    source: str
    dated: str

    @property
    def basis(self) -> str:
        """Return what the price rests on."""
        return f"{self.source}, {self.dated}"


class Prices(Record):
    """A dated list of prices for one region.  Names end in the unit that the price is for."""

    region: str
    as_of: str
    on_demand_h: Item
    spot_h: Item
    #: A host on the premises, while it works.
    power_h: Item
    egress_gb: Item
    sqs_million: Item
    store_write_million: Item
    store_read_million: Item
    mediaconvert_min: Item
    #: What each account has free in a month; 0 where others use it up.
    egress_free_gb_a_month: float
    sqs_free_million_a_month: float
    #: EC2 bills by the second, and this much at least.
    least_billed_s: float

    def host_h(self, purchase: str) -> float:
        """Return what an hour of an AWS host costs, bought ``spot`` or ``on-demand``."""
        return self.spot_h.usd if purchase == "spot" else self.on_demand_h.usd

    def payments(self, worker_class: WorkerClass) -> dict[str, Item]:
        """Return each way to pay for an hour of a class, by its name: the first is what most people pay."""
        if worker_class is WorkerClass.AWS:
            return {"on-demand": self.on_demand_h, "spot": self.spot_h}
        return {"power": self.power_h}

    def egress_usd(self, gb: float, *, over_s: float) -> float:
        """Return what it costs to carry ``gb`` out of AWS within ``over_s``; each begun month has its free part."""
        return self.egress_gb.usd * max(0.0, gb - self.egress_free_gb_a_month * _months(over_s))

    def sqs_usd(self, requests: float, *, over_s: float) -> float:
        """Return what ``requests`` to SQS within ``over_s`` cost."""
        paid = max(0.0, requests / 1e6 - self.sqs_free_million_a_month * _months(over_s))
        return paid * self.sqs_million.usd

    def store_usd(self, *, writes: float, reads: float) -> float:
        """Return what requests to DynamoDB cost."""
        return (writes * self.store_write_million.usd + reads * self.store_read_million.usd) / 1e6


def _months(over_s: float) -> int:
    return max(1, -int(-over_s // MONTH_S))

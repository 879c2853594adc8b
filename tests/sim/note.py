"""What the note (docs/origin/note.md) says: its timelines, its costs and its claims, as far as they can be held against figures."""

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Told:
    """One scenario of the note."""

    scenario: str
    heading: str
    timeline: str
    end_min: float
    usd: float


SCENARIOS = (
    Told(
        scenario="clip",
        heading="1. One clip of 60 MB",
        timeline="The Jetson has it at 0:05 and is done at 0:06, AWS never starts.",
        end_min=0.75,
        usd=0.0,
    ),
    Told(
        scenario="one",
        heading="2. One match of 4 GB",
        timeline="The Jetson has it at 0:05; at 20:00 it is visible again and an AWS worker that has been up since"
        " 3:00 does it too; done at 35:00, deleted at 45:00, scaled in at 70:00.",
        end_min=45,
        usd=0.63,
    ),
    Told(
        scenario="three",
        heading="3. Three matches at once",
        timeline="Two AWS workers at 3:00 take one each and are done at 28:00, the Jetson at 35:00.",
        end_min=35,
        usd=0.63,
    ),
    Told(
        scenario="six",
        heading="4. Six matches at once",
        timeline="Three AWS workers at 3:00; the first batch is done at 28:00, the second at 53:00.",
        end_min=53,
        usd=2.27,
    ),
    Told(
        scenario="twelve",
        heading="5. A match every five minutes for an hour",
        timeline="One worker at 6:00, two at 11:00, three at 16:00; all is done at 85:00, scaled in at 110:00.",
        end_min=85,
        usd=4.55,
    ),
)

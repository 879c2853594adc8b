"""What was uploaded in the past, as a scenario: from the JSON that ``rugbytx report --export`` writes."""

import json
from datetime import datetime
from pathlib import Path

from pydantic import BaseModel, ValidationError

from rugbytx.errors import SettingsError
from rugbytx.sim.input.scenario import Scenario, Upload, checked
from rugbytx.sim.input.upload_kind import SIZES, plan_of

#: A report does not tell a job's deadline, only whether it was late.
DEADLINE_S = 3600.0


class _Bill(BaseModel):
    submitted_at: datetime
    profile: str
    frames: int


class _Report(BaseModel):
    bills: tuple[_Bill, ...]


def scenario(path: Path, *, deadline_s: float = DEADLINE_S) -> Scenario:
    """Return the uploads of a report, each as the kind that is nearest to it; raises SettingsError.

    The first upload is the scenario's beginning.  A job of which no frame is known
    was never planned, and is left out.
    """
    try:
        bills = _Report.model_validate(json.loads(path.read_text(encoding="utf-8"))).bills
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the report {path} cannot be read: {error}") from error
    except (ValueError, ValidationError) as error:
        raise SettingsError(f"{path} is no report that `rugbytx report --export` wrote") from error
    known = [bill for bill in bills if bill.frames > 0]
    first = min((bill.submitted_at for bill in known), default=None)
    uploads = tuple(
        Upload(
            at_s=(bill.submitted_at - first).total_seconds(),
            size=_nearest(bill.profile, bill.frames),
            deadline_s=deadline_s,
        )
        for bill in sorted(known, key=lambda one: one.submitted_at)
        if first
    )
    return checked(Scenario(name=path.stem, title=f"What was uploaded, by {path.name}", uploads=uploads))


def _nearest(profile: str, frames: int) -> str:
    """Return the kind of upload with this profile, or else of any, whose length is nearest.

    >>> _nearest("clip", 1000), _nearest("match", 200_000), _nearest("mine", 100_000)
    ('clip', 'match', 'half')
    """
    kinds = [size for size in SIZES.values() if size.profile == profile] or list(SIZES.values())
    return min(kinds, key=lambda size: abs(plan_of(size, None).grid.frames - frames)).name

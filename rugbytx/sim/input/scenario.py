"""A scenario: what is uploaded when, and what goes wrong.  A TOML file, built in or of your own."""

import random
import tomllib
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from rugbytx.errors import SettingsError
from rugbytx.settings import Settings
from rugbytx.sim.input.upload_kind import SIZES, Size
from rugbytx.sim.input.upload_kind import of as size_of

BUILT_IN = Path(__file__).parent / "scenarios"

DAY_S = 86_400.0


class _Part(BaseModel):
    """A frozen part of a scenario's file; a word that is not known is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Trouble(StrEnum):
    """What goes wrong."""

    #: The Jetson takes nothing, from the beginning of the time to its end.
    JETSON_OFF = "jetson-off"
    #: The Jetson loses its power in mid-work, and boots when it is back.
    POWER_CUT = "power-cut"
    #: A new task definition is rolled out.
    DEPLOY = "deploy"
    #: Every Spot host is taken, and there is none to be had meanwhile.
    SPOT_STORM = "spot-storm"
    #: One AWS host dies without a notice.
    HOST_LOST = "host-lost"
    #: Somebody sets the service's desired count to 0.
    TOLD_TO_STOP = "told-to-stop"


class Upload(_Part):
    """One upload."""

    at_s: float
    size: str
    deadline_s: float


class Arrivals(_Part):
    """Some uploads, one after the other."""

    kind: str = "match"
    count: int = Field(default=1, ge=1, le=1_000_000)
    at_s: float = Field(default=0.0, ge=0)
    every_s: float = Field(default=0.0, ge=0)
    deadline_s: float = Field(default=Settings().deadline_s, gt=0)


class UploadStream(_Part):
    """Uploads at random: a Poisson process, denser in the day than in the night."""

    per_day: dict[str, float]
    days: float = Field(gt=0, le=400)
    deadline_s: float = Field(default=Settings().deadline_s, gt=0)
    #: All uploads come between these hours; most in the middle of them.
    from_h: float = 8.0
    to_h: float = 24.0


class InjectedFault(_Part):
    """Something that goes wrong."""

    kind: Trouble
    at_s: float = Field(ge=0)
    for_s: float = Field(default=0.0, ge=0)


class Scenario(_Part):
    """What is uploaded, what goes wrong, and for how long it is watched."""

    name: str = ""
    title: str
    says: str = ""
    arrivals: tuple[Arrivals, ...] = ()
    stream: UploadStream | None = None
    #: Uploads one by one.
    uploads: tuple[Upload, ...] = ()
    faults: tuple[InjectedFault, ...] = ()
    #: Kinds of uploads of the scenario's own.
    sizes: tuple[Size, ...] = ()
    #: How long after the last upload everything should be done.
    watch_s: float = Field(default=8 * 3600.0, gt=0)
    #: The chunk that is asked for at submit; None for the plan's default.
    chunk_s: float | None = None
    #: What the scenario fixes: figures of the world, and settings of policies.
    figures: dict[str, str | int | float | bool] = {}

    def size(self, name: str) -> Size:
        """Return the kind of upload of that name: the scenario's own before a built-in one; raises SettingsError."""
        return next((size for size in self.sizes if size.name == name), None) or size_of(name)

    def draw(self, seed: int) -> tuple[Upload, ...]:
        """Return the uploads in their order; ``seed`` decides those at random."""
        uploads = list(self.uploads)
        for burst in self.arrivals:
            uploads += [
                Upload(at_s=burst.at_s + index * burst.every_s, size=burst.kind, deadline_s=burst.deadline_s)
                for index in range(burst.count)
            ]
        if self.stream:
            uploads += _drawn(self.stream, random.Random(f"{seed}/arrivals"))  # noqa: S311  luck, not a secret
        return tuple(sorted(uploads, key=lambda upload: upload.at_s))


def _drawn(stream: UploadStream, luck: random.Random) -> Iterator[Upload]:
    """Yield a Poisson process: its count is drawn as so many exponential gaps, its times within the day."""
    for kind, per_day in sorted(stream.per_day.items()):
        at_days = luck.expovariate(per_day) if per_day > 0 else stream.days
        while at_days < stream.days:
            hour = luck.triangular(stream.from_h, stream.to_h, (stream.from_h + 2 * stream.to_h) / 3)
            at_s = int(at_days) * DAY_S + hour * 3600
            yield Upload(at_s=at_s, size=kind, deadline_s=stream.deadline_s)
            at_days += luck.expovariate(per_day)


def names() -> list[str]:
    """Return the names of the built-in scenarios, sorted."""
    return sorted(path.stem for path in BUILT_IN.glob("*.toml"))


def load(name: str) -> Scenario:
    """Return a built-in scenario, or one from a file whose name ends in ``.toml``; raises SettingsError."""
    own = Path(name)
    if own.suffix == ".toml":
        path = own
    elif name in names():
        path = BUILT_IN / f"{name}.toml"
    else:
        raise SettingsError(f"there is no scenario {name!r}; there is {', '.join(names())}, or a .toml file")
    try:
        scenario = Scenario.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the scenario {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the scenario {path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"the scenario {path} is wrong: {field}: {first['msg']}") from error
    return checked(scenario.model_copy(update={"name": path.stem}))


def checked(scenario: Scenario) -> Scenario:
    """Return the scenario; raises SettingsError for an upload of no known kind, or for none at all."""
    kinds = {burst.kind for burst in scenario.arrivals} | {upload.size for upload in scenario.uploads}
    kinds |= set(scenario.stream.per_day) if scenario.stream else set()
    if not kinds:
        raise SettingsError(f"the scenario {scenario.name} has no uploads")
    for kind in kinds - SIZES.keys() - {size.name for size in scenario.sizes}:
        raise SettingsError(f"the scenario {scenario.name}: there is no upload of kind {kind!r}")
    return scenario

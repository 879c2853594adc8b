"""What is wished: a profile is a named set of rungs and rules, read from a TOML file."""

import hashlib
from typing import Annotated, Self

from pydantic import ConfigDict, Field, StringConstraints, model_validator

from rugbytx.core.record import Record

Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]{0,31}$")]


class Rung(Record):
    """One step of the ladder.

    ``height`` is the length of the *shorter* side in pixels, so that a
    portrait video gets the same quality as a landscape one.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    height: int = Field(ge=64, le=4320)
    #: Average video rate at up to 30 frames a second.
    rate_bps: int = Field(ge=50_000, le=100_000_000)
    #: The same above 30 frames a second.
    high_motion_rate_bps: int = Field(ge=50_000, le=100_000_000)


class Profile(Record):
    """What is wished of a job: the ladder's rungs, the audio rate, and extras."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: Name
    #: The renditions, the largest first; the ladder is cut down to what the source deserves.
    rungs: tuple[Rung, ...] = Field(min_length=1, max_length=12)
    audio_rate_bps: int = Field(default=128_000, ge=32_000, le=320_000)
    #: Make a progressive MP4 of the top rendition as well.
    mp4: bool = False
    #: Make thumbnails for scrubbing, and a poster.
    stills: bool = True
    #: May chunks of unlike encoders stand in one rendition, joined by a discontinuity?
    splice: bool = True

    @model_validator(mode="after")
    def _rungs_fall(self) -> Self:
        heights = [rung.height for rung in self.rungs]
        if heights != sorted(set(heights), reverse=True):
            message = "the rungs must fall from the largest height to the smallest, each height once"
            raise ValueError(message)
        if any(rung.high_motion_rate_bps < rung.rate_bps for rung in self.rungs):
            message = "high_motion_rate_bps must not be below rate_bps"
            raise ValueError(message)
        return self

    def digest(self) -> str:
        """Return the SHA-256 of the profile's content, in hex: two names for one content are one profile.

        >>> rung = Rung(height=360, rate_bps=600_000, high_motion_rate_bps=900_000)
        >>> Profile(name="a", rungs=(rung,)).digest() == Profile(name="b", rungs=(rung,)).digest()
        True
        """
        return hashlib.sha256(self.model_dump_json(exclude={"name"}).encode()).hexdigest()

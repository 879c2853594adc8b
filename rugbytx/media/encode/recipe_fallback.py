"""Encode a chunk by the best recipe that works: the host's encoder by trial, the way by what ffmpeg says.

::

    choose a family (trial, once a process) ─► first recipe for this source ─► run ffmpeg
                                                          ▲                        │
                                                          └── the next recipe ◄────┤ PLAN, or the second RETRY
                                                          ▲                        │ in this way of this plan
                                                          └─ works ─ fresh trial ◄─┤ HOST
    HostUnfit ◄───────────────────────────────────────────── fails ──┘             │
    HostUnfit ◄── sick for the third time, or no way left and a fresh trial fails ◄┘
"""

import logging
import time
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from rugbytx.core.fleet.circuit_breaker import FaultKind
from rugbytx.core.plan import encoder_recipe
from rugbytx.core.plan.encoder_family import Candidates, Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.thumbnails import Picture
from rugbytx.errors import HostUnfit, Stalled, TranscodeError
from rugbytx.media import version
from rugbytx.media.encode import command_line, filter_graph
from rugbytx.media.encode.encoder_trial import Trials, Verdict
from rugbytx.media.encode.faults import Faults
from rugbytx.media.process import ffmpeg, resource_limits
from rugbytx.media.process.diagnosis import Diagnosis
from rugbytx.media.process.messages import Action
from rugbytx.ports import Pulse

log = logging.getLogger(__name__)

#: So many plans' troubles are remembered; a lane works on one.
_MOST_PLANS = 100
#: After so many troubles in one way of one plan the next way is taken.
_MOST_TROUBLES = 2


@dataclass(frozen=True, kw_only=True)
class Choice:
    """The family that this host encodes with, and what the trials of all that were tried said."""

    family: Family
    verdicts: tuple[Verdict, ...]
    #: Why these families were tried, as a constant.
    reason: str

    @property
    def sentence(self) -> str:
        """Return why it is this one."""
        refused = [f"{verdict.family}: {verdict.reason}" for verdict in self.verdicts if not verdict.works]
        return "; ".join(refused) or self.reason


@dataclass(frozen=True, kw_only=True)
class Climb:
    """How a chunk was encoded."""

    recipe: Recipe
    encode_s: float
    #: Frames of the source that could not be decoded whole.
    damaged: int


class Ladder:
    """The encoders of this host, from the best to the last that is allowed."""

    def __init__(
        self,
        trials: Trials,
        candidates: Candidates,
        *,
        faults: Faults,
        is_software_allowed: bool,
        read_rate: float = 0.0,
    ) -> None:
        self._trials = trials
        self._candidates = candidates
        self._faults = faults
        self._is_software_allowed = is_software_allowed
        self._read_rate = read_rate
        self._choice: Choice | None = None
        #: By plan: the recipe to begin with, and how often a recipe has failed.
        self._begin: dict[str, Recipe] = {}
        self._troubles: Counter[tuple[str, Recipe]] = Counter()

    def choose(self, *, pulse: Pulse | None = None) -> Choice:
        """Return what this host encodes with, by trial once a process.

        Raises HostUnfit where nothing works that is allowed, and what ``pulse`` raises.
        """
        if self._choice is None:
            self._choice = self._chosen(pulse)
            log.info(
                "encoder-chosen",
                extra={"encoder": self._choice.family, "reason": self._choice.sentence},
            )
        return self._choice

    @property
    def known(self) -> Choice | None:
        """Return what this host encodes with, if that was found out already."""
        return self._choice

    def reconsider(self) -> None:
        """Believe no trial so far: something has happened that it did not foretell."""
        self._choice = None
        self._trials.forget()

    def encode(
        self,
        plan: Plan,
        index: int,
        source: Path,
        paths: Sequence[Path],
        pictures: Mapping[Picture, Path],
        *,
        pulse: Pulse,
    ) -> Climb:
        """Write ``paths`` and ``pictures``; raises what the last recipe's failure means, and what ``pulse`` raises."""
        family = self.choose(pulse=pulse).family
        digest = plan.digest()
        recipe = self._begin.get(digest) or self._first(family, plan, index)
        while True:  # ends: every turn goes down the ladder or leaves
            began_at = time.monotonic()
            try:
                argv = command_line.chunk(
                    plan,
                    index,
                    source,
                    paths,
                    pictures=pictures,
                    recipe=recipe,
                    encoder=self._trials.encoders.of(recipe.family),
                    read_rate=self._read_rate,
                    side_data=version.side_data(self._trials.ffmpeg),
                    ffmpeg=self._trials.ffmpeg,
                )
                done = self._run(plan, index, argv, recipe, pulse)
            except Stalled as error:
                self._note_stall(digest, recipe, error)
                raise
            if done.diagnosis is None:
                return Climb(recipe=recipe, encode_s=time.monotonic() - began_at, damaged=done.damaged)
            recipe = self._next(digest, recipe, done.diagnosis, pulse)

    def _first(self, family: Family, plan: Plan, index: int) -> Recipe:
        video = plan.media.video
        way = encoder_recipe.first(
            family,
            video,
            plan.renditions,
            is_bt709=filter_graph.is_bt709(video),
            is_last=index == plan.grid.chunks - 1,
        )
        if way.recipe is Recipe.X264 and not self._is_software_allowed:
            raise TranscodeError(
                f"this host's {family} encoder cannot do this source, and it may not encode on its CPU: {way.reason}"
            )
        log.info("recipe", extra={"recipe": way.recipe, "reason": way.reason})
        return way.recipe

    def _run(self, plan: Plan, index: int, argv: list[str], recipe: Recipe, pulse: Pulse) -> ffmpeg.Attempt:
        pulse.step("encode")
        limits = resource_limits.chunk(plan, index, on_gpu=recipe is not Recipe.X264)
        return ffmpeg.attempt(argv, pulse=pulse, limits=limits)

    def _next(self, digest: str, recipe: Recipe, found: Diagnosis, pulse: Pulse) -> Recipe:
        """Return the recipe to take after a failure; raises where there is none, or none is wanted."""
        if found.action is Action.HOST:
            found = self._confirmed(recipe, found, pulse)
        if found.action in {Action.SICK, Action.BUSY}:
            self._count(found)
        is_trouble = found.action in {Action.RETRY, Action.SICK, Action.BUSY}
        if is_trouble:
            self._troubles[digest, recipe] += 1
        is_habit = is_trouble and self._troubles[digest, recipe] >= _MOST_TROUBLES
        below = encoder_recipe.below(recipe)
        if below is None or not (found.action is Action.PLAN or is_habit):
            raise found.error
        if below is Recipe.X264 and not self._is_software_allowed:
            raise self._refusal(recipe, found, pulse)
        log.warning("recipe-changed", extra={"recipe": below, "before": recipe, "reason": str(found.error)})
        self._remember(digest, below)
        return below

    def _confirmed(self, recipe: Recipe, found: Diagnosis, pulse: Pulse) -> Diagnosis:
        """Return what a complaint about this host means where a trial, which sees nothing of the source, succeeds.

        A source can make ffmpeg say anything, so its run alone takes no host
        out of service; it only takes the next way.  Raises HostUnfit where the
        trial fails too.
        """
        self.reconsider()
        verdict = self._trials.verdict(recipe.family, pulse=pulse, fresh=True)
        if not verdict.works:
            raise HostUnfit(verdict.reason) from found.error
        return Diagnosis(action=Action.PLAN, error=TranscodeError(f"only with this source: {found.error}"))

    def _count(self, found: Diagnosis) -> None:
        """Count a fault against this host; raises HostUnfit when the breaker opens."""
        if self._faults.add(FaultKind.SICK, str(found.error)).is_open:
            raise HostUnfit(f"this host's encoder has failed too often: {found.error}") from found.error

    def _note_stall(self, digest: str, recipe: Recipe, error: Stalled) -> None:
        """Count a GPU that hung, and begin with the next way from here on."""
        below = encoder_recipe.below(recipe)
        if below is None:
            return
        self._faults.add(FaultKind.SICK, str(error))
        if below is not Recipe.X264 or self._is_software_allowed:
            self._remember(digest, below)

    def _remember(self, digest: str, recipe: Recipe) -> None:
        if len(self._begin) >= _MOST_PLANS:
            self._begin.clear()
            self._troubles.clear()
        self._begin[digest] = recipe

    def _refusal(self, recipe: Recipe, found: Diagnosis, pulse: Pulse) -> Exception:
        """Return the error of a host that may not encode on its CPU and cannot on its GPU.

        Whose fault is it?  A source that the encoder refuses must not take one
        host after the other out of service, so the trial is repeated.
        """
        verdict = self._trials.verdict(recipe.family, pulse=pulse, fresh=True)
        if verdict.works:
            return TranscodeError(f"this host's {recipe.family} encoder cannot do this source: {found.error}")
        return HostUnfit(
            f"this host's {recipe.family} encoder does not work, and it may not encode on its CPU: {verdict.reason}"
        )

    def _chosen(self, pulse: Pulse | None) -> Choice:
        verdicts: list[Verdict] = []
        for family in self._candidates.families:
            if family is Family.X264 and not self._is_software_allowed:
                break
            verdicts.append(self._trials.verdict(family, pulse=pulse))
            if verdicts[-1].works:
                return Choice(family=family, verdicts=tuple(verdicts), reason=self._candidates.reason)
        raise HostUnfit(_why_none(verdicts, self._candidates, is_software_allowed=self._is_software_allowed))


def _why_none(verdicts: Sequence[Verdict], candidates: Candidates, *, is_software_allowed: bool) -> str:
    reasons = "; ".join(f"{verdict.family}: {verdict.reason}" for verdict in verdicts) or candidates.reason
    if is_software_allowed:
        return f"no encoder works on this host ({reasons})"
    return f"no GPU encoder works on this host, and it may not encode on its CPU ({reasons})"

"""Which encoder works on this host: found out by encoding, never by what ffmpeg lists.

A build lists encoders whose driver is missing, a container hides devices, an
Orin Nano has no encoder block, and options that a chip lacks look like missing
hardware.  So each family encodes fifteen frames with the ladder's own options,
in a child with a time-out, and the result is counted from its boxes.
"""

import hashlib
import json
import logging
import shutil
import tempfile
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from pydantic import ValidationError

from rugbytx.core.cmaf.track_parser import Track
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.plan import Rendition
from rugbytx.core.record import Record
from rugbytx.errors import RugbytxError, TranscodeError
from rugbytx.media import host, version
from rugbytx.media.encode import command_line, track_file
from rugbytx.media.encode.encoder_options import Encoders
from rugbytx.media.process import ffmpeg
from rugbytx.media.process.messages import Action
from rugbytx.media.process.pulse import TimeOut
from rugbytx.media.process.resource_limits import Limits
from rugbytx.ports.media import Pulse

log = logging.getLogger(__name__)

#: NVENC since Turing takes nothing smaller than 145x145; B-frames and lookahead need some frames to flush.
PICTURE = Rendition(
    name="trial", width=320, height=240, rate_bps=1_000_000, peak_bps=1_500_000, buffer_bits=2_000_000
)
FRAMES = 15
#: A cold CUDA start takes seconds, and nvmpi hangs rather than fails.
TIMEOUT_S = 20.0
#: How long a result is believed.
WORKS_S = 3600.0
FAILS_S = 300.0

#: A GPU driver maps all of the GPU's memory.
_LIMITS = Limits(data_bytes=None)


class Verdict(Record):
    """What a trial of one family showed."""

    family: Family
    works: bool
    #: A sentence where it does not work, or where it works but is busy.
    reason: str = ""
    #: The hash of the init segment that it makes; empty where it made none.
    fingerprint: str = ""
    took_s: float = 0.0
    #: The host's monotonic clock, which the key binds to one boot.
    at: float = 0.0
    #: Not worth remembering: it says more about the moment than about the host.
    is_passing: bool = False

    def is_fresh(self, now: float) -> bool:
        """Return whether it is still believed."""
        return self.at <= now < self.at + (WORKS_S if self.works else FAILS_S)


@dataclass(frozen=True, kw_only=True)
class Trials:
    """The trials of one host.  ``cache`` is a file that its processes share; without it nothing is remembered."""

    ffmpeg: str
    encoders: Encoders
    cache: Path | None = None
    root: Path = Path("/")
    timeout_s: float = TIMEOUT_S
    monotonic: Callable[[], float] = time.monotonic

    def verdict(self, family: Family, *, pulse: Pulse | None = None, fresh: bool = False) -> Verdict:
        """Return what a trial of the family shows, or lately showed; ``fresh`` believes nothing remembered.

        Raises what ``pulse.check`` raises, and ScratchFull or Draining where
        those kept the trial from telling anything.
        """
        key = self._key(family)
        known = None if fresh else self.remembered(family)
        if known and known.is_fresh(self.monotonic()):
            return known
        verdict = self._try(family, pulse)
        log.info("encoder-tried", extra={"encoder": family, "works": verdict.works, "reason": verdict.reason})
        if not verdict.is_passing:
            self._remember(key, verdict)
        return verdict

    def remembered(self, family: Family) -> Verdict | None:
        """Return what the last trial of the family showed, however long ago, if any process remembers it."""
        return self._remembered().get(self._key(family))

    def forget(self) -> None:
        """Forget all results: something has happened that they did not foretell."""
        if self.cache:
            self.cache.unlink(missing_ok=True)

    def _try(self, family: Family, pulse: Pulse | None) -> Verdict:
        patience = TimeOut(
            timeout_s=self.timeout_s,
            error=TranscodeError(f"it did not end within {self.timeout_s:g} s"),
            pulse=pulse,
            monotonic=self.monotonic,
        )
        patience.step("trial")
        began_at = self.monotonic()
        # Beside the cache: in a container nothing but the scratch disk may be writable.
        place = self.cache.parent if self.cache else None
        if place:
            place.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix="trial-", dir=place) as folder:
            verdict = self._encode(family, Path(folder) / "trial.mp4", patience)
        now = self.monotonic()
        return verdict.model_copy(update={"took_s": now - began_at, "at": now})

    def _encode(self, family: Family, path: Path, patience: TimeOut) -> Verdict:
        argv = command_line.trial(self.encoders.of(family), PICTURE, path, frames=FRAMES, ffmpeg=self.ffmpeg)
        try:
            found = ffmpeg.attempt(argv, pulse=patience, limits=_LIMITS).diagnosis
            if found is None:
                return _counted(family, track_file.track(path))
        except RugbytxError as error:
            if patience.pulse:
                patience.pulse.check()  # the work is to end, and not only the trial
            return Verdict(family=family, works=False, reason=str(error))
        if found.action in {Action.LEAVE, Action.DISK}:
            raise found.error  # which says nothing of the encoder
        # All sessions in use is the opposite of no encoder.
        is_busy = found.action is Action.BUSY
        return Verdict(family=family, works=is_busy, reason=str(found.error), is_passing=is_busy)

    def _key(self, family: Family) -> str:
        """Return the hash of all that a result hangs on: program, options, driver, GPU and boot."""
        program = shutil.which(self.ffmpeg)
        parts = [
            host.state(self.root),
            *command_line.trial(
                self.encoders.of(family), PICTURE, Path("/trial"), frames=FRAMES, ffmpeg=self.ffmpeg
            ),
        ]
        if program:
            seen = Path(program).resolve().stat()
            parts += [program, str(seen.st_mtime_ns), str(seen.st_size), version.read(program)]
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def _remembered(self) -> Mapping[str, Verdict]:
        """Return the file's verdicts; a torn or foreign file is an empty one."""
        try:
            told = json.loads(self.cache.read_bytes()) if self.cache else {}
            return {key: Verdict.model_validate(value) for key, value in told.items()}
        except (OSError, ValueError, AttributeError, ValidationError):
            return {}

    def _remember(self, key: str, verdict: Verdict) -> None:
        """Write the file anew; of two processes the later one wins, and the other one tries again some day."""
        if self.cache is None:
            return
        now = self.monotonic()
        kept = {name: old for name, old in self._remembered().items() if old.is_fresh(now)}
        kept[key] = verdict
        text = json.dumps({name: value.model_dump(mode="json") for name, value in kept.items()})
        try:
            self.cache.parent.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile("w", dir=self.cache.parent, delete=False) as draft:
                draft.write(text)
            Path(draft.name).replace(self.cache)
        except OSError as error:
            log.warning("encoder-trial-not-noted", extra={"reason": str(error)})


def _counted(family: Family, track: Track) -> Verdict:
    """Return what a trial that wrote ``track`` shows."""
    made = sum(len(fragment.sizes) for fragment in track.fragments)
    if made != FRAMES:
        return Verdict(family=family, works=False, reason=f"it made {made} of {FRAMES} frames")
    return Verdict(family=family, works=True, fingerprint=track.init_sha256[:16])

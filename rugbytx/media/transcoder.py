"""ports.Media, by ffmpeg: the steps of each kind of unit's encoding."""

import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from rugbytx.core.fleet.circuit_breaker import FaultKind
from rugbytx.core.plan import encoder_family, thumbnails
from rugbytx.core.plan.encoder_family import Family
from rugbytx.core.plan.encoder_recipe import Recipe
from rugbytx.core.plan.plan import Plan
from rugbytx.core.source import damage
from rugbytx.core.source.media_info import MediaInfo
from rugbytx.core.verify.sampled_quality import Scores
from rugbytx.errors import HostUnfit, ScratchFull, VerificationError
from rugbytx.media import chunk_ends, host, mp4, quality_metric, version
from rugbytx.media.encode import command_line, track_file
from rugbytx.media.encode.encoder_options import X264, Encoders, X264Profile
from rugbytx.media.encode.encoder_trial import Trials
from rugbytx.media.encode.faults import Faults
from rugbytx.media.encode.recipe_fallback import Ladder
from rugbytx.media.process import ffmpeg, programs, resource_limits
from rugbytx.media.process.messages import PLAIN
from rugbytx.media.source import ingest, probe
from rugbytx.ports import Encoded, Pulse


@dataclass(frozen=True, kw_only=True)
class FfmpegMedia:
    """ffmpeg and ffprobe of this host, with the best encoder that passes a trial.

    Besides what ``ports.Media`` names, its methods raise HostUnfit where a
    program or every encoder that is allowed is missing, and VerificationError
    where what was written is no whole file.  A HostUnfit is noted among ``faults``.
    """

    ffmpeg: str = "ffmpeg"
    ffprobe: str = "ffprobe"
    #: libx264's preset, its profile, and its threads for each rendition; 0 leaves them to x264.
    preset: str = "veryfast"
    x264_profile: X264Profile = "high"
    threads: int = 0
    #: The encoder to use; None takes what the host seems to have.
    wished: Family | None = None
    is_software_allowed: bool = True
    #: How many seconds of film a chunk reads in a second at most; 0 for no bound.
    read_rate: float = 0.0
    #: Where trials are remembered.
    cache: Path | None = None
    faults: Faults = field(default_factory=Faults)

    @property
    def programs(self) -> programs.Programs:
        """Return where ffmpeg and ffprobe are."""
        return programs.Programs(ffmpeg=self.ffmpeg, ffprobe=self.ffprobe)

    @cached_property
    def trials(self) -> Trials:
        """Return this host's trials."""
        x264 = X264(preset=self.preset, profile=self.x264_profile, threads=self.threads)
        return Trials(ffmpeg=self.ffmpeg, encoders=Encoders(x264=x264), cache=self.cache)

    @cached_property
    def ladder(self) -> Ladder:
        """Return this host's encoders, from the best to the last that is allowed."""
        return Ladder(
            self.trials,
            encoder_family.candidates(host.read(), wished=self.wished),
            faults=self.faults,
            is_software_allowed=self.is_software_allowed,
            read_rate=self.read_rate,
        )

    def family(self) -> Family:
        """Return the family that this host encodes with; raises HostUnfit where none works."""
        with self.noting():
            return self.ladder.choose().family

    def maker(self) -> str:
        """Return the fingerprint of this host's encoder: of the init segment that it makes in its trial.

        All sessions of a GPU may have been in use at that time: then it is tried
        again, and until that works the family stands for it.
        """
        family = self.family()
        return self.trials.verdict(family).fingerprint or family.value

    def known(self) -> tuple[str, str]:
        """Return what ``family`` and ``maker`` would, if this process knows it without a trial; else nothing."""
        choice = self.ladder.known
        if choice is None or self.faults.decision().is_open:
            return "", ""
        verdict = self.trials.remembered(choice.family) or choice.verdicts[-1]
        return choice.family.value, verdict.fingerprint or choice.family.value

    def ingest(self, arrived: Path, path: Path, *, pulse: Pulse) -> None:
        """Make of what was uploaded the file that is read from here on."""
        with self.noting():
            ingest.prepare(arrived, path, pulse=pulse, programs=self.programs)

    def probe(self, path: Path, *, pulse: Pulse) -> MediaInfo:
        """Return what the source is."""
        pulse.step("probe")
        with self.noting():
            return probe.read(path, pulse=pulse, ffprobe=self.ffprobe)

    def encode_chunk(self, plan: Plan, index: int, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode one chunk in all renditions into ``folder``."""
        paths = tuple(folder / f"{rendition.name}-{index:05d}.mp4" for rendition in plan.renditions)
        pictures = {
            picture: folder / f"{picture}-{index:05d}.jpg" for picture in thumbnails.pictures(plan, index)
        }
        with self.noting():
            climb = self.ladder.encode(plan, index, source, paths, pictures, pulse=pulse)
        # Before the files are read: where nothing could be decoded there is nothing in them.
        damage.require(damaged=climb.damaged, frames=plan.grid.frames)
        encoded = self._encoded(
            paths, encoder=climb.recipe.value, encode_s=climb.encode_s, damaged=climb.damaged
        )
        missing = max(
            len(plan.grid_of(rendition).chunk_frames(index))
            - sum(len(fragment.sizes) for fragment in track.fragments)
            for rendition, track in zip(plan.renditions, encoded.tracks, strict=True)
        )
        damage.require_end(damaged=climb.damaged, missing=missing)
        with self.noting():
            for path, track in zip(paths, encoded.tracks, strict=True):
                chunk_ends.check(path, track, pulse=pulse, ffmpeg=self.ffmpeg)
        on_gpu = climb.recipe is not Recipe.X264
        return replace(
            encoded,
            pictures=pictures,
            gpu=host.gpu() if on_gpu else "",
            driver=host.driver() if on_gpu else "",
        )

    def encode_audio(self, plan: Plan, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode the whole audio into ``folder``."""
        if plan.audio is None:
            raise VerificationError("the plan has no audio, so there is none to encode")
        pulse.step("encode")
        path = folder / "audio.mp4"
        argv = command_line.audio(plan, plan.audio, source, path, ffmpeg=self.ffmpeg)
        limits = resource_limits.sound(rate_bps=plan.audio.rate_bps, length_s=plan.grid.duration_s)
        started_at = time.monotonic()
        with self.noting():
            done = ffmpeg.attempt(argv, pulse=pulse, limits=limits, table=PLAIN)
            # First, because it is why ffmpeg fails where it does.
            damage.require_sound(
                damaged=done.damaged, sample_rate=plan.audio.sample_rate, length_s=plan.grid.duration_s
            )
            if done.diagnosis:
                raise done.diagnosis.error
        return self._encoded(
            (path,), encoder="aac", encode_s=time.monotonic() - started_at, damaged=done.damaged
        )

    def compare(
        self, plan: Plan, frames: range, source: Path, made: Path, *, first: int, pulse: Pulse
    ) -> Scores:
        """Return how like the source these frames of the first rendition are; ``made`` begins with frame ``first``."""
        return quality_metric.compare(
            plan, frames, source, made, first=first, pulse=pulse, ffmpeg=self.ffmpeg
        )

    def make_mp4(
        self, plan: Plan, video: Sequence[Path], audio: Path | None, path: Path, *, pulse: Pulse
    ) -> None:
        """Join the chunks of one rendition, in order, and the audio into a progressive MP4."""
        with self.noting():
            mp4.make_mp4(plan, video, audio, path, pulse=pulse, programs=self.programs)

    def _encoded(self, paths: tuple[Path, ...], *, encoder: str, encode_s: float, damaged: int) -> Encoded:
        """Read what was written."""
        return Encoded(
            paths=paths,
            tracks=tuple(map(track_file.track, paths)),
            encoder=encoder,
            encode_s=encode_s,
            ffmpeg=version.read(self.ffmpeg),
            damaged=damaged,
        )

    @contextmanager
    def noting(self) -> Iterator[None]:
        """Note a HostUnfit before it travels on, so that the gate is closed when the unit is handed back.

        A full disk is one by its third time: one unit's files may have filled it.
        """
        try:
            yield
        except ScratchFull as error:
            self.faults.add(FaultKind.SICK, str(error))
            raise
        except HostUnfit as error:
            self.faults.add(FaultKind.UNFIT, str(error))
            raise

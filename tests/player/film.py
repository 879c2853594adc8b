"""Films that flash and beep at the same instants, and their published outputs."""

from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path

from rugbytx.core.output.result import plan_of
from rugbytx.core.plan.plan import Grid
from rugbytx.media.encode.encoder_options import X264Profile
from tests import plans
from tests.footage import make
from tests.published import SmallMedia, copy, publish
from tests.worker.world import World


@dataclass(frozen=True, kw_only=True)
class Film:
    """A film of so many frames, with a mark about every second; its beeps may be late."""

    name: str
    rate: Fraction
    frames: int
    #: x264's profile by chunk; the last serves all that follow.
    profiles: tuple[X264Profile, ...] = ("high",)
    beeps_late_s: float = 0.0

    @property
    def marks(self) -> tuple[range, ...]:
        """Return the frames of each mark: a quarter of a second, in whole frames."""
        second = round(self.rate)
        firsts = range(second // 2, self.frames, second)
        return tuple(range(first, min(first + second // 4, self.frames)) for first in firsts)

    @property
    def marks_s(self) -> tuple[float, ...]:
        """Return when each mark begins."""
        return tuple(float(mark.start / self.rate) for mark in self.marks)

    def write(self, path: Path) -> Path:
        """Make the film."""
        first, every, lasts = self.marks[0].start, round(self.rate), len(self.marks[0])
        instants = [float(frames / self.rate) for frames in (self.frames, first, every, lasts)]
        length_s, first_s, every_s, lasts_s = instants
        since_s = f"(t-{first_s + self.beeps_late_s})"
        beep = f"0.5*sin(2*PI*1000*t)*gte({since_s},0)*lt(mod({since_s},{every_s}),{lasts_s})"
        flash = f"gte(n,{first})*lt(mod(n-{first},{every}),{lasts})"
        make(
            path,
            *("-f", "lavfi", "-i", f"testsrc2=size=320x180:rate={self.rate}:duration={length_s}"),
            *("-f", "lavfi", "-i", f"aevalsrc='{beep}':s=48000:d={length_s}"),
            *("-vf", f"lutyuv=y=val/4+16,drawbox=t=fill:color=white:enable='{flash}'"),
            *("-c:v", "libx264", "-preset", "ultrafast", "-pix_fmt", "yuv420p", "-c:a", "aac"),
        )
        return path


@dataclass(frozen=True, kw_only=True)
class Published:
    """A job's outputs in a folder."""

    master: Path
    grid: Grid

    @property
    def joins_s(self) -> list[float]:
        """Return where its chunks meet."""
        return [
            float(self.grid.chunk_frames(index).start / self.grid.rate)
            for index in range(1, self.grid.chunks)
        ]


def published(source: Path, folder: Path, *, chunk_s: float, profiles: tuple[X264Profile, ...]) -> Published:
    """Run the job of a film to its end by a real ffmpeg; return its outputs, in two small renditions."""
    world = World(folder / "scratch")
    world.settings = world.settings.model_copy(update={"check_s": 0})
    job = publish(
        world,
        source,
        SmallMedia(profiles=profiles, cache=folder / "trials.json"),
        chunk_s=chunk_s,
        profile=plans.PROFILE,
    )
    plan = plan_of(world.store.units.read(job.id, 1))
    assert plan
    (folder / "out").mkdir()
    return Published(master=copy(world, folder / "out"), grid=plan.grid)

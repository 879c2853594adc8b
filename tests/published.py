"""Published outputs of small films, made by real lanes and a real ffmpeg on fake services."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

from rugbytx.core.cmaf.track_parser import Fragment, Track
from rugbytx.core.job.job import Job, Outputs, Pointer, Source, Status
from rugbytx.core.job.profile import Profile, Rung
from rugbytx.core.plan import thumbnails
from rugbytx.core.plan.plan import Plan
from rugbytx.media.encode import command_line, track_file
from rugbytx.media.encode.encoder_options import X264, X264Profile
from rugbytx.media.process import ffmpeg
from rugbytx.media.transcoder import FfmpegMedia
from rugbytx.ports import Encoded, Pulse
from rugbytx.verify.fetch import fetch
from tests.worker.world import BUCKET, World

PROFILE = Profile(
    name="small",
    rungs=(
        Rung(height=90, rate_bps=120_000, high_motion_rate_bps=120_000),
        Rung(height=64, rate_bps=80_000, high_motion_rate_bps=80_000),
    ),
)


@dataclass(frozen=True, kw_only=True)
class SmallMedia(FfmpegMedia):
    """This host's ffmpeg, with an x264 profile for each chunk."""

    #: x264's fastest has nothing that High has over Main.
    preset: str = "superfast"
    #: By chunk; the last serves all that follow.
    profiles: tuple[X264Profile, ...] = ("high",)
    #: Without, an encoder whose parameter sets stand in its init segments alone, and who says otherwise.
    in_band: bool = True

    def encode_chunk(self, plan: Plan, index: int, source: Path, folder: Path, *, pulse: Pulse) -> Encoded:
        """Encode one chunk in its own profile."""
        profile = self.profiles[min(index, len(self.profiles) - 1)]
        paths = tuple(folder / f"{rendition.name}.mp4" for rendition in plan.renditions)
        encoder = X264(preset=self.preset, profile=profile, threads=1)
        pictures = {one: folder / f"{one}.jpg" for one in thumbnails.pictures(plan, index)}
        argv = command_line.chunk(plan, index, source, paths, pictures=pictures, encoder=encoder)
        if not self.in_band:
            argv = without(argv, "-bsf:v", "dump_extra=freq=keyframe")
        ffmpeg.run(self.changed(argv, plan, index), pulse=pulse)
        tracks = tuple(map(track_file.track, paths))
        if not self.in_band:
            tracks = tuple(map(pretending, tracks))
        return Encoded(
            paths=paths,
            tracks=tracks,
            encoder=f"x264 {profile}",
            pictures=pictures,
            encode_s=0.1,
            ffmpeg="5.1",
        )

    def changed(self, argv: Sequence[str], plan: Plan, index: int) -> Sequence[str]:
        """Return the command of a chunk as it is run: for those who want a bad one."""
        del plan, index
        return argv


def without(argv: Sequence[str], *gone: str) -> list[str]:
    """Return a command without each appearance of these neighbours."""
    left = list(argv)
    while gone[0] in left:
        at = left.index(gone[0])
        assert tuple(left[at : at + len(gone)]) == gone
        del left[at : at + len(gone)]
    return left


def pretending(track: Track) -> Track:
    """Return a track that claims to have its parameter sets in every keyframe."""

    def claimed(fragment: Fragment) -> Fragment:
        return replace(fragment, first_nal_types=(7, 8, *fragment.first_nal_types))

    return replace(track, fragments=tuple(map(claimed, track.fragments)))


def publish(
    world: World,
    film: Path,
    media: FfmpegMedia,
    *,
    chunk_s: float,
    mp4: bool = False,
    profile: Profile | None = None,
) -> Job:
    """Run the job of one film to its end; without a profile it is a small one."""
    world.ports = replace(world.ports, media=media)
    world.storage.put(film.read_bytes(), "source", "film.mp4", content_type="video/mp4")
    stored = world.storage.head("source", "film.mp4")
    assert stored
    source = Source(bucket="source", key="film.mp4", etag=stored.etag, size_bytes=stored.size_bytes)
    now = world.store.now()
    world.store.jobs.create(
        Job(
            id=world.job_id,
            source=source,
            profile=profile or PROFILE.model_copy(update={"mp4": mp4}),
            chunk_s=chunk_s,
            submitted_at=now,
            deadline_at=now + 3600,
            wake_at=now + 600,
        )
    )
    world.queue.send([Pointer(job_id=world.job_id, generation=1)])
    job = world.run_until_ended()
    assert job.status is Status.SUCCEEDED, job.reason
    return job


def copy(world: World, folder: Path) -> Path:
    """Copy what the job published into a folder; return its master."""
    outputs = world.job().outputs
    assert isinstance(outputs, Outputs)
    return fetch(world.storage, BUCKET, outputs, folder, on_bytes=lambda _: None)

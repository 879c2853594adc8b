"""Verify published outputs: every byte range, every box, every frame.

::

    manifest ── sizes and SHA-256 ──┐
    master ── media playlists ──────┤
    files ── init + segment, boxes ─┼─► findings
    ffmpeg ── every frame decoded ──┘

Whatever is wrong becomes a finding, and the rest is verified all the same, so that
one broken segment does not hide another.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from pydantic import ValidationError

from rugbytx.core.hls import parser
from rugbytx.core.output import object_keys
from rugbytx.core.output.result import Manifest
from rugbytx.core.plan.plan import Grid
from rugbytx.core.verify import before_publish, hls_rules, progressive_mp4, published, rendition_alignment
from rugbytx.core.verify.finding import Finding, Rule
from rugbytx.core.verify.job_report import JobReport
from rugbytx.core.verify.published import PublishedSegment
from rugbytx.core.verify.rendition_alignment import Timeline
from rugbytx.errors import TranscodeError, VerificationError
from rugbytx.media.checksum import sha256
from rugbytx.media.mp4 import inspect
from rugbytx.media.process.programs import Programs
from rugbytx.verify.folder import OutputFolder
from rugbytx.verify.play import Watch, play


@dataclass(frozen=True, kw_only=True)
class VerificationResult:
    """What was looked at, and what is wrong with it."""

    findings: tuple[Finding, ...]
    files: int
    segments: int
    #: The frames of all renditions together.
    frames: int
    #: Whether every frame was decoded as well.
    decoded: bool
    #: Whether there was a manifest to hold the files against.
    has_manifest: bool


def verify(
    master: Path,
    *,
    on_step: Callable[[str], None],
    quick: bool = False,
    programs: Programs | None = None,
) -> VerificationResult:
    """Return what is wrong with the outputs of ``master``; ``quick`` leaves the decoding out.

    ``on_step`` hears what is looked at next.  Raises HostUnfit where there is no ffmpeg.
    """
    begun = _Verification(folder=OutputFolder(path=master.parent), on_step=on_step)
    return begun.at(master, programs=programs or Programs(), quick=quick)


#: A media playlist and its segments.
Read = tuple[parser.MediaPlaylist, list[PublishedSegment]]


@dataclass(frozen=True, kw_only=True)
class _Verification:
    """One verification of a folder of outputs, and its findings so far."""

    folder: OutputFolder
    on_step: Callable[[str], None]
    findings: list[Finding] = field(default_factory=list)
    #: Timelines by the playlist's name, the audio's last.
    timelines: dict[str, Timeline] = field(default_factory=dict)
    #: Playlists that name files which are not among the outputs: a decoder would follow them.
    astray: set[str] = field(default_factory=set)

    def at(self, path: Path, *, programs: Programs, quick: bool) -> VerificationResult:
        manifest, report = self._records()
        if manifest:
            self.findings.extend(self._against(manifest))
        grid = self._master(path.name, report.grid if report else None)
        films = sorted(path.name for path in self.folder.path.glob("*.mp4"))
        if grid:
            for storyboard in sorted(self.folder.path.glob("*.vtt")):
                self.findings.extend(self.folder.storyboard(storyboard.name, grid))
            has_audio = bool(report.audio) if report else not all(map(_has_frames, self.timelines.values()))
            for name in films:
                self._inspect(name, grid, has_audio=has_audio, ffprobe=programs.ffprobe)
        if grid and not quick:
            for name, timeline in self.timelines.items():
                if name not in self.astray:
                    self._play(name, timeline.grid, has_frames=timeline.has_frames, ffmpeg=programs.ffmpeg)
            for name in films:
                self._play(name, grid, has_frames=True, ffmpeg=programs.ffmpeg)
        if report and report.mp4 and not films:
            self._add(Rule.TRACK_COUNT, path.name, "an MP4 beside it", "none")
        timelines = self.timelines.values()
        return VerificationResult(
            findings=tuple(self.findings),
            files=len(self.folder.seen),
            segments=sum(len(timeline.starts_us) - 1 for timeline in timelines),
            frames=sum(timeline.samples for timeline in timelines if timeline.has_frames),
            decoded=not quick,
            has_manifest=manifest is not None,
        )

    def _records(self) -> tuple[Manifest | None, JobReport | None]:
        """Return the manifest and the report that lie beside the master, if they do."""
        manifest, report = None, None
        for path in sorted(self.folder.path.glob("*.json")):
            try:
                if path.name.startswith("manifest"):
                    manifest = Manifest.model_validate_json(path.read_bytes())
                elif path.name.startswith("report"):
                    report = JobReport.model_validate_json(path.read_bytes())
            except ValidationError:
                self._add(Rule.MANIFEST, path.name, "a record of ours", "something else")
        return manifest, report

    def _against(self, manifest: Manifest) -> Iterator[Finding]:
        """Yield what is not as the manifest says."""
        self.on_step(f"sizes and SHA-256 of {len(manifest.entries)} files")
        for entry in manifest.entries:
            name = object_keys.relative(entry.key, manifest.job_id, manifest.generation)
            path = self.folder.find(name)
            if path is None:
                yield Finding(rule=Rule.MANIFEST, where=name, expected="a file", seen="none")
                continue
            pairs = [(f"{entry.size_bytes} bytes", f"{path.stat().st_size} bytes")]
            pairs.append((f"SHA-256 {entry.sha256[:12]}", f"SHA-256 {sha256(path)[:12]}"))
            for expected, actual in pairs:
                if expected != actual:
                    yield Finding(rule=Rule.MANIFEST, where=name, expected=expected, seen=actual)

    def _master(self, name: str, grid: Grid | None) -> Grid | None:
        """Check the master and all that it names; return the grid, found in the renditions if not given."""
        try:
            text = self.folder.text(name)
            self.findings.extend(hls_rules.check(text, dict(self._texts(text)), name=name))
            master = parser.parse_master(text, name=name)
        except VerificationError as error:
            self._add(Rule.PLAYLIST, name, "a master playlist of ours", str(error))
            return grid
        named = [variant.path for variant in master.variants]
        read = {path: content for path in named if (content := self._read(path))}
        grid = grid or published.job_grid(segments for _, segments in read.values())
        if grid is None:
            return None
        for playlist, (media, segments) in read.items():
            self._keep(*published.check_video(playlist, media, segments, published.thinned(grid, segments)))
        for iframes in master.iframes:
            self._iframes(iframes, master, read)
        if master.audio:
            named.append(master.audio)
            if sound := self._read(master.audio):
                self._keep(*published.check_audio(master.audio, *sound, grid))
        if list(self.timelines) == named:
            audio = self.timelines[master.audio] if master.audio else None
            videos = [self.timelines[variant.path] for variant in master.variants]
            self.findings.extend(rendition_alignment.check_together(master, videos, audio, name=name))
        return grid

    def _texts(self, master: str) -> Iterator[tuple[str, str]]:
        """Yield the media playlists that a master names, by their paths; what is missing is found elsewhere."""
        for path in hls_rules.named(master):
            with suppress(VerificationError):
                yield path, self.folder.text(path)

    def _read(self, name: str) -> Read | None:
        """Return a media playlist and its segments; None where it is none of ours."""
        try:
            media = parser.parse_media(self.folder.text(name), name=name)
        except VerificationError as error:
            self._add(Rule.PLAYLIST, name, "a media playlist of ours", str(error))
            return None
        self.on_step(f"{name}: {len(media.entries)} segments")
        segments = list(self.folder.segments(media, self.findings))
        paths = {span.path for entry in media.entries for span in (entry.segment, entry.init)}
        files = {path: self.folder.find(path) for path in paths}
        if not all(files.values()):
            self.astray.add(name)
        sizes = {path: file.stat().st_size for path, file in files.items() if file}
        self.findings.extend(published.check_tiling(media, sizes))
        return media, segments

    def _iframes(
        self, iframes: parser.Iframes, master: parser.MasterPlaylist, read: Mapping[str, Read]
    ) -> None:
        """Check a playlist of keyframes against the rendition of its size."""
        sizes = {(variant.width, variant.height): variant.path for variant in master.variants}
        path = sizes.get((iframes.width, iframes.height), "")
        try:
            media = parser.parse_media(self.folder.text(iframes.path), name=iframes.path)
        except VerificationError as error:
            self._add(Rule.PLAYLIST, iframes.path, "a playlist of keyframes", str(error))
            return
        if path and path not in read:
            return  # that was found already
        if not path:
            self._add(
                Rule.PICTURE_SIZE, iframes.path, "that of a variant", f"{iframes.width}x{iframes.height}"
            )
            return
        self.findings.extend(published.check_iframes(iframes.path, media, read[path][1]))
        measured = before_publish.measured(media)
        for which, declared, rate in (
            ("peak", iframes.bandwidth_bps, measured.peak_bps),
            ("average", iframes.average_bps, measured.average_bps),
        ):
            check = before_publish.declared(iframes.path, which, declared, rate)
            if not check.passed:
                self.findings.append(check.finding())

    def _keep(self, timeline: Timeline, findings: Iterable[Finding]) -> None:
        self.timelines[timeline.name] = timeline
        self.findings.extend(findings)

    def _inspect(self, name: str, grid: Grid, *, has_audio: bool, ffprobe: str) -> None:
        """Hold an MP4 against the checks that it passed when it was made."""
        self.on_step(f"{name}: boxes and packets")
        path = self.folder.find(name)
        if path is None:
            return
        try:
            mp4 = inspect(path, pulse=Watch(), ffprobe=ffprobe)
        except (TranscodeError, VerificationError) as error:
            self._add(Rule.BOXES, name, "a progressive MP4", str(error))
            return
        self.findings.extend(progressive_mp4.check(grid, mp4, has_audio=has_audio, where=name))

    def _play(self, name: str, grid: Grid, *, has_frames: bool, ffmpeg: str) -> None:
        self.on_step(f"{name}: every frame")
        path = self.folder.find(name)
        if path:
            self.findings.extend(play(path, grid, has_frames=has_frames, ffmpeg=ffmpeg))

    def _add(self, rule: Rule, where: str, expected: str, actual: str) -> None:
        self.findings.append(Finding(rule=rule, where=where, expected=expected, seen=actual))


def _has_frames(timeline: Timeline) -> bool:
    return timeline.has_frames

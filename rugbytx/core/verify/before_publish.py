"""The checks before publishing: whether chunks that each passed their own checks make one whole output.

They look at what the units recorded and at the playlists as readers will get
them, parsed back, so that a fault of the writer is found as well.  Each keeps
the figure that it saw; the report shows them all.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from fractions import Fraction
from itertools import accumulate

from rugbytx.core.hls import media_playlist, parser
from rugbytx.core.hls.master_playlist import iframes_name
from rugbytx.core.lease.result import TrackFile, TracksResult
from rugbytx.core.plan.plan import BASE_OFFSET_S, Grid, Plan
from rugbytx.core.record import Record
from rugbytx.core.verify import hls_rules
from rugbytx.core.verify.chunk import AAC_FRAME, check_codec
from rugbytx.core.verify.finding import Finding, Rule

#: How far a declared rate may stand off the measured one (Apple's HLS authoring specification, 1.26 and 1.27).
DECLARED_OFF_MEASURED = Fraction(1, 10)


class PublishCheck(Record):
    """One check: what it asked for, what it saw, and whether that is good enough."""

    rule: str
    #: A rendition's name, or ``master``.
    where: str
    expected: str
    seen: str
    passed: bool

    def finding(self) -> Finding:
        """Return what is wrong, for a check that was not passed."""
        return Finding(rule=self.rule, where=self.where, expected=self.expected, seen=self.seen)


@dataclass(frozen=True, kw_only=True)
class Texts:
    """The playlists of a job, as they are about to be written."""

    master: str
    #: By rendition, the audio's under ``audio``.
    media: Mapping[str, str]
    #: Those of the keyframes, by rendition.
    iframes: Mapping[str, str]
    #: The path under which the master names each of them; those of keyframes by ``master.iframes_name``.
    paths: Mapping[str, str]


def before_publishing(
    plan: Plan, chunks: Sequence[TracksResult], audio: TracksResult | None, texts: Texts
) -> tuple[PublishCheck, ...]:
    """Return every check with its figure; raises VerificationError where a playlist cannot be read back."""
    media = {name: parser.parse_media(text, name=f"{name}.m3u8") for name, text in texts.media.items()}
    master = parser.parse_master(texts.master, name="master.m3u8")
    breaks_us = _splices_us(plan.grid, chunks)
    checks: list[PublishCheck] = []
    for rendition in plan.renditions:
        files = media_playlist.files_of(chunks, rendition.name)
        grid = plan.grid_of(rendition)
        checks += _video(grid, rendition.name, files)
        checks += _timeline(grid, rendition.name, media[rendition.name], breaks_us)
        checks.append(_boundaries(rendition.name, media[rendition.name], media[plan.renditions[0].name]))
        name = iframes_name(rendition.name)
        iframes = parser.parse_media(texts.iframes[rendition.name], name=f"{name}.m3u8")
        checks += _timeline(grid, name, iframes, breaks_us)
        checks.append(_keyframes(name, iframes, files))
        media[name] = iframes
    checks.append(_one_codec_a_run(plan, chunks))
    if audio and plan.audio:
        checks += _audio(plan.grid, audio.files[0], media["audio"], len(breaks_us))
    checks += _rates(texts, master, media)
    checks.append(_conformance(texts))
    return tuple(checks)


def _conformance(texts: Texts) -> PublishCheck:
    """Return whether the playlists keep the rules of HLS, with the first that they break."""
    media = {texts.paths[name]: text for name, text in texts.media.items()}
    media |= {texts.paths[iframes_name(name)]: text for name, text in texts.iframes.items()}
    broken = hls_rules.check(texts.master, media)
    return PublishCheck(
        rule=Rule.CONFORMANCE,
        where="playlists",
        expected="no broken rule",
        seen=f"{len(broken)}, the first: {broken[0].sentence}" if broken else "none",
        passed=not broken,
    )


def _equal(rule: Rule, where: str, expected: object, actual: object) -> PublishCheck:
    return PublishCheck(
        rule=rule, where=where, expected=str(expected), seen=str(actual), passed=expected == actual
    )


def _near(
    rule: Rule, where: str, expected_s: Fraction, seen_s: Fraction, *, within_s: Fraction
) -> PublishCheck:
    return PublishCheck(
        rule=rule,
        where=where,
        expected=f"{float(expected_s):.6f} s, give or take {float(within_s):.6f}",
        seen=f"{float(seen_s):.6f} s",
        passed=abs(expected_s - seen_s) <= within_s,
    )


def _video(grid: Grid, name: str, files: Sequence[TrackFile]) -> Iterator[PublishCheck]:
    """Yield what the files of one rendition say of themselves."""
    chunks = [grid.chunk_frames(index) for index in range(grid.chunks)]
    yield _equal(Rule.TRACK_COUNT, name, len(chunks), len(files))
    yield _equal(Rule.FRAME_COUNT, name, grid.frames, sum(file.samples for file in files))
    keyframes = sum(-(-len(frames) // grid.gop) for frames in chunks)
    yield _equal(Rule.KEYFRAMES, name, keyframes, sum(file.keyframes for file in files))
    base = BASE_OFFSET_S * grid.timescale
    starts = [base + frames.start * grid.frame_ticks for frames in chunks]
    placed = sum(
        (file.timescale, file.start) == (grid.timescale, start)
        for file, start in zip(files, starts, strict=False)
    )
    yield _equal(
        Rule.DECODE_TIME, name, f"{len(chunks)} chunks in their places", f"{placed} chunks in their places"
    )
    yield _tiling(name, files)
    wrong = [finding for file in files for finding in check_codec(file.codec, name)]
    codecs = ", ".join(sorted({file.codec for file in files}))
    yield PublishCheck(
        rule=Rule.PROFILE, where=name, expected="Baseline, Main or High", seen=codecs, passed=not wrong
    )


def _keyframes(name: str, media: parser.MediaPlaylist, files: Sequence[TrackFile]) -> PublishCheck:
    """Return whether the playlist of keyframes names all of them, and nothing else."""
    due = {(iframe.offset, iframe.size_bytes) for file in files for iframe in file.iframes}
    named = sum((entry.segment.offset, entry.segment.size_bytes) in due for entry in media.entries)
    count, keyframes = sum(len(file.iframes) for file in files), sum(file.keyframes for file in files)
    return PublishCheck(
        rule=Rule.KEYFRAMES,
        where=name,
        expected=f"{keyframes} keyframes, and nothing else",
        seen=f"{named} keyframes of {len(media.entries)} entries",
        passed=media.is_iframes and named == len(media.entries) == count == keyframes,
    )


def _tiling(name: str, files: Sequence[TrackFile]) -> PublishCheck:
    whole = sum(_tiles(file) for file in files)
    return _equal(Rule.TILING, name, f"{len(files)} files without a gap", f"{whole} files without a gap")


def _tiles(file: TrackFile) -> bool:
    """Return whether the segments fill the file behind its init segment."""
    bounds = accumulate((segment.size_bytes for segment in file.segments), initial=file.init_bytes)
    return list(bounds) == [*(segment.offset for segment in file.segments), file.size_bytes]


def _timeline(
    grid: Grid, name: str, media: parser.MediaPlaylist, breaks_us: Sequence[int]
) -> Iterator[PublishCheck]:
    """Yield what the playlist of one video rendition says of time."""
    starts = parser.starts_us(media.entries)
    yield _near(Rule.DURATION, name, grid.duration_s, Fraction(starts[-1], 1_000_000), within_s=1 / grid.rate)
    discontinuities_us = [
        at for at, entry in zip(starts, media.entries, strict=False) if entry.discontinuities
    ]
    yield _equal(Rule.DISCONTINUITY, name, _at(breaks_us), _at(discontinuities_us))


def _boundaries(name: str, media: parser.MediaPlaylist, first: parser.MediaPlaylist) -> PublishCheck:
    mine, others = parser.starts_us(media.entries), parser.starts_us(first.entries)
    same = sum(mine_us == other for mine_us, other in zip(mine, others, strict=False))
    passed = mine == others
    return PublishCheck(
        rule=Rule.BOUNDARIES,
        where=name,
        expected=f"the {len(others)} boundaries of the first rendition",
        seen=f"{same} of them among {len(mine)}",
        passed=passed,
    )


def _splices_us(grid: Grid, chunks: Sequence[TracksResult]) -> list[int]:
    splices_s = media_playlist.splices(grid, [chunk.fingerprint for chunk in chunks])
    return [int(splice_s * 1_000_000 + Fraction(1, 2)) for splice_s in splices_s]


def _one_codec_a_run(plan: Plan, chunks: Sequence[TracksResult]) -> PublishCheck:
    """Return whether chunks of one fingerprint have the same init segments and codecs in every rendition."""
    made = {
        (chunk.fingerprint, tuple((file.rendition, file.init_sha256, file.codec) for file in chunk.files))
        for chunk in chunks
    }
    prints = {chunk.fingerprint for chunk in chunks}
    names = {tuple(file.rendition for file in chunk.files) for chunk in chunks}
    wanted = {tuple(rendition.name for rendition in plan.renditions)}
    return PublishCheck(
        rule=Rule.CODEC,
        where="master",
        expected=f"{len(prints)} sets of init segments for {len(prints)} fingerprints",
        seen=f"{len(made)} sets",
        passed=len(made) == len(prints) and names == wanted,
    )


def _audio(grid: Grid, file: TrackFile, media: parser.MediaPlaylist, breaks: int) -> Iterator[PublishCheck]:
    """Yield the audio's checks.  Its priming stands before the base offset, in EXTINF's sum as well."""
    frame_s = Fraction(AAC_FRAME, file.timescale)
    base_s = Fraction(BASE_OFFSET_S)
    starts_s = Fraction(file.start, file.timescale)
    yield _near(Rule.DECODE_TIME, "audio", base_s - Fraction(3, 2) * frame_s, starts_s, within_s=frame_s / 2)
    lasts_s = Fraction(parser.starts_us(media.entries)[-1], 1_000_000) - (base_s - starts_s)
    yield _near(Rule.DURATION, "audio", grid.duration_s, lasts_s, within_s=frame_s + 1 / grid.rate)
    yield _tiling("audio", [file])
    # Sound of a single segment has no boundary to put one at.
    due = breaks if len(media.entries) > 1 else 0
    yield _equal(Rule.DISCONTINUITY, "audio", due, sum(entry.discontinuities for entry in media.entries))


def _rates(
    texts: Texts, master: parser.MasterPlaylist, media: Mapping[str, parser.MediaPlaylist]
) -> Iterator[PublishCheck]:
    """Yield whether the master names every playlist, and declares what they measure."""
    names = {path: name for name, path in texts.paths.items()}
    named = [variant.path for variant in master.variants] + [iframes.path for iframes in master.iframes]
    named += [master.audio] if master.audio else []
    yield _equal(Rule.PLAYLIST, "master", sorted(names), sorted(named))
    sound = measured(media["audio"]) if master.audio else media_playlist.Bitrates(average_bps=0, peak_bps=0)
    for iframes in master.iframes:
        if name := names.get(iframes.path):
            keys = measured(media[name])
            yield declared(name, "peak", iframes.bandwidth_bps, keys.peak_bps)
            yield declared(name, "average", iframes.average_bps, keys.average_bps)
    for variant in master.variants:
        if name := names.get(variant.path):
            picture = measured(media[name])
            yield declared(name, "peak", variant.bandwidth_bps, picture.peak_bps + sound.peak_bps)
            yield declared(name, "average", variant.average_bps, picture.average_bps + sound.average_bps)


def declared(where: str, which: str, declared_bps: int, measured_bps: int) -> PublishCheck:
    """Return whether a declared rate is within a tenth of the measured one."""
    return PublishCheck(
        rule=Rule.BANDWIDTH,
        where=where,
        expected=f"{which} of {measured_bps} bit/s as measured, give or take a tenth",
        seen=f"{declared_bps} declared",
        passed=abs(declared_bps - measured_bps) <= measured_bps * DECLARED_OFF_MEASURED,
    )


def measured(media: parser.MediaPlaylist) -> media_playlist.Bitrates:
    """Return the rates of a media playlist's segments, by its own figures."""
    sizes = [
        (entry.segment.size_bytes, Fraction(max(1, entry.duration_us), 1_000_000)) for entry in media.entries
    ]
    return media_playlist.rates(sizes, target_s=media.target_s)


def _at(instants_us: Sequence[int]) -> str:
    """Return instants for people.

    >>> _at([]), _at([6_006_000, 60_060_000])
    ('none', '6.006, 60.060 s')
    """
    return f"{', '.join(f'{at / 1_000_000:.3f}' for at in instants_us)} s" if instants_us else "none"

"""The checks before publishing: whole outputs pass, and each fault fails its own check."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.hls import master_playlist, media_playlist
from rugbytx.core.lease.result import TracksResult
from rugbytx.core.plan import planner
from rugbytx.core.plan.plan import Plan
from rugbytx.core.plan.planner import STANDARD_RATES
from rugbytx.core.verify import before_publish
from rugbytx.core.verify.before_publish import PublishCheck, Texts
from tests.plans import PROFILE, SOURCE, small_media, small_plan
from tests.results import chunk, sound

PLAN = small_plan(chunks=3)


def texts_of(plan: Plan, chunks: Sequence[TracksResult], audio: TracksResult | None) -> Texts:
    """Return the playlists as publishing writes them."""
    results = [*chunks, *([audio] if audio else [])]
    target_s = media_playlist.target_duration_s(file for result in results for file in result.files)
    splices_s = media_playlist.splices(plan.grid, [chunk.fingerprint for chunk in chunks])
    files = {rendition.name: media_playlist.files_of(chunks, rendition.name) for rendition in plan.renditions}
    if audio:
        files["audio"] = audio.files
    media = {
        name: media_playlist.media_playlist(
            ones, splices_s=splices_s, target_s=target_s, path_of=lambda file: file.key
        )
        for name, ones in files.items()
    }
    iframes = {
        rendition.name: media_playlist.media_playlist(
            files[rendition.name],
            splices_s=splices_s,
            target_s=target_s,
            path_of=lambda file: file.key,
            iframes=True,
        )
        for rendition in plan.renditions
    }
    text = master_playlist.master_playlist(plan, chunks, audio, target_s=target_s, path_of="{}.m3u8".format)
    names = [*media, *map(master_playlist.iframes_name, iframes)]
    return Texts(master=text, media=media, iframes=iframes, paths={name: f"{name}.m3u8" for name in names})


def failed(checks: Sequence[PublishCheck]) -> set[tuple[str, str]]:
    """Return rule and place of the checks that were not passed."""
    return {(one.rule, one.where) for one in checks if not one.passed}


@pytest.mark.parametrize("encoders", [("x264",) * 3, ("x264", "nvenc", "nvenc"), ("x264", "nvenc", "x264")])
@pytest.mark.parametrize("plan", [PLAN, small_plan(chunks=3, audio=False)])
def test_whole_outputs_pass(plan: Plan, encoders: Sequence[str]) -> None:
    """With and without sound, of one encoder or of several; and every gate shows its figure."""
    chunks = [chunk(plan, index, encoder=encoder) for index, encoder in enumerate(encoders)]
    audio = sound(plan) if plan.audio else None
    checks = before_publish.before_publishing(plan, chunks, audio, texts_of(plan, chunks, audio))
    assert failed(checks) == set()
    assert all(one.expected and one.seen for one in checks)


CHUNKS = [chunk(PLAN, index) for index in range(3)]
TOP = PLAN.renditions[0].name


def with_file(**changes: object) -> list[TracksResult]:
    """Return the chunks with the first rendition of the second one changed."""
    files = CHUNKS[1].files
    changed = CHUNKS[1].model_copy(update={"files": (files[0].model_copy(update=changes), *files[1:])})
    return [CHUNKS[0], changed, CHUNKS[2]]


@pytest.mark.parametrize(
    ("chunks", "expected"),
    [
        (with_file(samples=59), {("frame-count", TOP)}),
        (with_file(keyframes=2), {("keyframes", TOP), ("keyframes", f"{TOP}-iframes")}),
        (
            with_file(iframes=CHUNKS[1].files[0].iframes[:-1]),
            {("keyframes", f"{TOP}-iframes"), ("duration", f"{TOP}-iframes")},
        ),
        (with_file(start=CHUNKS[2].files[0].start), {("decode-time", TOP)}),
        (with_file(size_bytes=1), {("tiling", TOP)}),
        (with_file(codec="avc1.6e0028"), {("profile", TOP), ("codec", "master")}),
        (with_file(init_sha256="other"), {("codec", "master")}),
    ],
)
def test_each_gate_finds_its_fault(chunks: list[TracksResult], expected: set[tuple[str, str]]) -> None:
    """And no other gate is disturbed by it."""
    audio = sound(PLAN)
    assert (
        failed(before_publish.before_publishing(PLAN, chunks, audio, texts_of(PLAN, chunks, audio)))
        == expected
    )


def in_media(name: str, old: str, new: str) -> Callable[[Texts], Texts]:
    """Return a fault of the writer: a media playlist that says something else."""

    def change(texts: Texts) -> Texts:
        assert old in texts.media[name]
        return replace(texts, media={**texts.media, name: texts.media[name].replace(old, new, 1)})

    return change


def in_master(old: str, new: str) -> Callable[[Texts], Texts]:
    """Return a fault of the writer: a master that says something else."""

    def change(texts: Texts) -> Texts:
        assert old in texts.master
        return replace(texts, master=texts.master.replace(old, new, 1))

    return change


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (
            in_media(TOP, "#EXTINF:6.000000,", "#EXTINF:5.800000,"),
            {("duration", TOP), ("boundaries", PLAN.renditions[1].name)},
        ),
        (in_media("audio", "#EXTINF:6.0", "#EXTINF:5.0"), {("duration", "audio")}),
        (in_master("BANDWIDTH=", "BANDWIDTH=9"), {("bandwidth", TOP)}),
        (in_master(f"{TOP}.m3u8", "other.m3u8"), {("playlist", "master")}),
    ],
)
def test_the_writers_faults_are_found(
    change: Callable[[Texts], Texts], expected: set[tuple[str, str]]
) -> None:
    """The playlists are read back as a player would."""
    audio = sound(PLAN)
    texts = change(texts_of(PLAN, CHUNKS, audio))
    assert failed(before_publish.before_publishing(PLAN, CHUNKS, audio, texts)) >= expected


def test_a_missing_discontinuity_is_found() -> None:
    """The chunks' fingerprints say where one has to be."""
    unlike = [CHUNKS[0], chunk(PLAN, 1, encoder="nvenc"), chunk(PLAN, 2, encoder="nvenc")]
    audio = sound(PLAN)
    texts = texts_of(PLAN, CHUNKS, audio)
    found = failed(before_publish.before_publishing(PLAN, unlike, audio, texts))
    names = [*texts.media, *map(master_playlist.iframes_name, texts.iframes)]
    assert found == {("discontinuity", name) for name in names}


def test_a_gate_becomes_a_finding() -> None:
    """In the words of the others."""
    chunks = with_file(samples=59)
    audio = sound(PLAN)
    checks = before_publish.before_publishing(PLAN, chunks, audio, texts_of(PLAN, chunks, audio))
    [sentence] = [one.finding().sentence for one in checks if not one.passed]
    assert sentence == f"{TOP} fails the frame-count check: expected 180, saw 179"


@given(st.sampled_from(STANDARD_RATES), st.integers(1, 900), st.sampled_from([2.0, 6.0, 7.0]))
def test_whole_outputs_pass_on_every_grid(rate: Fraction, frames: int, chunk_s: float) -> None:
    """Whatever the rate, the length and the chunks are, rounding fails no check."""
    media = small_media(end_s=frames / rate)
    video = media.video.model_copy(update={"average_rate": rate, "base_rate": rate})
    media = media.model_copy(update={"video": video})
    plan = planner.decide(media, SOURCE, PROFILE, chunk_s=chunk_s)
    chunks = [chunk(plan, index, encoder=str(index % 2)) for index in range(plan.grid.chunks)]
    audio = sound(plan)
    checks = before_publish.before_publishing(plan, chunks, audio, texts_of(plan, chunks, audio))
    assert failed(checks) == set()

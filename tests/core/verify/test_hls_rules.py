"""The rules of HLS: our playlists keep them all, and each broken one is named by its number."""

import re
from collections.abc import Callable, Mapping

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rugbytx.core.plan.plan import Plan
from rugbytx.core.verify import hls_rules
from tests.core.verify.test_before_publish import texts_of
from tests.plans import small_plan
from tests.results import chunk, sound


def playlists(plan: Plan) -> tuple[str, dict[str, str]]:
    """Return the master and the media playlists of a job, these by their paths."""
    chunks = [chunk(plan, index) for index in range(plan.grid.chunks)]
    texts = texts_of(plan, chunks, sound(plan) if plan.audio else None)
    media = {f"{name}.m3u8": text for name, text in texts.media.items()}
    return texts.master, media | {f"{name}-iframes.m3u8": text for name, text in texts.iframes.items()}


MASTER, MEDIA = playlists(small_plan(chunks=3))


@pytest.mark.parametrize("plan", [small_plan(chunks=3), small_plan(chunks=1, audio=False)])
def test_what_we_write_keeps_the_rules(plan: Plan) -> None:
    """With sound and without."""
    master, media = playlists(plan)
    assert hls_rules.check(master, media) == ()
    assert set(hls_rules.named(master)) == set(media)


def replaced(text: str, old: str, new: str) -> str:
    """Return the text with every appearance replaced; there is one at least."""
    assert old in text
    return text.replace(old, new)


Break = Callable[[str, Mapping[str, str]], tuple[str, Mapping[str, str]]]


def in_master(old: str, new: str) -> Break:
    """Return a break of the master."""
    return lambda master, media: (replaced(master, old, new), media)


def in_media(path: str, old: str, new: str) -> Break:
    """Return a break of a media playlist."""
    return lambda master, media: (master, {**media, path: replaced(media[path], old, new)})


BREAKS = [
    ("hls-1.10", in_master('CODECS="avc1', 'CODECS="avc3')),
    ("hls-1.13", in_media("180p-iframes.m3u8", "#EXTINF:2.0", "#EXTINF:4.0")),
    ("hls-1.18", in_master("FRAME-RATE=10.000", "FRAME-RATE=120.000")),
    ("hls-1.33", in_master("RESOLUTION=160x90,FRAME", "RESOLUTION=120x90,FRAME")),
    ("hls-6.1", in_master("#EXT-X-I-FRAME-STREAM-INF", "#EXT-X-OTHER")),
    ("hls-7.5", in_media("180p.m3u8", "TARGETDURATION:6", "TARGETDURATION:10")),
    ("hls-7.7", in_media("audio.m3u8", "#EXTINF:6.", "#EXTINF:7.")),
    ("hls-8.6", in_media("180p.m3u8", "#EXT-X-PLAYLIST-TYPE:VOD\n", "")),
    ("hls-8.10", in_master('LANGUAGE="und",', "")),
    ("hls-8.20", in_media("180p.m3u8", "#EXT-X-MAP", "#EXT-X-NO-MAP")),
    ("hls-8.22", in_media("90p.m3u8", "#EXTINF:6.0", "#EXTINF:5.9")),
    ("hls-9.1", in_master("CODECS=", "CODEC=")),
    ("hls-9.2", in_master("RESOLUTION=", "SIZE=")),
    ("hls-9.5", in_master(',AUDIO="audio"', ',AUDIO="other"')),
    ("hls-9.11", in_master("#EXT-X-INDEPENDENT-SEGMENTS\n", "")),
    ("hls-9.14", in_master("AVERAGE-BANDWIDTH=", "AVERAGE=")),
    ("hls-9.15", in_master("FRAME-RATE=10.000", "RATE=10.000")),
    ("rfc8216-4.3.3.4", in_media("audio.m3u8", "#EXT-X-ENDLIST\n", "")),
    ("rfc8216-4.3.3.6", in_media("90p-iframes.m3u8", "#EXT-X-I-FRAMES-ONLY\n", "")),
    ("rfc8216-4.3.4.2", in_master("AVERAGE-BANDWIDTH=", "AVERAGE-BANDWIDTH=9")),
]


@pytest.mark.parametrize(("rule", "broken"), BREAKS, ids=[rule for rule, _ in BREAKS])
def test_a_broken_rule_is_named(rule: str, broken: Break) -> None:
    """By its number, with what was expected and what was seen."""
    found = hls_rules.check(*broken(MASTER, MEDIA))
    assert rule in {one.rule for one in found}
    assert all(one.where and one.expected and one.seen for one in found)


def test_the_first_variant_is_where_a_player_starts() -> None:
    """The nearest to 2 Mbit/s (1.32)."""
    turned = re.sub(
        r"BANDWIDTH=(\d+),AVERAGE-BANDWIDTH=\d+",
        "BANDWIDTH=9000000,AVERAGE-BANDWIDTH=9000000",
        MASTER,
        count=1,
    )
    assert {one.rule for one in hls_rules.check(turned, MEDIA)} == {"hls-1.32"}


@given(st.text(max_size=300), st.text(max_size=300))
def test_any_text_is_read(master: str, media: str) -> None:
    """Whatever is wrong with it is a finding and never an error."""
    assert hls_rules.check(master, {"a.m3u8": media})
    hls_rules.named(master)

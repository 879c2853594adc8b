"""The fingerprint of a host's encoder: by it lanes know whose chunks go with their own, before there are any."""

from pathlib import Path

from rugbytx.media.transcoder import FfmpegMedia
from tests.footage import SIZES, film, plan_for
from tests.pulse import FakePulse


def test_equal_encoders_make_equal_chunks(tmp_path: Path) -> None:
    """Equal makers give equal init segments for one plan, and another profile gives others."""
    path = film(tmp_path / "film.mp4", length_s=2)
    hosts = [FfmpegMedia(), FfmpegMedia(), FfmpegMedia(x264_profile="main")]
    plan = plan_for(hosts[0].probe(path, pulse=FakePulse()))
    made = []
    for number, host in enumerate(hosts):
        folder = tmp_path / str(number)
        folder.mkdir()
        encoded = host.encode_chunk(plan, 0, path, folder, pulse=FakePulse())
        made.append(tuple(track.init_sha256 for track in encoded.tracks))
    assert len(made[0]) == len(SIZES)
    assert made[0] == made[1] != made[2]
    makers = [host.maker() for host in hosts]
    assert makers[0] == makers[1] != makers[2]
    assert all(makers)

"""Where outputs are read from, and that nothing else is."""

from pathlib import Path

import pytest

from rugbytx.errors import TransferError
from rugbytx.player.place import BucketFiles, FolderFiles, around
from tests.fakes.storage import FakeStorage


@pytest.fixture
def outputs(tmp_path: Path) -> Path:
    """Return a folder of outputs beside something that is nobody's business."""
    (tmp_path / "secret.mp4").write_bytes(b"secret")
    (tmp_path / "out/g2/720p").mkdir(parents=True)
    (tmp_path / "out/g2/720p/0.mp4").write_bytes(b"0123456789")
    (tmp_path / "out/g2/master.m3u8").write_text("#EXTM3U\n")
    return tmp_path / "out"


def test_a_folders_bytes(outputs: Path) -> None:
    """Their number, and a span of them."""
    folder = FolderFiles(outputs)
    assert folder.size_bytes("g2/720p/0.mp4") == 10
    assert folder.read("g2/720p/0.mp4", range(2, 5)) == b"234"
    assert folder.size_bytes("g2/720p/1.mp4") is None
    assert folder.size_bytes("g2/720p") is None


@pytest.mark.parametrize(
    "path", ["../secret.mp4", "g2/../../secret.mp4", "/etc/passwd", "link.mp4", "\0", "x" * 300]
)
def test_nothing_outside_a_folder_is_read(outputs: Path, path: str) -> None:
    """Neither by a path nor by a link."""
    (outputs / "link.mp4").symlink_to(outputs.parent / "secret.mp4")
    folder = FolderFiles(outputs)
    assert folder.size_bytes(path) is None
    with pytest.raises(TransferError, match="is not there"):
        folder.read(path, range(1))


def test_a_folders_file_that_ends_too_early(outputs: Path) -> None:
    """Is not passed off as whole."""
    with pytest.raises(TransferError, match="ends before byte 11"):
        FolderFiles(outputs).read("g2/720p/0.mp4", range(8, 11))


def test_a_buckets_bytes() -> None:
    """A job's own only, and asked for one span at a time."""
    storage = FakeStorage()
    storage.put(b"0123456789", "outputs", "out/7ad4/g1/720p/0.mp4", content_type="video/mp4")
    storage.put(b"other", "outputs", "out/else/g1/720p/0.mp4", content_type="video/mp4")
    bucket = BucketFiles(storage, bucket="outputs", prefix="out/7ad4/")
    assert bucket.size_bytes("g1/720p/0.mp4") == 10
    assert bucket.read("g1/720p/0.mp4", range(8, 10)) == b"89"
    assert bucket.size_bytes("../else/g1/720p/0.mp4") is None
    assert bucket.size_bytes("g1/720p/1.mp4") is None


def test_a_playlist_may_grow() -> None:
    """Its size is looked up each time; that of media, which is written once, is not."""
    storage = FakeStorage()
    bucket = BucketFiles(storage, bucket="outputs", prefix="out/7ad4/")
    for size_bytes in (5, 9):
        for name in ("early.m3u8", "0.mp4"):
            storage.put(b"x" * size_bytes, "outputs", f"out/7ad4/{name}", content_type="")
        assert bucket.size_bytes("early.m3u8") == size_bytes
        assert bucket.size_bytes("0.mp4") == 5


def test_around_a_master(outputs: Path) -> None:
    """A generation's playlists may name files of another one's; other folders stand alone."""
    folder, name = around(outputs / "g2/master.m3u8")
    assert (name, folder.size_bytes("g2/720p/0.mp4")) == ("g2/master.m3u8", 10)
    (outputs / "g2").rename(outputs / "clip")
    folder, name = around(outputs / "clip/master.m3u8")
    assert (name, folder.size_bytes("720p/0.mp4")) == ("master.m3u8", 10)

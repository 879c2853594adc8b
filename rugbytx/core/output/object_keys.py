"""Where a job's outputs stand in the bucket.

::

    out/<job>/g<generation>/
        1080p/00000-f1.mp4      a chunk of one rendition: an init segment and its CMAF fragments
        audio/00000-f1.mp4
        storyboard/00000-f1.jpg a chunk's thumbnails on one sheet
        poster/00000-f1.jpg     one chunk's
        storyboard-f1.vtt       which thumbnail belongs to which time
        1080p-f1.m3u8           media playlists
        1080p-iframes-f1.m3u8   the same files' keyframes alone
        audio-f1.m3u8
        1080p-f1.mp4            the progressive MP4, where the profile asks for one
        report-f1.json          what was made, how, and the checks' figures
        manifest-f1.json        what the commit makes true
        master-f1.m3u8          written last
        early/master.m3u8       the finished beginning, while there is one; written again and again, in no manifest
        quality-f1.json         samples held against the source, after all that; in no manifest

Every key but the early ones holds job, generation, unit and fence, so no two
attempts ever touch one key, and a playlist names its files by relative paths.
"""

from rugbytx.core.lease.unit import Lease
from rugbytx.core.plan.thumbnails import Picture

#: What the audio is called among the renditions.
AUDIO_NAME = "audio"

MP4_TYPE = "video/mp4"
AUDIO_TYPE = "audio/mp4"
PLAYLIST_TYPE = "application/vnd.apple.mpegurl"
PICTURE_TYPE = "image/jpeg"
STORYBOARD_TYPE = "text/vtt"
JSON_TYPE = "application/json"


def job_prefix(job_id: str) -> str:
    """Return the prefix of everything that a job ever wrote."""
    return f"out/{job_id}/"


def prefix(job_id: str, generation: int) -> str:
    """Return the prefix of one generation's outputs.

    >>> prefix("7ad4", 2)
    'out/7ad4/g2/'
    """
    return f"{job_prefix(job_id)}g{generation}/"


def track_key(lease: Lease, rendition: str) -> str:
    """Return the key of the track file that the lease's unit makes for a rendition."""
    return f"{prefix(lease.job_id, lease.generation)}{rendition}/{lease.key.index:05d}-f{lease.fence}.mp4"


def picture_key(lease: Lease, picture: Picture) -> str:
    """Return the key of a still picture that the lease's unit makes."""
    return f"{prefix(lease.job_id, lease.generation)}{picture}/{lease.key.index:05d}-f{lease.fence}.jpg"


def file_key(lease: Lease, name: str, suffix: str) -> str:
    """Return the key of one of the files beside the tracks, e.g. ``master`` with ``m3u8``."""
    return f"{prefix(lease.job_id, lease.generation)}{name}-f{lease.fence}.{suffix}"


def early_prefix(job_id: str, generation: int) -> str:
    """Return the prefix of the playlists of what is finished of a generation."""
    return f"{prefix(job_id, generation)}early/"


def early_key(job_id: str, generation: int, name: str) -> str:
    """Return the key of one of these, by its rendition's name, ``audio`` or ``master``.

    >>> early_key("7ad4", 2, "master")
    'out/7ad4/g2/early/master.m3u8'
    """
    return f"{early_prefix(job_id, generation)}{name}.m3u8"


def quality_prefix(job_id: str, generation: int) -> str:
    """Return what the keys begin with under which a generation's samples are told of."""
    return f"{prefix(job_id, generation)}quality-"


def quality_key(job_id: str, generation: int, fence: int) -> str:
    """Return the key of what a CHECK under this fence said.

    >>> quality_key("7ad4", 2, 1)
    'out/7ad4/g2/quality-f1.json'
    """
    return f"{quality_prefix(job_id, generation)}f{fence}.json"


def relative(key: str, job_id: str, generation: int) -> str:
    """Return a key as a path relative to the generation's playlists.

    Units that were taken over have their files beside the generation's own.

    >>> relative("out/7ad4/g2/720p/00000-f1.mp4", "7ad4", 2)
    '720p/00000-f1.mp4'
    >>> relative("out/7ad4/g1/720p/00000-f1.mp4", "7ad4", 2)
    '../g1/720p/00000-f1.mp4'
    """
    own = prefix(job_id, generation)
    return key.removeprefix(own) if key.startswith(own) else f"../{key.removeprefix(job_prefix(job_id))}"


def generation_prefix(key: str) -> str:
    """Return the prefix of the generation that a key stands under.

    >>> generation_prefix("out/7ad4/g1/720p/00000-f1.mp4")
    'out/7ad4/g1/'
    """
    return "/".join(key.split("/")[:3]) + "/"

"""The player's page, inside Flower: outputs straight from the bucket, for who may see the Jobs page."""

import json
import threading
from collections import OrderedDict
from pathlib import PurePosixPath
from urllib.parse import quote

from tornado.web import HTTPError, authenticated

from rugbytx.core.job.job import Job
from rugbytx.core.output import object_keys
from rugbytx.errors import NotFound
from rugbytx.monitor.cache import SystemCache
from rugbytx.monitor.page.handler import Page, run
from rugbytx.player import server
from rugbytx.player.byte_range import wanted
from rugbytx.player.place import BucketFiles
from rugbytx.player.server import HLS_JS, MEDIA_TYPES, PIECE_BYTES, Playing

#: Jobs whose objects' sizes are remembered at once.
MOST_PLACES = 50


class Stage:
    """What can be played, by job."""

    def __init__(self, cache: SystemCache) -> None:
        self._cache = cache
        self._places: OrderedDict[str, BucketFiles] = OrderedDict()
        self._lock = threading.Lock()

    def place(self, job_id: str) -> BucketFiles:
        """Return where the job's outputs lie; sizes that were asked for before are known."""
        system = self._cache.system
        with self._lock:
            if job_id not in self._places:
                self._places[job_id] = BucketFiles(
                    system.storage,
                    bucket=system.settings.output_bucket,
                    prefix=object_keys.job_prefix(job_id),
                )
                while len(self._places) > MOST_PLACES:
                    self._places.popitem(last=False)
            return self._places[job_id]

    def playing(self, job_id: str) -> Playing:
        """Return what a job has to play: what it published, or what is finished; raises NotFound."""
        job = self._cache.system.store.jobs.read(job_id)
        if job is None:
            raise NotFound(f"there is no job {job_id}")
        place = self.place(job_id)
        master = _master(job).removeprefix(object_keys.job_prefix(job_id))
        if place.size_bytes(master) is None:
            raise NotFound(f"job {job_id} has nothing to play: it is {job.status}")
        return Playing(
            title=f"{PurePosixPath(job.source.key).name} · job {job_id}", place=place, master=master
        )


def _master(job: Job) -> str:
    """Return the key of the job's master playlist; of a job under way, of the one of its beginning."""
    return job.outputs.master_key if job.outputs else object_keys.early_key(job.id, job.generation, "master")


class PlayerPage(Page):
    """The page's own files, what it is to play, and bytes of that."""

    def set_default_headers(self) -> None:
        """Allow the page what `rugbytx play` allows it."""
        super().set_default_headers()
        self.set_header("Content-Security-Policy", server.POLICY)
        self.set_header("Accept-Ranges", "bytes")

    @authenticated
    async def get(self, job_id: str, path: str) -> None:
        """Answer as `rugbytx play` does."""
        stage: Stage = self.application.stage
        if f"/{path}" in server.PAGE:
            name, kind = server.PAGE[f"/{path}"]
            self._send(server.HERE.joinpath(name).read_bytes(), kind)
        elif path == "hls.min.js" and HLS_JS.is_file():
            self._send(HLS_JS.read_bytes(), "text/javascript; charset=utf-8")
        elif path == "playing.json":
            playing = await run(stage.playing, job_id)
            description = {"title": playing.title, "source": f"media/{quote(playing.master)}"}
            self._send(json.dumps(description).encode(), "application/json")
        elif path.startswith("media/"):
            await self._media(stage.place(job_id), path.removeprefix("media/"))
        else:
            raise HTTPError(404)

    def _send(self, body: bytes, kind: str) -> None:
        self.set_header("Content-Type", kind)
        self.finish(body)

    async def _media(self, place: BucketFiles, path: str) -> None:
        """Answer with a file of the outputs, or with a range of it, piece by piece."""
        kind = MEDIA_TYPES.get(PurePosixPath(path).suffix)
        size_bytes = await run(place.size_bytes, path) if kind else None
        if kind is None or size_bytes is None:
            raise HTTPError(404)
        asked = wanted(self.request.headers.get("Range", ""), size_bytes)
        if asked is not None and not asked:
            self.set_status(416)
            self.set_header("Content-Range", f"bytes */{size_bytes}")
            return
        span = range(size_bytes) if asked is None else asked
        if asked is not None:
            self.set_status(206)
            self.set_header("Content-Range", f"bytes {span.start}-{span.stop - 1}/{size_bytes}")
        self.set_header("Content-Type", kind)
        self.set_header("Content-Length", str(len(span)))
        for start in range(0, len(span), PIECE_BYTES):
            self.write(await run(place.read, path, span[start : start + PIECE_BYTES]))
            await self.flush()

"""What all of our pages have in common: they ask in a thread, and say in a sentence what went wrong."""

import asyncio
from base64 import b64decode
from collections.abc import Callable
from functools import partial
from typing import Any, TypeVar

from flower.views import BaseHandler
from tornado.web import HTTPError, RequestHandler

from rugbytx.errors import NotFound, RugbytxError

Answer = TypeVar("Answer")


async def run(ask: Callable[..., Answer], *arguments: Any) -> Answer:
    """Return what ``ask`` returns, called in a thread: it speaks to AWS, and the pages' loop must not wait.

    Raises HTTPError 404 for what is not there, and 503 for what does not answer.
    """
    loop = asyncio.get_running_loop()
    try:
        return await loop.run_in_executor(None, partial(ask, *arguments))
    except NotFound as error:
        raise HTTPError(404, str(error)) from error
    except RugbytxError as error:
        raise HTTPError(503, str(error)) from error


class Page(BaseHandler):
    """A page or an answer of ours; who may ask is decided as Flower decides it."""

    def set_default_headers(self) -> None:
        """Let no other page show ours in a frame, or read it."""
        self.set_header("X-Content-Type-Options", "nosniff")
        self.set_header("X-Frame-Options", "DENY")
        self.set_header("Cross-Origin-Resource-Policy", "same-origin")
        self.set_header("Cache-Control", "no-store")

    def write_error(self, status_code: int, **kwargs: Any) -> None:
        """Answer a script with a sentence, and a person with a page."""
        error = (kwargs.get("exc_info") or (None, None, None))[1]
        if "application/json" in self.request.headers.get("Accept", "") and status_code != 401:
            sentence = (
                error.get_message() if isinstance(error, HTTPError) else "something broke; the log says what"
            )
            self.finish({"error": sentence or self._reason})
            return
        super().write_error(status_code, **kwargs)


class ActionPage(Page):
    """What changes something: only from a page of ours, in a browser that was shown it."""

    @property
    def who(self) -> str:
        """Return who asks, for the job's trail."""
        user = self.current_user
        if self.application.options.basic_auth:
            pair = b64decode(self.request.headers["Authorization"].split()[1]).decode()
            user = pair.partition(":")[0]
        return f"{user}@jobs-page" if isinstance(user, str) else "jobs-page"

    def check_xsrf_cookie(self) -> None:
        """Require the token of our own pages in every case; Flower asks for it only behind OAuth."""
        if self.request.headers.get("Sec-Fetch-Site", "same-origin") != "same-origin":
            raise HTTPError(403, "another site asked for this")
        RequestHandler.check_xsrf_cookie(self)

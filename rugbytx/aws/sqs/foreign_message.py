"""Messages of another system: plain JSON that names an object, as the note's uploader sends it.

The note is docs/origin/note.md.  Who moves over need not change the uploader at once.  A pattern says where in
the body bucket and key stand; the message then stands for a submission::

    {"bucket": "uploads", "video": {"key": "final.mp4"}}   s3://{bucket}/{video.key}   s3://uploads/final.mp4
"""

import re
from typing import Any
from urllib.parse import unquote_plus

from rugbytx.errors import JobRejected

#: ``{a.b.0}`` is a field of a field and its first item; ``{a|url}`` is one that is written as in a URL, as keys are in
#: S3's own notifications.
_FIELD = re.compile(r"\{([A-Za-z0-9_.-]+)(\|url)?\}")


def source_of(value: Any, pattern: str) -> str:
    """Return the source that a foreign body names by the pattern; raises JobRejected with a sentence.

    >>> notice = {"Records": [{"s3": {"bucket": {"name": "b"}, "object": {"key": "a+b.mp4"}}}]}
    >>> source_of(notice, "s3://{Records.0.s3.bucket.name}/{Records.0.s3.object.key|url}")
    's3://b/a b.mp4'
    """

    def field(match: re.Match[str]) -> str:
        text = _text(value, match[1])
        return unquote_plus(text) if match[2] else text

    return _FIELD.sub(field, pattern)


def _text(value: Any, path: str) -> str:
    """Return what stands at a path, where that is one line of text or a number."""
    for name in path.split("."):
        try:
            value = value[int(name)] if isinstance(value, list) else value[name]
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise JobRejected(
                f"the message has no field {path}, which RUGBYTX_LEGACY_BODY asks for"
            ) from error
    if not isinstance(value, str | int) or isinstance(value, bool) or value == "":
        raise JobRejected(f"the message's field {path}, which RUGBYTX_LEGACY_BODY asks for, is no text")
    return str(value)

"""Where the templates come from: ours beside Flower's, and Flower's own with a few lines more."""

from collections.abc import Mapping
from functools import partial
from pathlib import Path

import flower
from tornado.template import BaseLoader, Template

OURS = Path(__file__).parents[1] / "templates"
THEIRS = Path(flower.__file__).with_name("templates")

_JOBS_TAB = """\
        <li class="nav-item">
          <a class="nav-link{% if active_tab == 'jobs' %} active{% end %}"
            href="{{ reverse_url('jobs') }}"
            {% if active_tab == 'jobs' %}aria-current="page"{% end %}>Jobs</a>
        </li>
      """
_PRESENCE = '{% include "presence.html" %}\n'
_SCRIPT = "\n<script src=\"{{ reverse_url('jobs-static', 'presence.js') }}\"></script>"

#: Additions to Flower's templates: in front of or behind the first place where such a text stands.
_BEFORE: Mapping[str, tuple[str, str]] = {
    "navbar.html": ("</ul>", _JOBS_TAB),
    "workers.html": ("</div>\n{% end %}\n\n{% block extra_scripts %}", _PRESENCE),
}
_BEHIND: Mapping[str, tuple[str, str]] = {"workers.html": ("{% block extra_scripts %}", _SCRIPT)}


class Loader(BaseLoader):
    """Tornado's loader over both folders; a template of Flower's that is not as expected raises ValueError."""

    def resolve_path(self, name: str, parent_path: str | None = None) -> str:
        """Return the name: both folders are flat."""
        del parent_path
        return name

    def _create_template(self, name: str) -> Template:
        make = partial(Template, name=name, loader=self)
        own = OURS / name
        if own.is_file():
            return make(own.read_bytes())
        return make(extended(name, (THEIRS / name).read_text(encoding="utf-8")))


def extended(name: str, text: str) -> str:
    """Return a template of Flower's with what is added to it."""
    if name in _BEFORE:
        anchor, addition = _BEFORE[name]
        head, place, tail = text.partition(anchor)
        text = head + addition + place + tail
        _require(place, name)
    if name in _BEHIND:
        anchor, addition = _BEHIND[name]
        head, place, tail = text.partition(anchor)
        text = head + place + addition + tail
        _require(place, name)
    return text


def _require(place: str, name: str) -> None:
    if not place:
        raise ValueError(f"Flower's {name} has changed: the place for our addition is not there")

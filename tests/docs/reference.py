"""Writes the parts of the reference that are made from the code: settings, commands and exit statuses."""

import ast
import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import annotated_types
import typer
from pydantic import SecretStr
from pydantic.fields import FieldInfo

import rugbytx.settings
from rugbytx.cli.app import app
from rugbytx.cli.shared.exit import Code
from rugbytx.settings import PREFIX, Settings
from tests.docs.document import ROOT

SETTINGS = ROOT / "docs" / "reference" / "settings.md"
COMMANDS = ROOT / "docs" / "reference" / "cli.md"
UNSET = "unset"


@dataclass
class Row:
    """Settings that one comment is about, in the order of the code."""

    section: str
    says: str
    names: list[str] = field(default_factory=list)


def rows() -> list[Row]:
    """Return the settings as their class lists them: ``# -- section``, ``#: comment``, and the fields under it.

    A field right below another, without a comment of its own, shares that one's.
    """
    path = Path(rugbytx.settings.__file__)
    lines = path.read_text(encoding="utf-8").splitlines()
    (body,) = (
        node.body
        for node in ast.parse("\n".join(lines)).body
        if isinstance(node, ast.ClassDef) and node.name == Settings.__name__
    )
    found: list[Row] = []
    section, comment, after = "", [], -1
    begin = body[0].lineno
    fields = [node for node in body if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name)]
    for node in fields:
        for line in lines[begin : node.lineno - 1]:
            stripped = line.strip()
            if stripped.startswith("# -- "):
                section = stripped.removeprefix("# -- ")
            elif stripped.startswith("#: "):
                comment.append(stripped.removeprefix("#: "))
        assert isinstance(node.target, ast.Name)
        if comment:
            found.append(Row(section=section, says=" ".join(comment)))
        elif after != node.lineno - 1:
            raise ValueError(f"{path}:{node.lineno}: {node.target.id} has no comment that says what it is")
        found[-1].names.append(node.target.id)
        comment, after, begin = [], node.end_lineno or node.lineno, node.end_lineno or node.lineno
    return found


def settings_table() -> str:
    """Return the tables of settings, one for each section."""
    parts: list[str] = []
    section = ""
    for row in rows():
        if row.section != section:
            section = row.section
            title = re.sub(r" \(docs/.*\)|; see ``.*``$", "", section)
            parts += [
                "",
                f"## {title[0].upper()}{title[1:]}",
                "",
                "| setting | default | takes | |",
                "|---|---|---|---|",
            ]
        infos = [Settings.model_fields[name] for name in row.names]
        names = ", ".join(f"`{PREFIX}{name.upper()}`" for name in row.names)
        defaults = ", ".join(map(_default, infos))
        takes = "; ".join(dict.fromkeys(map(_takes, infos)))
        parts.append(f"| {names} | {defaults} | {takes} | {_prose(row.says)} |")
    return "\n".join(parts).strip("\n")


def _default(info: FieldInfo) -> str:
    value = info.get_default(call_default_factory=True)
    if isinstance(value, SecretStr):
        value = value.get_secret_value()
    if value is None or value in {"", ()}:
        return UNSET
    if isinstance(value, Path):
        # Which folder is the temporary one differs from host to host.
        return f"`{value.name}` in the temporary folder"
    match value:
        case bool():
            written = str(value).lower()
        case tuple():
            written = ",".join(map(str, value))
        case float():
            written = f"{value:.10g}"
        case _:
            written = str(value)
    return f"`{written}`"


def _takes(info: FieldInfo) -> str:
    """Return which values a setting takes."""
    kinds = [kind for kind in get_args(info.annotation) or (info.annotation,) if kind is not type(None)]
    if get_origin(info.annotation) is Literal:
        return ", ".join(f"`{one}`" for one in get_args(info.annotation))
    if get_origin(info.annotation) is tuple:
        return "a list"
    (kind,) = kinds
    if isinstance(kind, type) and issubclass(kind, Enum):
        return ", ".join(f"`{one.value}`" for one in kind)
    words = {bool: "`true`, `false`", int: "a whole number", float: "a number", Path: "a path"}
    return f"{words.get(kind, 'text')}{_bounds(info.metadata)}"


def _bounds(metadata: list[Any]) -> str:
    low = next((f"{one.ge:g}" for one in metadata if isinstance(one, annotated_types.Ge)), "")
    above = next((f"{one.gt:g}" for one in metadata if isinstance(one, annotated_types.Gt)), "")
    high = next((f"{one.le:.10g}" for one in metadata if isinstance(one, annotated_types.Le)), "")
    if low and high:
        return f", {low} to {high}"
    return f", {low} or more" if low else f", above {above}" if above else ""


def _prose(comment: str) -> str:
    """Return a comment as Markdown: code in single backticks, and other settings by the names of their variables."""

    def code(match: re.Match[str]) -> str:
        name = match[1]
        return f"`{PREFIX}{name.upper()}`" if name in Settings.model_fields else f"`{name}`"

    linked = re.sub(r"docs/([\w/-]+)\.md", r"[\1](../\1.md)", comment)
    return re.sub(r"``(.+?)``", code, linked).replace("  ", " ").replace("|", r"\|")


def commands_table() -> str:
    """Return a table of all commands, those of a group behind its name."""
    root = typer.main.get_command(app)
    lines = ["| command | |", "|---|---|"]
    lines += [f"| `rugbytx {name}` | {says} |" for name, says in _commands(root, typer.Context(root), "")]
    return "\n".join(lines)


def exit_statuses_table() -> str:
    """Return a table of the exit statuses."""
    lines = ["| status | name | means |", "|---|---|---|"]
    for code in Code:
        besides = f"; or {code.besides}" if code.besides else ""
        lines.append(f"| {code.value} | {code.name} | {code.meaning}{besides} |")
    return "\n".join(lines)


def _commands(group: Any, context: Any, before: str) -> Iterator[tuple[str, str]]:
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        if command.hidden:
            continue
        yield f"{before}{name}", _prose(" ".join((command.help or "").split("\n\n")[0].split()))
        if hasattr(command, "list_commands"):
            yield from _commands(command, context, f"{before}{name} ")


def block(path: Path, mark: str) -> str:
    """Return what stands between the marks of a document."""
    begin, end = _marks(mark)
    return path.read_text(encoding="utf-8").split(begin, 1)[1].split(end, 1)[0].strip("\n")


def put(path: Path, mark: str, made: str) -> None:
    """Put what was made between the marks of a document."""
    begin, end = _marks(mark)
    before, rest = path.read_text(encoding="utf-8").split(begin, 1)
    path.write_text(f"{before}{begin}\n{made}\n{end}{rest.split(end, 1)[1]}", encoding="utf-8")


def _marks(mark: str) -> tuple[str, str]:
    return f"<!-- {mark} -->", f"<!-- /{mark} -->"


def main() -> None:
    """Write both documents."""
    put(SETTINGS, "settings", settings_table())
    put(COMMANDS, "commands", commands_table())
    put(COMMANDS, "exit-statuses", exit_statuses_table())
    sys.stdout.write(
        f"{SETTINGS.relative_to(ROOT)} and {COMMANDS.relative_to(ROOT)} are as the code has them\n"
    )


if __name__ == "__main__":
    main()

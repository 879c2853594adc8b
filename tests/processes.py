"""Seeing from outside whether processes have ended."""

import os
import select
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def watched(pid: int) -> Iterator[int]:
    """Give a descriptor that stands for exactly this process, whatever its number comes to mean."""
    descriptor = os.pidfd_open(pid)
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def ends(descriptor: int, *, within_s: float = 10.0) -> bool:
    """Return whether the watched process ends in time; a zombie has ended."""
    ready, _, _ = select.select([descriptor], [], [], within_s)
    return bool(ready)


def marked(variable: str, value: str) -> dict[int, str]:
    """Return id and command line of every living process that has this environment variable."""
    mark = f"{variable}={value}".encode()
    found = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            if mark in (folder / "environ").read_bytes().split(b"\0"):
                command = (folder / "cmdline").read_bytes().replace(b"\0", b" ").decode()
                if command:
                    found[int(folder.name)] = command
        except OSError:
            continue  # it ended while we looked, or belongs to somebody else
    return found


def descendants(pid: int, *words: str) -> list[int]:
    """Return the living descendants of a process whose command line holds all the words."""
    parents = {}
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            # The parent's id is the second field behind the name, which may hold anything (proc_pid_stat(5)).
            parents[int(folder.name)] = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue  # it ended while we looked
    found: list[int] = []
    generation = {pid}
    while generation:
        generation = {child for child, parent in parents.items() if parent in generation}
        found += generation
    return [child for child in found if all(word in _command(child) for word in words)]


def command_lines() -> dict[int, str]:
    """Return id and command line of every living process."""
    found = {int(folder.name): _command(int(folder.name)) for folder in Path("/proc").glob("[0-9]*")}
    return {pid: command for pid, command in found.items() if command}


def _command(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/cmdline").read_bytes().replace(b"\0", b" ").decode()
    except OSError:
        return ""  # it ended while we looked


def survivors(variable: str, value: str, *, within_s: float = 3.0) -> list[str]:
    """Return the command lines of marked processes that do not end by themselves in time."""
    commands = []
    for pid, command in marked(variable, value).items():
        try:
            with watched(pid) as descriptor:
                if not ends(descriptor, within_s=within_s):
                    commands.append(command)
        except ProcessLookupError:
            continue  # it ended while we looked
    return commands

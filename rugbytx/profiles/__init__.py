"""The profiles: TOML files, built in beside this module and in the user's own folder."""

import tomllib
from pathlib import Path

from pydantic import ValidationError

from rugbytx.core.job.profile import Profile
from rugbytx.errors import SettingsError, UnknownProfile

BUILT_IN = Path(__file__).parent
#: A profile is a page of text; anything longer is not one.
MAX_FILE_BYTES = 64 * 1024


def names(folder: Path | None) -> list[str]:
    """Return the names that ``load`` knows, sorted: the built-in ones and those in ``folder``.

    Raises SettingsError where ``folder`` is none.
    """
    if folder and not folder.is_dir():
        raise SettingsError(f"RUGBYTX_PROFILES: there is no folder {folder}")
    folders = (BUILT_IN, folder) if folder else (BUILT_IN,)
    return sorted({path.stem for place in folders for path in place.glob("*.toml")})


def load(name: str, folder: Path | None) -> Profile:
    """Return the profile of that name; a file in ``folder`` goes before a built-in one.

    Raises UnknownProfile where there is none, or with the first mistake of its
    file: the file, the field, the problem.
    """
    known = names(folder)
    if name not in known:  # so a name can never be a path to somewhere else
        raise UnknownProfile(f"there is no profile {name!r}; there is {_listed(known)}")
    own = folder / f"{name}.toml" if folder else None
    path = own if own and own.is_file() else BUILT_IN / f"{name}.toml"
    try:
        with path.open("rb") as file:
            text = file.read(MAX_FILE_BYTES + 1).decode()
    except (OSError, UnicodeDecodeError) as error:
        raise UnknownProfile(f"the profile {path} cannot be read: {error}") from error
    if len(text) > MAX_FILE_BYTES:
        raise UnknownProfile(f"the profile {path} is longer than {MAX_FILE_BYTES // 1024} KiB")
    return _parse(text, name, path)


def _parse(text: str, name: str, path: Path) -> Profile:
    try:
        profile = Profile.model_validate(tomllib.loads(text))
    except tomllib.TOMLDecodeError as error:
        raise UnknownProfile(f"the profile {path} is not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = _place(first["loc"])
        problem = first["msg"].removeprefix("Value error, ")
        raise UnknownProfile(f"the profile {path} is wrong: {field}{problem}") from error
    if profile.name != name:
        raise UnknownProfile(
            f"the profile {path} is wrong: its name is {profile.name!r}, its file says {name!r}"
        )
    return profile


def _place(location: tuple[int | str, ...]) -> str:
    """Return where in the file a mistake is, as a prefix of its sentence.

    >>> _place(("rungs", 1, "height")), _place(())
    ('rungs[2].height: ', '')
    """
    parts = [f"[{part + 1}]" if isinstance(part, int) else f".{part}" for part in location]
    return "".join(parts).removeprefix(".") + ": " if parts else ""


def _listed(known: list[str]) -> str:
    """Return the names as a person would say them.

    >>> _listed(["clip", "match", "mine"])
    'clip, match and mine'
    """
    return f"{', '.join(known[:-1])} and {known[-1]}" if len(known) > 1 else "".join(known)

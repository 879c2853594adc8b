"""The price list: one dated TOML file built in beside this module, and a file of your own in its place."""

import tomllib
from functools import cache
from pathlib import Path

from pydantic import ValidationError

from rugbytx.core.cost.price_list import Prices
from rugbytx.errors import SettingsError

BUILT_IN = Path(__file__).parent / "us-east-1.toml"


@cache
def built_in() -> Prices:
    """Return the built-in prices, read once."""
    return load()


def load(own: Path | None = None) -> Prices:
    """Return the prices in ``own``, or the built-in ones; raises SettingsError with a file's first mistake."""
    path = own or BUILT_IN
    try:
        return Prices.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError) as error:
        raise SettingsError(f"the prices {path} cannot be read: {error}") from error
    except tomllib.TOMLDecodeError as error:
        raise SettingsError(f"the prices {path} are not TOML: {error}") from error
    except ValidationError as error:
        first = error.errors()[0]
        field = ".".join(str(part) for part in first["loc"])
        raise SettingsError(f"the prices {path} are wrong: {field}: {first['msg']}") from error

"""Where settings come from: flags, environment, file, in this order, and what was wrong with them.

A flag wins over the environment (`CALLCONTROL_*`), the environment over the file (TOML, named by
`--config` or `CALLCONTROL_CONFIG`). Every problem is told at once, each by the name of its setting.
"""

import os
import tomllib
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import SettingsConfigDict, SettingsError

from callcontrol.config import Config
from callcontrol.config_problems import PREFIX, ConfigurationError, describe

CONFIG_FILE: Final = f"{PREFIX}CONFIG"


def load(flags: Mapping[str, object] | None = None, config_file: Path | None = None) -> Config:
    """Read all sources. Flags that are None count as not given.

    Raises ConfigurationError, with every problem that was found.
    """
    named = config_file or (Path(os.environ[CONFIG_FILE]) if os.environ.get(CONFIG_FILE) else None)
    if named is not None and not named.is_file():
        raise ConfigurationError([f"--config ({CONFIG_FILE}): there is no file {named}"])

    class FromFile(Config):
        model_config = SettingsConfigDict(toml_file=named)

    given: dict[str, Any] = {  # Any: whatever was given, the model checks it
        name: value for name, value in (flags or {}).items() if value is not None
    }
    try:
        return FromFile(**given)
    except ValidationError as error:
        raise ConfigurationError([_tell(problem) for problem in error.errors()]) from error
    except (SettingsError, tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ConfigurationError([f"--config ({CONFIG_FILE}): {named}: {error}"]) from error


def unknown_settings(environ: Mapping[str, str]) -> list[str]:
    """Names in the environment that look like settings and are none: likely misspelled."""
    known = _known_names()
    foreign = (f"{PREFIX}PORT", f"{PREFIX}SERVICE_")
    return sorted(
        name
        for name in environ
        if name.startswith(PREFIX) and name not in known and not name.startswith(foreign)
    )


def unknown_problems(environ: Mapping[str, str]) -> list[str]:
    """A line for each of `unknown_settings`, with the name that was perhaps meant."""
    problems = []
    for name in unknown_settings(environ):
        meant = get_close_matches(name, _known_names(), n=1, cutoff=0.85)
        question = f"; did you mean {meant[0]}?" if meant else ""
        problems.append(f"{name}: there is no such setting{question}")
    return problems


def _known_names() -> list[str]:
    names = sorted(PREFIX + name.upper() for name in Config.model_fields)
    return [*names, CONFIG_FILE, f"{PREFIX}TARGET"]


def _tell(problem: ErrorDetails) -> str:
    """A problem of pydantic's, by the name of the setting."""
    field, *rest = problem["loc"] or ("",)
    path = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in rest)
    if field not in Config.model_fields:
        return f"{field}: there is no such setting"
    if problem["type"] == "extra_forbidden":
        return f"{describe(str(field))}{path}: there is no such setting"
    message = problem["msg"]
    own = message.removeprefix("Value error, ")
    told = own if own != message else f"{message[:1].lower()}{message[1:]}"
    return f"{describe(str(field))}{path}: {told}"

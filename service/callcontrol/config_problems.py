"""How settings are called in messages, and the error that tells which of them cannot be used."""

from typing import Final

PREFIX: Final = "CALLCONTROL_"
"""Before the name of each setting in the environment."""


class ConfigurationError(Exception):
    """The settings cannot be used; one problem a line, each naming its setting."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = tuple(problems)


def describe(setting: str) -> str:
    """A setting by its name in a file and in the environment."""
    return f"{setting} ({PREFIX}{setting.upper()})"

"""Event socket passwords: where one comes from, and when the well-known default may be used."""

from dataclasses import dataclass
from pathlib import Path
from typing import Final

from pydantic import SecretStr

from callcontrol.addresses import is_loopback

DEFAULT_PASSWORD: Final = "ClueCon"
"""What a FreeSWITCH has when nobody changed it."""


@dataclass(frozen=True, slots=True)
class PasswordSource:
    """A password, or the file that holds it, as an operator gave them; either may be missing."""

    setting: str
    """What it is called in messages."""
    password: SecretStr | None
    file: Path | None

    @property
    def is_given(self) -> bool:
        """Whether the operator set one or the other."""
        return self.password is not None or self.file is not None

    def read(self) -> str:
        """The password. Raises ValueError that names the setting and never tells what is in it."""
        if self.password is not None and self.file is not None:
            raise ValueError(f"{self.setting}: set it or its file, not both")
        where, text = self.setting, ""
        if self.password is not None:
            text = self.password.get_secret_value()
        elif self.file is not None:
            where = f"{self.setting}, file {self.file}"
            try:
                text = self.file.read_text("utf-8").rstrip("\r\n")
            except OSError as error:
                raise ValueError(f"{where}: cannot be read: {error.strerror}") from error
            except UnicodeDecodeError as error:
                raise ValueError(f"{where}: is not UTF-8 text") from error
        if not text or set(text) & set("\r\n\0"):
            raise ValueError(f"{where}: must be one line of text that is not empty")
        return text


def choose_password(
    source: PasswordSource, host: str, *, allow_default: bool, allow_setting: str
) -> str:
    """The password for the switch on `host`.

    Everybody knows the default, so it is used towards loopback alone, unless it is allowed by
    name. Raises ValueError that names the setting and what to do.
    """
    password = source.read() if source.is_given else DEFAULT_PASSWORD
    if password != DEFAULT_PASSWORD or allow_default or is_loopback(host):
        return password
    problem = "is the default that everybody knows" if source.is_given else "is not set"
    raise ValueError(
        f"{source.setting}: {problem}, and {host} is not on loopback; "
        f"set another one here and on the switch, or set {allow_setting}"
    )

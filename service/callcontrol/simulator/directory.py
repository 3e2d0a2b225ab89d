"""The users who may log in to the event socket by name, and what each may do."""

from dataclasses import dataclass

from callcontrol.simulator.subscription import Allowed


@dataclass(frozen=True, slots=True, kw_only=True)
class SocketUser:
    """A user of the directory. A list that is None restricts nothing; words as configured."""

    password: str
    allowed_events: str | None = None
    allowed_api: str | None = None
    may_log: bool = True

    def events(self) -> Allowed | None:
        """Types and, behind CUSTOM, subclasses."""
        if self.allowed_events is None:
            return None
        words = self.allowed_events.replace(",", " ").split()
        upper = [word.upper() for word in words]
        end = upper.index("CUSTOM") + 1 if "CUSTOM" in upper else len(words)
        return Allowed(frozenset(upper[:end]), frozenset(words[end:]))

    def apis(self) -> frozenset[str] | None:
        """Names of commands, compared exactly."""
        if self.allowed_api is None or self.allowed_api == "all":
            return None
        return frozenset(self.allowed_api.replace(",", " ").split())

    def reply_headers(self) -> list[tuple[str, str]]:
        """What the answer to `userauth` tells of the restrictions."""
        return [
            ("Allowed-Events", self.allowed_events or "all"),
            ("Allowed-API", self.allowed_api or "all"),
            ("Allowed-LOG", "true" if self.may_log else "false"),
        ]


USERS: dict[str, SocketUser] = {
    "full@fs-sim": SocketUser(password="full-secret"),
    "limited@fs-sim": SocketUser(
        password="limited-secret",
        allowed_events="CHANNEL_ANSWER BACKGROUND_JOB",
        allowed_api="status show",
        may_log=False,
    ),
}
"""The users of a simulator that was given no others."""


def read_credentials(rest: str) -> tuple[str, str]:
    """`user@domain:password` or `user:password@domain`, as (user@domain, password)."""
    user, _, password = rest.partition(":")
    if "@" not in user and "@" in password:
        password, _, domain = password.rpartition("@")
        user = f"{user}@{domain}"
    return user, password

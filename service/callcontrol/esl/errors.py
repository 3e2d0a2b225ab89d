"""What can be wrong with bytes: theirs, or ours."""


class EslError(Exception):
    """The base of the codec's errors."""


class ProtocolError(EslError):
    """The peer sent bytes that cannot be ESL, or beyond a limit. The connection is useless."""


class UnencodableValue(EslError):
    """A value that cannot be carried exactly, so it is refused and never altered. Nothing is sent.

    `part` names the argument (for example `arguments`), `problem` says what may not be in it.
    The value itself is not repeated: it may be a secret.
    """

    def __init__(self, part: str, problem: str) -> None:
        super().__init__(f"{part} {problem}")
        self.part, self.problem = part, problem

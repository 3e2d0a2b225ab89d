"""What the switch finds in the bytes of one packet, written from its source and apart from our
encoder: the command, its headers, and each argument as the command would get it.

mod_event_socket.c read_packet takes lines up to an empty one, and a body only where a header says
how long; mod_commands.c splits the arguments of each command in its own way.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field

from tests.property.test_dialling import Dialled, read
from tests.support.switch_splitting import expanded as expanded_data
from tests.support.switch_splitting import inline_applications, split

_REST_FROM = {
    "uuid_setvar": 3,
    "uuid_display": 2,
    "uuid_chat": 2,
    "uuid_send_info": 2,
    "uuid_send_message": 2,
}
"""At which argument the rest of the line is one, where that is so."""
_DIALLERS = {"bridge", "att_xfer"}
_NOT_SPLIT = {"markapi"}
"""What a test lets run as it is."""

Atoms = list[str]


@dataclass(frozen=True)
class Packet:
    """One command as the switch reads it."""

    command: str
    """The first word: api, bgapi, sendmsg, sendevent."""
    name: str
    """The api command, or whom a message is for."""
    arguments: str
    headers: tuple[tuple[str, str], ...] = ()
    body: str = ""

    @property
    def line(self) -> str:
        """All of it, as text."""
        headers = "".join(f"{name}: {value}\n" for name, value in self.headers)
        return f"{self.command} {self.name} {self.arguments}\n{headers}\n{self.body}"

    @property
    def only_reads(self) -> bool:
        """Whether it changes nothing on the switch."""
        looks_up = self.name in {"uuid_exists", "uuid_dump", "uuid_buglist", "show"}
        return looks_up or (self.name == "conference" and "json_list compact" in self.arguments)

    @property
    def application(self) -> str:
        """The application that a message asks for; empty where it asks for none."""
        return next((value for name, value in self.headers if name == "execute-app-name"), "")


def read_packets(data: bytes) -> list[Packet]:
    """Every command that the switch finds in what was written at once."""
    packets = []
    while data:
        assert b"\0" not in data, "the switch reads no further than a NUL"
        assert b"\r" not in data, "the switch takes a line apart at CR"
        block, end, data = data.partition(b"\n\n")
        assert end, "the switch would wait for more"
        first, *lines = block.decode().split("\n")
        pairs = [line.partition(":") for line in lines]
        assert all(colon and name for name, colon, _ in pairs)
        headers = tuple((name.lower(), value.lstrip(" ")) for name, _, value in pairs)
        sizes = [int(value) for name, value in headers if name == "content-length"]
        assert len(sizes) <= 1
        size = sizes[0] if sizes else 0
        body, data = data[:size], data[size:]
        assert len(body) == size
        command, _, rest = first.partition(" ")
        name, _, arguments = rest.partition(" ")
        packets.append(Packet(command, name, arguments, headers, body.decode()))
    return packets


@dataclass
class Reading:
    """The atoms of packets: what a command gets as one piece."""

    atoms: Atoms = field(default_factory=list)
    names: list[str] = field(default_factory=list)
    """Of the variables that are set."""

    def packet(self, packet: Packet) -> None:
        self.atoms += [packet.command, packet.name]
        if packet.command in ("api", "bgapi"):
            self._api(packet.name, packet.arguments)
        else:
            self.atoms.append(packet.arguments)
        for name, value in packet.headers:
            self.atoms += [f"header {name}"]
            if name == "execute-app-arg":
                self._application(packet.application, value)
            else:
                self.atoms.append(value)
        self.atoms.append(packet.body)

    def _api(self, name: str, arguments: str) -> None:
        if name == "expand":
            raise AssertionError("nothing is sent to be expanded")
        words = split(arguments, " ", _REST_FROM.get(name, 40))
        if name == "originate":
            self._dial_string(words[0])
            self.atoms += self._destination(words[1:])
        elif name in _NOT_SPLIT:
            self.atoms.append(arguments)
        elif name == "uuid_transfer":
            self.atoms += self._destination(words)
        else:
            if name == "uuid_setvar":
                self.names.append(words[1])
                words[2:] = map(as_one, words[2:])
            self.atoms += [f"{len(words)} words", *words]

    def _destination(self, words: Sequence[str]) -> Atoms:
        if "inline" not in words:
            return [f"{len(words)} words", *words]
        place = words.index("inline")
        atoms = [*words[: place - 1], "inline", *words[place + 1 :]]
        for name, data in inline_applications(words[place - 1]):
            atoms += [f"application {name}", data]
        return atoms

    def _dial_string(self, text: str) -> None:
        shared, groups = read(text)
        self._variables(shared)
        for group in groups:
            self.atoms.append(f"group of {len(group)}")
            for leg in group:
                self._leg(leg)

    def _leg(self, leg: Dialled) -> None:
        self.atoms += ["leg", leg.endpoint]
        self._variables(leg.variables)

    def _variables(self, variables: dict[str, str]) -> None:
        self.atoms.append(f"{len(variables)} variables")
        self.names += variables
        self.atoms += [f"{name}={as_one(value)}" for name, value in variables.items()]

    def _application(self, name: str, data: str) -> None:
        argument = expanded_data(data)
        if name in _DIALLERS:
            self._dial_string(argument)
        else:
            self.atoms.append(argument)


def as_one(value: str) -> str:
    """A value as a variable holds it: one text, or a list (switch_event.c
    switch_event_base_add_header)."""
    return f"a list: {value}" if value.startswith("ARRAY::") else value


_UUID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|\b[0-9a-f]{32}\b")
"""Ids, and fingerprints of requests."""


def atoms_of(packets: Sequence[Packet], known: Sequence[str]) -> Atoms:
    """The atoms of packets; ids that were made up on the way are all the same."""
    reading = Reading()
    for packet in packets:
        reading.packet(packet)
    return [without_ids(atom, known) for atom in reading.atoms]


def variables_of(packets: Sequence[Packet]) -> list[str]:
    """The names of all variables that are set."""
    reading = Reading()
    for packet in packets:
        reading.packet(packet)
    return reading.names


def without_ids(atom: str, known: Sequence[str]) -> str:
    """A text with every id but the known ones hidden."""
    return _UUID.sub(lambda found: found[0] if found[0] in known else "an id", atom)

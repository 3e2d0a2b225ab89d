"""Which switches there are, how to reach them, and what their links get of it."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from callcontrol.addresses import split_address, split_node
from callcontrol.config_problems import PREFIX, ConfigurationError, describe
from callcontrol.config_values import EventChoice, Networks, NodeName, Port, TcpAddress
from callcontrol.freeswitch.outbound_settings import LOOPBACK, OutboundSettings, read_network
from callcontrol.freeswitch.settings import NodeSettings
from callcontrol.freeswitch.wanted_events import WantedEvents, read_wanted_events
from callcontrol.ids import NodeId
from callcontrol.passwords import PasswordSource, choose_password


class NodeEntry(BaseModel):
    """One switch. What is left out is taken from the settings for all."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: NodeName
    host: Annotated[str, Field(min_length=1)]
    port: Port = 8021
    user: str = ""
    password: SecretStr | None = None
    password_file: Path | None = None
    max_calls: Annotated[int, Field(ge=0)] | None = None
    draining: bool = False


class SwitchSettings(BaseSettings):
    """The settings that concern the switches."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, frozen=True, extra="forbid", hide_input_in_errors=True
    )

    nodes: Annotated[tuple[NodeEntry, ...], NoDecode] = ()
    """The switches: `name=host:port`, parted by commas; `[[nodes]]` tables in a file."""
    user: str = ""
    """`user@domain` of the switch's directory to log in as; empty takes the password alone."""
    password: SecretStr | None = None
    """Event socket password. Not set, the well-known default is tried on loopback."""
    password_file: Path | None = None
    """File that holds the password, for secrets that are mounted."""
    allow_default_password: bool = False
    """Use the well-known password towards switches elsewhere than on loopback."""
    command_links: Annotated[int, Field(ge=1, le=32)] = 3
    """Command connections for each node."""
    event_links: Annotated[int, Field(ge=1, le=2)] = 1
    """Event connections to each node; with two, the loss of one loses no event."""
    max_waiting_commands: Annotated[int, Field(ge=1, le=100_000)] = 1_000
    """Commands that may wait for a node before further ones are refused."""
    node_events: EventChoice = ("ALL",)
    """What to ask the switches for beside what the service itself needs, parted by commas: names of
    events, and subclasses of CUSTOM ones; ALL is everything, from which -NAME leaves one out."""
    max_calls: Annotated[int, Field(ge=0)] = 0
    """Calls on a node at which it gets no further one; 0 leaves it to the switch."""
    outbound_listen: TcpAddress = ""
    """Address on which switches bring calls by the `socket` application, for example
    `0.0.0.0:8084`; empty takes none in this way."""
    outbound_peers: Networks = LOOPBACK
    """Addresses and networks, parted by commas, from where switches may do so: there is no
    password on this way."""
    outbound_max_connections: Annotated[int, Field(ge=1, le=100_000)] = 2_000
    """Calls that may be here by it at one time; what comes beyond goes on with its dialplan."""
    outbound_handshake_timeout_s: Annotated[float, Field(gt=0, le=20)] = 5.0
    """Time for a switch to say which call it brings. It gives up itself after 25."""
    outbound_unknown_switches: bool = False
    """Take calls of switches that are none of the nodes, too; then whoever can connect is one."""

    @field_validator("nodes", mode="before")
    @classmethod
    def _read_nodes(cls, value: object) -> object:
        texts = value.split(",") if isinstance(value, str) else value
        if not isinstance(texts, list | tuple):
            return texts
        return [split_node(text) if isinstance(text, str) else text for text in texts if text]

    def node_settings(self) -> tuple[NodeSettings, ...]:
        """The nodes as the links take them, passwords read.

        Raises ConfigurationError when there is none, two share a name, or a password is not fit.
        """
        problems: list[str] = []
        if not self.nodes:
            problems.append(f"{describe('nodes')}: name a switch, for example fs1=127.0.0.1:8021")
        names = [node.name for node in self.nodes]
        if repeated := sorted({name for name in names if names.count(name) > 1}):
            problems.append(f"{describe('nodes')}: the name {repeated[0]} is used twice")
        settings = []
        for node in self.nodes:
            try:
                password = self._password_of(node)
            except ValueError as error:
                problems.append(str(error))
            else:
                settings.append(self._settings_of(node, password))
        if problems:
            raise ConfigurationError(problems)
        return tuple(settings)

    def wanted_events(self) -> WantedEvents:
        """What the switches are asked for, and so what can be filtered for."""
        return read_wanted_events(self.node_events)

    def outbound_settings(self) -> OutboundSettings | None:
        """Where calls are brought by their socket; None where none are taken in this way."""
        if not self.outbound_listen:
            return None
        host, port = split_address(self.outbound_listen)
        return OutboundSettings(
            host=host,
            port=port,
            peers=tuple(map(read_network, self.outbound_peers)),
            max_connections=self.outbound_max_connections,
            handshake_timeout_s=self.outbound_handshake_timeout_s,
            unknown_switches=self.outbound_unknown_switches,
        )

    def _settings_of(self, node: NodeEntry, password: str) -> NodeSettings:
        return NodeSettings(
            node_id=NodeId(node.name),
            host=node.host,
            port=node.port,
            user=node.user or self.user,
            password=password,
            command_links=self.command_links,
            event_links=self.event_links,
            max_waiting_commands=self.max_waiting_commands,
            max_calls=self.max_calls if node.max_calls is None else node.max_calls,
            draining=node.draining,
            events=self.wanted_events(),
        )

    def _password_of(self, node: NodeEntry) -> str:
        own = PasswordSource(f"password of node {node.name}", node.password, node.password_file)
        common = PasswordSource(describe("password"), self.password, self.password_file)
        return choose_password(
            own if own.is_given else common,
            node.host,
            allow_default=self.allow_default_password,
            allow_setting=describe("allow_default_password"),
        )

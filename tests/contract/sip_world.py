"""What is around the switch under test over SIP: a telephone that registers, a gateway's far side
that answers pings, and a server with mailboxes. Towards a real switch by SIP over UDP, at the
simulator by its own word.
"""

import asyncio
import re
import socket
import uuid
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

from tests.contract.phone import SIP_PORT
from tests.contract.raw_client import RawClient
from tests.contract.switch_under_test import SwitchUnderTest

from callcontrol.simulator import gateways, mailboxes, registrar
from callcontrol.simulator.registrar import Registration

PING_PORT = SIP_PORT + 2
"""Where the gateway `pinged` of tests/freeswitch is."""
DOMAIN = "callcontrol.test"
_DOWN = re.compile(r"^Status\s+DOWN", re.MULTILINE)
_COPIED = re.compile(r"^(Via|From|To|Call-ID|CSeq): .*$", re.MULTILINE | re.IGNORECASE)


class Telephone:
    """A telephone of its own user at the switch."""

    def __init__(self, switch: SwitchUnderTest, line: socket.socket) -> None:
        self._switch, self._line = switch, line
        self._cseq = 0
        self.host, self.port = line.getsockname()
        self.user = f"u{uuid.uuid4().hex[:8]}"

    @property
    def address(self) -> str:
        return f"{self.user}@{DOMAIN}"

    @property
    def contact(self) -> str:
        """As the switch writes it."""
        return f'"" <sip:{self.user}@{self.host}:{self.port}>'

    async def register(self, expires_s: int = 60) -> None:
        """Register, renew, or for 0 leave; returns when the switch has taken it."""
        if self._switch.simulator is None:
            await self._ask(expires_s)
        elif expires_s:
            registrar.register(self._switch.simulator.switch, self._known(), expires_s)
        else:
            registrar.unregister(self._switch.simulator.switch, self._known())

    def _known(self) -> Registration:
        return Registration(user=self.user, domain=DOMAIN, host=self.host, port=self.port)

    async def _ask(self, expires_s: int) -> None:
        self._cseq += 1
        lines = (
            f"REGISTER sip:{self._switch.host}:{SIP_PORT} SIP/2.0",
            f"Via: SIP/2.0/UDP {self.host}:{self.port};rport;branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards: 70",
            f"From: <sip:{self.address}>;tag={self.user}",
            f"To: <sip:{self.address}>",
            f"Call-ID: {self.user}@contract",
            f"CSeq: {self._cseq} REGISTER",
            f"Contact: <sip:{self.user}@{self.host}:{self.port}>",
            f"Expires: {expires_s}",
            "Content-Length: 0",
        )
        loop = asyncio.get_running_loop()
        message = "\r\n".join((*lines, "", "")).encode()
        await loop.sock_sendto(self._line, message, (self._switch.host, SIP_PORT))
        answer = (await loop.sock_recv(self._line, 65_536)).decode()
        assert answer.startswith("SIP/2.0 200 "), answer


@contextmanager
def telephone(switch: SwitchUnderTest) -> Iterator[Telephone]:
    """A telephone on the address of the switch."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.bind((switch.host, 0))
        yield Telephone(switch, line)


def notify(switch: SwitchUnderTest, user: str, summary: str) -> str:
    """Another server tells the switch of a user's mailbox; the name of that."""
    mailbox = f"{user}@{switch.host}"
    if switch.simulator is not None:
        mailboxes.notify(switch.simulator.switch, mailbox, summary)
        return mailbox
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.bind((switch.host, 0))
        host, port = line.getsockname()
        lines = (
            f"NOTIFY sip:{mailbox}:{SIP_PORT} SIP/2.0",
            f"Via: SIP/2.0/UDP {host}:{port};rport;branch=z9hG4bK{uuid.uuid4().hex}",
            "Max-Forwards: 70",
            f"From: <sip:voicemail@{DOMAIN}>;tag=1",
            f"To: <sip:{mailbox}>",
            f"Call-ID: {uuid.uuid4().hex}",
            "CSeq: 1 NOTIFY",
            f"Contact: <sip:voicemail@{host}:{port}>",
            "Event: message-summary",
            "Subscription-State: terminated",
            "Content-Type: application/simple-message-summary",
            f"Content-Length: {len(summary.encode())}",
        )
        line.sendto("\r\n".join((*lines, "", summary)).encode(), (switch.host, SIP_PORT))
    return mailbox


@asynccontextmanager
async def answering_pings(switch: SwitchUnderTest) -> AsyncIterator[None]:
    """The far side of the gateway `pinged` answers inside, and is gone afterwards."""
    if switch.simulator is not None:
        gateways.answer_ping(switch.simulator.switch, "pinged", is_answered=True)
        yield
        gateways.answer_ping(switch.simulator.switch, "pinged", is_answered=False)
        return
    await _known_to_be_down(switch)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as line:
        line.setblocking(False)
        line.bind((switch.host, PING_PORT))
        answering = asyncio.create_task(_say_yes(line), name="far side")
        try:
            yield
        finally:
            answering.cancel()
            await asyncio.wait([answering])


async def _known_to_be_down(switch: SwitchUnderTest) -> None:
    """Until the first ping that nobody answers, the switch takes a gateway to be up."""
    async with await RawClient.connect(switch.host, switch.port) as client:
        await client.log_in(switch.password)
        await client.ask("event json CUSTOM sofia::gateway_state")
        while not _DOWN.search(await client.ask("api sofia status gateway pinged")):
            await client.event(Gateway="pinged")


async def _say_yes(line: socket.socket) -> None:
    """Answer every request with 200, until cancelled."""
    loop = asyncio.get_running_loop()
    while True:
        request, sender = await loop.sock_recvfrom(line, 65_536)
        copied = [match[0].rstrip("\r") for match in _COPIED.finditer(request.decode())]
        tagged = [f"{each};tag=far" if each.startswith("To:") else each for each in copied]
        answer = "\r\n".join(("SIP/2.0 200 OK", *tagged, "Content-Length: 0", "", ""))
        await loop.sock_sendto(line, answer.encode(), sender)

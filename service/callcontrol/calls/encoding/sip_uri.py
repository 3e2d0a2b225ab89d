"""Where a telephone is asked to call instead: SIP addresses and telephone numbers as URIs.

They go into a SIP header as they are (Refer-To, Contact), and before that into a command line that
knows no quoting. So only what has a meaning there is let in, and nothing that could begin a
header, a parameter of ours, or a second address: no `?`, `<`, `>`, `,`, blank or escape.
"""

import re
from typing import Final

from callcontrol.calls.encoding.dialstring import word
from callcontrol.calls.encoding.grammar import sip_address_problem

_TEL: Final = re.compile(r"tel:\+?[0-9]{1,32}")
_SCHEMES: Final = ("sip:", "sips:")
_PARAMETERS: Final = {
    f"transport={transport}": f"transport={transport}"
    for transport in ("udp", "tcp", "tls", "ws", "wss")
} | {"user=phone": "user=phone"}
"""The parameters that may follow an address, as they are written into the command."""

_PROBLEM: Final = (
    "must be sip:user@host or sips:user@host, with a port or not, then at most ;transport=udp, "
    "tcp, tls, ws or wss and ;user=phone; or tel: and 1 to 32 digits after an optional +"
)


def uri_problem(uri: str) -> str | None:
    """What keeps an URI from being called instead, or None."""
    address, *parameters = uri.split(";")
    if _TEL.fullmatch(uri):
        return None
    scheme = next((scheme for scheme in _SCHEMES if address.startswith(scheme)), None)
    if scheme is None or sip_address_problem(address.removeprefix(scheme)) is not None:
        return _PROBLEM
    names = [parameter.partition("=")[0] for parameter in parameters]
    if len(names) != len(set(names)) or not _PARAMETERS.keys() >= set(parameters):
        return _PROBLEM
    return None


def uri_argument(uri: str) -> str:
    """An URI that has no problem, as the rest of a command line.

    Raises UnencodableValue for what could be anything else: the last guard.
    """
    address, *parameters = uri.split(";")
    known = [_PARAMETERS[parameter] for parameter in parameters if parameter in _PARAMETERS]
    return ";".join((word(address), *known))

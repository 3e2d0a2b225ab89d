"""How whom to call is written for the switch: its dial string, for one endpoint or several.

    {shared=...}endpoint                             one
    {shared=...}[own=...]endpoint|[own=...]endpoint  one after the other
    {shared=...}[own=...]endpoint,[own=...]endpoint  all at once

`dial_string` is what the switch's dialler reads. On its way there it passes one layer more: in an
API command the split at blanks (`as_argument`), in the argument of an application such as `bridge`
or `att_xfer` the expansion of variables (`as_application_argument`).

What the dialler does to a value, and so what is undone here (switch_ivr_originate.c,
switch_ivr_originate; switch_event.c, switch_event_create_brackets):

    in braces    commas split, `=` split
    in brackets  bars split, commas split, commas of variables split, `=` split

Braces and brackets are matched before anything is unescaped. Whether a comma in brackets parts
variables depends on a count of apostrophes that heeds no escape, so each variable is written in
brackets of its own, where no comma parts any.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Final, assert_never
from uuid import UUID, uuid5

from callcontrol.calls.encoding.dialstring import escaped, originate_value_problem, word
from callcontrol.calls.placing.raw_dialling import raw_problem
from callcontrol.calls.requests import (
    Endpoint,
    GatewayEndpoint,
    LoopbackEndpoint,
    RawEndpoint,
    SipEndpoint,
    Strategy,
    UserEndpoint,
)
from callcontrol.calls.settings import ControlSettings
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId

MAX_ENDPOINTS: Final = 64
"""Of one attempt. The switch takes 128."""

_BETWEEN: Final = {Strategy.SEQUENTIAL: "|", Strategy.SIMULTANEOUS: ","}

_OWN_WINS: Final = "local_var_clobber"
"""Without it a shared variable is set over a leg's own of the same name."""


def leg_ids(call_id: CallId, count: int) -> tuple[CallId, ...]:
    """The ids of the legs of an attempt: the first has the call's, the others are made from it.

    `call_id` is a UUID.
    """
    others = [CallId(str(uuid5(UUID(call_id), str(place)))) for place in range(1, count)]
    return (call_id, *others)


def dial_string(
    endpoints: Sequence[Endpoint],
    strategy: Strategy,
    ids: Sequence[CallId],
    variables: Mapping[str, str],
    settings: ControlSettings,
) -> str:
    """Whom to call, as the dialler reads it: an id for each endpoint, `variables` for all legs.

    One endpoint's own variables join the shared ones, as a value may hold brackets there. Names
    must have passed their grammar, and `requests` their checks. Raises UnencodableValue for what
    cannot be carried.
    """
    if len(endpoints) == 1:
        (endpoint,) = endpoints
        shared = {**variables, **endpoint.variables, "origination_uuid": ids[0]}
        return _braces(shared) + _brackets(_timeout(endpoint)) + endpoint_string(endpoint, settings)
    legs = [
        _brackets({**endpoint.variables, **_timeout(endpoint), "origination_uuid": leg_id})
        + endpoint_string(endpoint, settings)
        for endpoint, leg_id in zip(endpoints, ids, strict=True)
    ]
    return _braces({**variables, _OWN_WINS: "true"}) + _BETWEEN[strategy].join(legs)


def as_argument(dial_string: str) -> str:
    """A dial string as the first argument of an API command."""
    return escaped(dial_string).replace(" ", "\\s")


def as_application_argument(dial_string: str) -> str:
    r"""A dial string as the argument of an application that is executed by message.

    The switch expands variables in it. That also resolves `\\`, drops `\'` and halves `$$`, but
    only where it finds a backslash that escapes something or a variable (switch_channel.c,
    switch_channel_expand_variables_check; switch_utils.h, switch_string_has_escaped_data).
    """
    if "\\" not in dial_string:
        return dial_string
    return dial_string.replace("\\", "\\\\").replace("$", "\\$")


def endpoint_string(endpoint: Endpoint, settings: ControlSettings) -> str:
    """An endpoint in the switch's language. Nothing of it but a raw one needs to be quoted."""
    match endpoint:
        case UserEndpoint(user=user, domain=domain):
            return word(f"user/{user}@{domain}" if domain else f"user/{user}")
        case GatewayEndpoint(gateway=gateway, number=number):
            return word(f"sofia/gateway/{gateway}/{number}")
        case SipEndpoint(profile=profile, address=address):
            return word(f"sofia/{profile}/{address}")
        case LoopbackEndpoint(extension=extension, context=context):
            return word(f"loopback/{extension}/{context or settings.default_context}")
        case RawEndpoint(dial_string=text):
            _refuse(raw_problem(text))
            return text
        case _:
            assert_never(endpoint)


def leg_value_problem(value: str) -> str | None:
    """What keeps a value from being given to one of several legs, or None."""
    if "[" in value or "]" in value:
        return "may not contain brackets: the switch knows no way to write them for one of several"
    return originate_value_problem(value)


def _timeout(endpoint: Endpoint) -> dict[str, str]:
    if endpoint.ring_timeout_s is None:
        return {}
    return {"leg_timeout": str(math.ceil(endpoint.ring_timeout_s))}


def _braces(variables: Mapping[str, str]) -> str:
    pairs = (f"{word(name)}={_braced(value)}" for name, value in variables.items())
    return f"{{{','.join(pairs)}}}"


def _braced(value: str) -> str:
    _refuse(originate_value_problem(value))
    return escaped(_in_pair(value), ",")


def _brackets(variables: Mapping[str, str]) -> str:
    return "".join(f"[{word(name)}={_bracketed(value)}]" for name, value in variables.items())


def _bracketed(value: str) -> str:
    _refuse(leg_value_problem(value))
    in_variables = escaped(_in_pair(value))
    in_legs = escaped(in_variables, ",")
    return escaped(in_legs, "|")


def _in_pair(value: str) -> str:
    """A value behind `=`, without any blank."""
    return escaped(value).replace(" ", "\\s")


def _refuse(problem: str | None) -> None:
    if problem is not None:
        raise UnencodableValue("a value", problem)

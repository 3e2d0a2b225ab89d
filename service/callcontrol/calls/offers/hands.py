"""What the desk does to calls (`ports_switch.Hands`), by the verbs that clients have."""

import logging
import re
from contextlib import suppress
from typing import Final

from callcontrol.calls import checks
from callcontrol.calls.call import Call
from callcontrol.calls.commands import channel_variables
from callcontrol.calls.commands.commander import cannot_be_carried
from callcontrol.calls.commands.transfer import transfer
from callcontrol.calls.control import CallControl
from callcontrol.calls.encoding import grammar
from callcontrol.calls.encoding.destination import transfer_place
from callcontrol.calls.encoding.handing import (
    APPLICATION,
    FORGET,
    GUARD,
    IS_ONWARD,
    LOST_POLICY,
    ONWARD,
    OWNER,
    REGISTRATION,
    was_sent_on,
)
from callcontrol.calls.media import playback
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.ports_switch import Standing
from callcontrol.calls.picture.operations import playing
from callcontrol.calls.requests import Destination, Leg, PlaySpec, UriSource
from callcontrol.errors import CallStateConflict
from callcontrol.esl.errors import UnencodableValue
from callcontrol.ids import CallId

log: Final = logging.getLogger(__name__)

_NAMES: Final = (APPLICATION, OWNER, REGISTRATION, LOST_POLICY, ONWARD, GUARD)
_SCHEDULE: Final = re.compile(r"[1-9][0-9]{0,9}")
_POLICIES: Final = {policy.value: policy for policy in LostWorkerPolicy}
_FOR_EVER: Final = -1
"""Runs of the music."""


class SwitchHands:
    """Does it, and knows which variables say what."""

    def __init__(self, control: CallControl) -> None:
        self._control, self._commander = control, control.commander

    def check(self, destination: Destination) -> None:
        """See `ports_switch.Hands`."""
        checks.require_valid(checks.destination_checks(destination, self._commander.settings))
        try:
            transfer_place(destination, self._commander.settings)
        except UnencodableValue as exc:
            raise cannot_be_carried(exc) from exc

    async def standing(self, call_id: CallId) -> Standing:
        """See `ports_switch.Hands`."""
        found = await channel_variables.get_variables(self._commander, call_id, _NAMES)
        variables = found.variables
        return Standing(
            application=variables.get(APPLICATION, ""),
            worker_name=variables.get(OWNER, ""),
            worker_id=variables.get(REGISTRATION, ""),
            lost_policy=_POLICIES.get(variables.get(LOST_POLICY, "")),
            onward=was_sent_on(variables),
            is_guarded=bool(variables.get(GUARD)),
        )

    async def note_owner(self, call_id: CallId, owner: Standing) -> None:
        """See `ports_switch.Hands`."""
        policy = owner.lost_policy.value if owner.lost_policy is not None else ""
        await self._note(
            call_id,
            {
                APPLICATION: owner.application,
                OWNER: owner.worker_name,
                REGISTRATION: owner.worker_id,
                LOST_POLICY: policy,
                ONWARD: "",
                FORGET: "",
            },
        )

    async def note_onward(self, call_id: CallId) -> None:
        """See `ports_switch.Hands`. What runs in its park is ended first: a park looks between two
        frames whether it is over (switch_ivr.c, switch_ivr_park), so not while a playback runs in
        it, which may have no end. Only the first time: later that would end what its dialplan does.
        """
        if not (await self.standing(call_id)).onward:
            await self._commander.api(self._alive(call_id), "uuid_break", call_id, "all")
            await self._note(call_id, {OWNER: "", ONWARD: IS_ONWARD})

    async def take_off_guard(self, call_id: CallId) -> bool:
        """See `ports_switch.Hands`. The schedule goes first: should we die in between, the next
        one finds it gone, and not the call taken from a worker.
        """
        found = await channel_variables.get_variables(self._commander, call_id, (GUARD,))
        number = found.variables.get(GUARD, "")
        if not number:
            return False
        if _SCHEDULE.fullmatch(number):
            await self._commander.api(self._alive(call_id), "sched_del", number)
        else:
            keys = {"call": call_id, "variable": GUARD, "needs": "last_sched_id"}
            log.warning("a guard cannot be taken off", extra=keys)
        await self._note(call_id, {GUARD: ""})
        return True

    async def note_free(self, call_id: CallId, application: str) -> None:
        """See `ports_switch.Hands`."""
        await self._note(call_id, {APPLICATION: application, OWNER: "", ONWARD: ""})

    async def play_music(self, call_id: CallId, media: str) -> None:
        """See `ports_switch.Hands`."""
        if not self._hears(call_id):
            spec = PlaySpec(call_id=call_id, sources=(UriSource(uri=media),), repeat=_FOR_EVER)
            await playback.play(self._commander, spec)

    async def stop_music(self, call_id: CallId) -> None:
        """See `ports_switch.Hands`."""
        if self._hears(call_id):
            with suppress(CallStateConflict):
                await playback.stop_playback(self._commander, call_id)

    async def transfer(self, call_id: CallId, destination: Destination) -> None:
        """See `ports_switch.Hands`."""
        await transfer(self._commander, call_id, Leg.A, destination, was_handed=True)

    async def hang_up(self, call_id: CallId) -> None:
        """See `ports_switch.Hands`."""
        await self._control.hangup(call_id)

    def _hears(self, call_id: CallId) -> bool:
        leg = self._commander.tracker.legs.alive(call_id)
        return leg is not None and bool(playing(leg))

    async def _note(self, call_id: CallId, variables: dict[str, str]) -> None:
        """Set variables of a call, all by one command; an empty value removes one."""
        call = self._alive(call_id)
        # mod_commands.c uuid_setvar_multi_function: pairs parted by semicolons.
        checks.require_valid(
            (name, grammar.worker_word_problem(value) if value else None)
            for name, value in variables.items()
        )
        pairs = ";".join(f"{name}={value}" for name, value in variables.items())
        await self._commander.api(call, "uuid_setvar_multi", call_id, rest=pairs)

    def _alive(self, call_id: CallId) -> Call:
        return self._commander.tracker.require(call_id, alive=True)

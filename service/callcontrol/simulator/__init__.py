"""A FreeSWITCH for tests: its event socket, its calls, and their misbehaviour on demand.

    async with Simulator(time_scale=0.01) as switch:
        switch.on("4711", Answers(after_s=1).then(SendsDigits("12#")))
        ...  # connect to 127.0.0.1:{switch.port}, password ClueCon
        caller = switch.call_in(to="inbound-park", from_="5550123")
        caller.hangs_up()

`scenario` lists what is dialled and what happens then; `faults` what can go wrong.
"""

from callcontrol.simulator.directory import SocketUser
from callcontrol.simulator.far_end import FarEnd
from callcontrol.simulator.scenario import (
    Answers,
    EarlyMedia,
    HangsUp,
    Rings,
    Runs,
    Script,
    SendsDigits,
)
from callcontrol.simulator.server import Simulator
from callcontrol.simulator.switch import SwitchSettings

__all__ = [
    "Answers",
    "EarlyMedia",
    "FarEnd",
    "HangsUp",
    "Rings",
    "Runs",
    "Script",
    "SendsDigits",
    "Simulator",
    "SocketUser",
    "SwitchSettings",
]

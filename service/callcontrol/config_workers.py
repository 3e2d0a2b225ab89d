"""How patient the service is with workers, and what becomes of calls that none of them takes."""

from typing import Annotated, Final, Literal

from pydantic import Field

from callcontrol.calls.encoding.media_uri import uri_problem
from callcontrol.calls.offers.ports import LostWorkerPolicy
from callcontrol.calls.offers.settings import OfferSettings
from callcontrol.calls.settings import ControlSettings
from callcontrol.config_problems import ConfigurationError, describe
from callcontrol.config_switches import SwitchSettings
from callcontrol.config_values import Seconds

MAX_CALLS: Final = 5_000
"""Of one worker: those that it asks for again must fit a request of 256 KiB."""


class WorkerSettings(SwitchSettings):
    """The settings that concern handed-over calls and workers."""

    outbound_offer_timeout_s: Annotated[float, Field(gt=0, le=600)] = 5.0
    """Time that a worker has to take an offer."""
    outbound_offer_wait_s: Seconds = 0.0
    """How long a call is kept for which there is no worker; 0 lets it go on."""
    outbound_offer_others_first_s: Annotated[float, Field(ge=0, le=60)] = 1.0
    """How long a call for which there is no worker here is left to the other replicas first; 0
    where there are none."""
    outbound_offer_wait_music: str = ""
    """What it hears meanwhile: a file or an address as requests may play them; empty is silence."""
    worker_resume_window_s: Seconds = 30.0
    """How long the calls of a worker are kept for it when its stream breaks."""
    worker_lost_policy: Literal["offer_again", "continue_dialplan", "hangup"] = "offer_again"
    """What becomes of them then, where the worker did not say."""
    worker_drain_s: Seconds = 5.0
    """At shutdown, the time that workers have to end their calls before their streams end, and they
    find the calls at another replica."""
    max_workers: Annotated[int, Field(ge=1, le=100_000)] = 10_000
    """Workers that may be registered."""
    worker_max_calls: Annotated[int, Field(ge=1, le=MAX_CALLS)] = MAX_CALLS
    """Calls that one worker may have at a time."""

    def offer_settings(self, control: ControlSettings) -> OfferSettings:
        """What the desk gets of it. Raises ConfigurationError."""
        music = self.outbound_offer_wait_music
        if music and (problem := uri_problem(music, control)):
            raise ConfigurationError([f"{describe('outbound_offer_wait_music')}: {problem}"])
        return OfferSettings(
            offer_timeout_s=self.outbound_offer_timeout_s,
            wait_s=self.outbound_offer_wait_s,
            wait_music=music,
            others_first_s=self.outbound_offer_others_first_s,
            resume_window_s=self.worker_resume_window_s,
            lost_policy=LostWorkerPolicy(self.worker_lost_policy),
            max_workers=self.max_workers,
        )

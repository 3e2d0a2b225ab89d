"""What an operator decides about handed-over calls; nothing here changes while the service runs."""

from dataclasses import dataclass

from callcontrol.calls.offers.ports import LostWorkerPolicy


@dataclass(frozen=True, slots=True, kw_only=True)
class OfferSettings:
    """How patient the desk is. Times are seconds."""

    offer_timeout_s: float = 5.0
    """Time that a worker has to answer an offer."""
    wait_s: float = 0.0
    """How long a call is kept for which there is no worker; 0 sends it on, once other replicas had
    their chance."""
    wait_music: str = ""
    """What it hears meanwhile, a URI as in Play; empty is silence."""
    others_first_s: float = 1.0
    """How long a replica without a free worker leaves a call to the other replicas before it takes
    it on to keep it or to send it on. 0 is for one that is alone."""
    resume_window_s: float = 30.0
    """How long a call is kept for a worker whose stream broke."""
    lost_policy: LostWorkerPolicy = LostWorkerPolicy.OFFER_AGAIN
    """What becomes of it then, where the worker did not say."""
    max_workers: int = 10_000
    """Workers that may be registered."""
    retry_s: float = 1.0
    """Pause before something is tried again at a switch that could not be reached."""
    task_timeout_s: float = 20.0
    """How long one thing that is done to a call may take before it counts as failed."""
    recheck_first_s: float = 2.0
    """Until it is first looked whether another replica still deals with a call; each pause is twice
    the one before."""
    recheck_cap_s: float = 15.0
    """The longest such pause."""

"""Who had a call when, and for how long nobody had it: an account from what all sides said."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from typing import Final, Self

NOBODY: Final = ""
FALLBACK: Final = "(fallback)"
"""The dialplan's next action plays."""
ENDED: Final = "(ended)"


@dataclass(frozen=True, order=True)
class Taken:
    """A worker was told that the call is its own."""

    at_s: float
    worker: str


@dataclass(frozen=True, order=True)
class Left:
    """A worker died, or was told that the call is not its own any more."""

    at_s: float
    worker: str


@dataclass(frozen=True, order=True)
class Died:
    """A replica died, and the streams of these workers with it: their commands reach nothing, but
    their calls are kept for them.
    """

    at_s: float
    workers: frozenset[str]


@dataclass(frozen=True, order=True)
class Heard:
    """The fallback began to play."""

    at_s: float


@dataclass(frozen=True, order=True)
class Over:
    """The call ended."""

    at_s: float


Fact = Taken | Left | Died | Heard | Over


@dataclass
class Account:
    """One call: from when on who had it."""

    steps: list[tuple[float, str]]
    disputes: list[str] = field(default_factory=list)
    """What must not be: two owners, or another one while its owner may still ask for it."""
    _kept_for: str = NOBODY
    """Whose replica died, and who was not told that the call is not its own any more."""

    @classmethod
    def of(cls, began_s: float, facts: Iterable[Fact]) -> Self:
        """The account of a call that began then."""
        account = cls([(began_s, NOBODY)])
        for fact in sorted(facts, key=lambda each: each.at_s):
            account._add(fact)
        return account

    def _add(self, fact: Fact) -> None:
        holder = self.steps[-1][1]
        if holder == ENDED:
            return  # what is said of a call that has just ended may be late
        match fact:
            case Taken(at_s=at_s, worker=worker):
                if holder not in {NOBODY, worker}:
                    self.disputes.append(f"{worker} got it while it was with {holder}")
                self._dispute_keeping(worker, f"{worker} got it")
                self._step(at_s, worker)
            case Left(at_s=at_s, worker=worker):
                if self._kept_for == worker:
                    self._kept_for = NOBODY
                if holder == worker:
                    self._step(at_s, NOBODY)
            case Died(at_s=at_s, workers=workers) if holder in workers:
                self._kept_for = holder
                self._step(at_s, NOBODY)
            case Heard(at_s=at_s):
                if holder not in {NOBODY, FALLBACK}:
                    self.disputes.append(f"the fallback began while it was with {holder}")
                self._dispute_keeping(FALLBACK, "the fallback began")
                self._step(at_s, FALLBACK)
            case Over(at_s=at_s):
                self._step(at_s, ENDED)

    def _dispute_keeping(self, by: str, what: str) -> None:
        if self._kept_for not in {NOBODY, by}:
            self.disputes.append(f"{what} while it was kept for {self._kept_for}")
        self._kept_for = NOBODY

    def _step(self, at_s: float, holder: str) -> None:
        if self.steps[-1][1] != holder:
            self.steps.append((at_s, holder))

    @property
    def holder(self) -> str:
        """Who has it now."""
        return self.steps[-1][1]

    @property
    def owners(self) -> list[str]:
        """The workers that had it, in order; one that got it back counts once more."""
        return [each for _, each in self.steps if each not in {NOBODY, FALLBACK, ENDED}]

    @property
    def was_heard(self) -> bool:
        """Whether it came to the fallback."""
        return any(holder == FALLBACK for _, holder in self.steps)

    @property
    def alone_s(self) -> list[float]:
        """How long nobody had it, each time; the last one may go on, and is not in it then."""
        return [
            after_s - at_s for (at_s, who), (after_s, _) in pairwise(self.steps) if who == NOBODY
        ]


def percentile(values: Sequence[float], percent: int) -> float:
    """What so many percent of the values are at most; 0 of none."""
    if not values:
        return 0.0
    return sorted(values)[min(len(values) - 1, len(values) * percent // 100)]

"""What a run may cost: requests and tokens over the whole life of its folder, seconds for one command."""

import time
from dataclasses import dataclass, field

from fanno_hf.errors import BudgetReached


@dataclass
class Budget:
    """Counts what is sent against its limits; None is no limit."""

    requests: int | None = None  # answers the journal may come to hold
    tokens: int | None = None  # of prompts and completions, in those answers
    seconds: float | None = None  # from now
    _answered: int = 0
    _tokens: int = 0
    _in_flight: int = 0
    _started: float = field(default_factory=time.monotonic)

    @property
    def needs_totals(self) -> bool:
        """Whether it has to know what was spent before."""
        return self.requests is not None or self.tokens is not None

    def start(self, answered: int, tokens: int) -> None:
        """Counts what earlier commands spent."""
        self._answered, self._tokens = answered, tokens

    def take(self, guess: int = 0) -> None:
        """Counts a request that is about to be sent; `guess` is the tokens it may cost while there is no answer to go by.

        Raises:
            BudgetReached: there is nothing left for it, if those in flight will cost what others did on average.
        """
        each = self._tokens / self._answered if self._answered else guess
        if self.requests is not None and self._answered + self._in_flight >= self.requests:
            raise BudgetReached(f"budget.requests={self.requests} is reached{_GO_ON}")
        if self.tokens is not None and self._tokens + each * self._in_flight >= self.tokens:
            raise BudgetReached(f"budget.tokens={self.tokens} is reached{_GO_ON}")
        if self.seconds is not None and time.monotonic() - self._started >= self.seconds:
            raise BudgetReached(f"budget.seconds={self.seconds:g} is reached{_GO_ON}")
        self._in_flight += 1

    def settle(self, tokens: int = 0, *, is_answered: bool) -> None:
        """Notes what became of a request and the tokens that it cost, which may be some where it was not answered."""
        self._in_flight -= 1
        self._answered += is_answered
        self._tokens += tokens


_GO_ON = ": raise it and run the same command again to go on; what was answered is kept."

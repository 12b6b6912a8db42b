"""What is sent in place of a request that failed: without what the servers do not take, or with less of its documents.

400 "logprobs are not supported"             ->  the same without them, at once
400 "maximum context length is 512 tokens"   ->  the same with a shorter document, whatever the status is
200 {"choices": []}, for the third time      ->  the same, where it is longer than all that were answered
503 to everything, for half the patience     ->  one of the longest, as short as those that were answered: does length matter?
"""

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.client import (
    Busy,
    CallFailed,
    Nonsense,
    Oversized,
    Refused,
    TimedOut,
    Unfinished,
    Unreachable,
    WrongSetting,
)
from fanno_hf.teacher.dialect import Dialect
from fanno_hf.teacher.lengths import Lengths
from fanno_hf.teacher.trouble import Trouble
from fanno_hf.teacher.watch import Watch

_DOUBTS = 3  # failures after which a prompt that is longer than any that was answered may be too long
_NOTHING_TO_CHANGE = (Unreachable, TimedOut, Oversized, Unfinished)


class Mending:
    """Decides from what is known about the servers of a pool."""

    def __init__(self, dialect: Dialect, lengths: Lengths, trouble: Trouble, watch: Watch):
        self._dialect, self._lengths, self._trouble, self._watch = dialect, lengths, trouble, watch
        self._trial: Request | None = (
            None  # what was shortened only to see whether length makes a server say that it is full
        )
        self._is_tried = False  # whether that was done since the last answer
        self._means_length = False  # whether it was so once

    def fit(self, request: Request) -> Request:
        """Returns the request as it should be sent first."""
        return self._lengths.fit(self._dialect.fit(request))

    def note(self, sent: Request, answer: Completion, blamed: str | None) -> None:
        """Learns from an answer; `blamed`: see `Dialect.note`."""
        self._dialect.note(sent, answer, blamed)
        self._lengths.note(sent, answer)
        if sent is self._trial:
            self._trial, self._means_length = None, True
        self._is_tried = False

    def changed(
        self, request: Request, sent: Request, outcome: Completion | CallFailed, failures: int
    ) -> Request | None:
        """Returns what to send instead at once: shorter, or without what the servers do not take; None where nothing helps."""
        if isinstance(outcome, Completion):
            return self._dialect.guessed(sent, outcome) or self._lengths.shortened(request, sent, outcome)
        if isinstance(outcome, _NOTHING_TO_CHANGE):
            return None
        if changed := self._dialect.named(sent, outcome):
            return changed
        if self._is_about_length(outcome) and (changed := self._lengths.shortened(request, sent, outcome)):
            return changed
        if isinstance(outcome, Busy):
            return self._tried(request, sent, outcome)
        if changed := self._dialect.guessed(sent, outcome):
            return changed
        if isinstance(outcome, Refused) or self._is_doubtful(request, sent, outcome, failures):
            return self._lengths.shortened(request, sent, outcome)
        return None

    def is_excused(self, request: Request, sent: Request, failure: CallFailed) -> bool:
        """Whether a failure may be due to what was sent, so that it does not count against the server."""
        if isinstance(failure, Busy):
            return self._is_about_length(failure) and self._lengths.shortened(request, sent, failure) is not None
        if self._dialect.is_unproven(sent) or isinstance(failure, (Oversized, Unfinished)):
            return True
        if isinstance(failure, Nonsense) and not self._trouble.is_answered:
            return True  # whether they all get it decides
        is_long = self._lengths.is_told(failure) or self._lengths.is_longest(request, sent)
        return is_long and self._lengths.shortened(request, sent, failure) is not None

    def _is_about_length(self, failure: CallFailed) -> bool:
        """Whether the words are about length. Of one who is full, or has another reason, they have to say so clearly."""
        if isinstance(failure, (Busy, WrongSetting)):
            return self._may_be_its_own(failure) and self._lengths.is_named(failure)
        return self._lengths.is_told(failure)

    def _is_doubtful(self, request: Request, sent: Request, failure: CallFailed, failures: int) -> bool:
        """Whether, whatever is said, the longest prompt may be too long, for a server that says so in no way."""
        if not self._lengths.is_longest(request, sent):
            return False
        if isinstance(failure, WrongSetting):
            return self._may_be_its_own(failure)
        return failures >= _DOUBTS and (isinstance(failure, Nonsense) or (failure.status or 0) >= 500)

    def _may_be_its_own(self, failure: CallFailed) -> bool:
        """Whether a failure may be due to one request. A wrong setting is everybody's as long as nothing was answered."""
        return not isinstance(failure, WrongSetting) or self._trouble.is_stray(failure)

    def _tried(self, request: Request, sent: Request, failure: Busy) -> Request | None:
        """Returns a request as short as those that were answered, where that alone may be why the servers say they are full.

        One at a time, and whole again if it was in vain: a server that is restarted must cost no document its end.
        """
        if sent is self._trial:
            self._trial = None
            return self.fit(request)
        is_time = self._watch.is_idle if self._means_length else self._watch.is_starved and not self._is_tried
        if self._trial is not None or not is_time or not self._lengths.is_longest(request, sent):
            return None
        shorter: Request | None = sent
        while shorter is not None and self._lengths.is_longest(request, shorter):
            shorter = self._lengths.shortened(request, shorter, failure)
        self._trial, self._is_tried = shorter, True
        return shorter

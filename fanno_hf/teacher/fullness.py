"""What servers mean that say they are full: wait a little, or pay first.

429 "Rate limit reached: 3 requests per min"                      ->  there will be room
429 "You exceeded your current quota", for seconds, no answer     ->  there will be none: the run stops, with these words
"""

import re

from fanno_hf.teacher.client import Busy

_USED_UP = re.compile(
    r"\bquota|insufficient[ _-]?(?:quota|credit|fund|balance)|\bbilling\b|\bcredits?\b|\bbalance\b|\bpayment\b",
    re.IGNORECASE,
)
# limits over a short time use the same words, and name the time or how long to wait
_SHORT = re.compile(
    r"\bper[ _-]?(?:min|sec)|per_(?:min|sec)|\b[rt]p[ms]\b|(?:try|retry)(?: again)? (?:in|after)|check quota",
    re.IGNORECASE,
)
_FEW, _SECONDS = 4, 2.0  # refusals with such words, with no answer between them, and how long they must last


class Fullness:
    """Whether a quota is used up, by what servers say one after the other."""

    def __init__(self):
        self._count, self._since = 0, 0.0

    def end(self) -> None:
        """Something was answered."""
        self._count = 0

    def is_lasting(self, why: Busy, now: float) -> bool:
        """Notes a refusal at `now`, seconds of `time.monotonic`; returns whether there is nothing left to wait for."""
        words = str(why)
        if why.retry_after or not _USED_UP.search(words) or _SHORT.search(words):
            self._count = 0
            return False
        self._since = self._since if self._count else now
        self._count += 1
        return self._count >= _FEW and now - self._since >= _SECONDS

"""A pair as the tokens that a student sees, and those that it should have written.

"How do mosses drink?" -> "Through their leaves."
    input_ids   <|im_start|> user … <|im_start|> assistant \\n Through their leaves . <|im_end|>
    labels      -100         -100 … -100         -100      -100 Through their leaves . <|im_end|>
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fanno_hf.columns import full_text
from fanno_hf.students.chat import _shared, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

MASKED = -100
"""Label of a token without a loss (as in torch.nn.CrossEntropyLoss)."""


@dataclass(frozen=True)
class Encoded:
    """A pair in tokens; both lists have one length."""

    input_ids: list[int]
    labels: list[int]  # MASKED for the prompt

    @property
    def answer(self) -> list[int]:
        """The tokens of the answer, the end of turn last."""
        return [token for token in self.labels if token != MASKED]


def encode(pair: Mapping[str, Any], tokenizer: "PreTrainedTokenizerBase", end: int) -> Encoded:
    """Returns the tokens of a pair (instruction, input, output); the answer ends with `end`, the end of a turn."""
    asked = [{"role": "user", "content": full_text(pair)}]
    prompt = render(tokenizer, asked, answer=True)
    whole = render(tokenizer, [*asked, {"role": "assistant", "content": pair["output"]}])
    begin = _shared(prompt, whole)
    # what a template writes behind the last turn is nothing that a student has to learn
    last = max((place for place in range(begin, len(whole)) if whole[place] == end), default=len(whole) - 1)
    ids = whole[: last + 1]
    return Encoded(ids, [MASKED] * begin + ids[begin:])

"""A pair as the tokens that a student sees, and those that it should have written.

"How do mosses drink?" -> "Through their leaves."
    input_ids   <|im_start|> user … <|im_start|> assistant \\n Through their leaves . <|im_end|>
    labels      -100         -100 … -100         -100      -100 Through their leaves . <|im_end|>
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fanno_hf.columns import full_text
from fanno_hf.students.chat import Chat
from fanno_hf.students.turns import split

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


def encode(pair: Mapping[str, Any], chat: Chat, *, is_lead_given: bool = False) -> Encoded:
    """Returns the tokens of a pair (instruction, input, output); the answer ends with the end of a turn.

    What a student writes begins where the prompt of a server ends. Some templates have more there in front of an answer, such as an
    empty thought: with `is_lead_given` that is part of the prompt, so that only the answer itself is measured.
    """
    asked = [{"role": "user", "content": full_text(pair)}]
    answered = [*asked, {"role": "assistant", "content": pair["output"]}]
    prompt, behind, opened = split(chat.text(asked, answer=True), chat.text(answered))
    if is_lead_given and behind.startswith(lead := chat.form.lead):
        prompt, behind = prompt + lead, behind[len(lead) :]
    # what a template writes behind the last turn is nothing that a student has to learn
    answer = behind.removesuffix(chat.form.rest) + chat.form.close
    before, ids = chat.tokens(prompt), chat.tokens(prompt + answer)
    begin = next((i for i, (a, b) in enumerate(zip(before, ids, strict=False)) if a != b), len(before))
    if begin < len(before) and not opened:  # a token would reach over the border, and no server could ask that way
        begin, ids = len(before), before + chat.tokens(answer)
    return Encoded(ids, [MASKED] * begin + ids[begin:])

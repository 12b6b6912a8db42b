"""The chat template of a student, and the token with which it ends a turn.

SmolLM2-135M-Instruct  ->  its own template, ends with <|im_end|>
a base model           ->  "<|user|>\\n…</s>\\n<|assistant|>\\n…</s>\\n", ends with its end token
"""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from fanno_hf.errors import UserError
from fanno_hf.students.turns import Form, Turns, as_text, find_form, marked, render

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# its end of turn is the end token that every base model and every server has: no token is added, no embedding untrained
_TURNS = (
    "{% if bos_token %}{{ bos_token }}{% endif %}"  # where servers put one, they put but one
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)


@dataclass(frozen=True)
class Chat:
    """A tokenizer that is ready for turns, and how its template writes them."""

    tokenizer: "PreTrainedTokenizerBase"
    form: Form
    special: "re.Pattern[str]"  # finds the tokens that steer a model

    @property
    def end(self) -> int:
        """The id of the token that ends a turn."""
        return self.form.end

    def text(self, turns: Turns, *, answer: bool = False) -> str:
        """Returns the text of turns; with `answer` up to where the answer begins. Raises UserError: the template cannot.

        What is said in a turn is text, whatever tokens it names: no pair and no question can end its turn and open another.
        """
        said = [{**turn, "content": as_text(turn["content"], self.special)} for turn in turns]
        return render(self.tokenizer, said, answer=answer)

    def tokens(self, text: str) -> list[int]:
        """Returns the tokens of a text that the template made."""
        return self.tokenizer(text, add_special_tokens=False)["input_ids"]


def prepare(tokenizer: "PreTrainedTokenizerBase", template: str = "auto") -> Chat:
    """Gives a tokenizer the template, its end of turn as end token and a padding token.

    Args:
        template: "auto" (its own; where it has none, `turns`), "turns", or a file with a Jinja template.

    Raises UserError where the template cannot be read, or no special token ends an answer.
    """
    if template == "turns" or (template == "auto" and not tokenizer.chat_template):
        if not tokenizer.eos_token:
            raise UserError("train.template: the student's tokenizer has no end token, with which turns could end")
        tokenizer.chat_template = _TURNS
    elif template != "auto":
        try:
            tokenizer.chat_template = Path(template).expanduser().read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise UserError(
                f"train.template={template} cannot be read ({error}): auto, turns, or a Jinja file"
            ) from error
    form = find_form(tokenizer)
    _end_with(tokenizer, tokenizer.convert_ids_to_tokens(form.end))
    # the end token itself must not be taken for padding: it would be masked
    if tokenizer.pad_token_id in (None, form.end):
        unused = (tokenizer.unk_token, tokenizer.bos_token)
        tokenizer.pad_token = next((token for token in unused if token and token != tokenizer.eos_token), None)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
    return Chat(tokenizer, form, marked(tokenizer, is_special=True))


def check_for_training(chat: Chat) -> None:
    """Raises UserError where a student would be asked in another form than it is trained in."""
    if chat.form.opened:
        raise UserError(
            f"train.template: the chat template ends its prompt with {json.dumps(chat.form.opened)}, which no answer of its own "
            "turns begins with, so a student would be asked otherwise than it was trained: take train.template=turns or a file"
        )


def _end_with(tokenizer: "PreTrainedTokenizerBase", end: str) -> None:
    """Makes a token the end token; a template that writes the earlier one somewhere goes on writing that (Phi-3)."""
    probe = [{"role": role, "content": "why"} for role in ("user", "assistant")]
    before, earlier = render(tokenizer, probe), tokenizer.eos_token or ""
    tokenizer.eos_token = end
    if render(tokenizer, probe) != before:
        head = f"{{% set eos_token = {json.dumps(earlier, ensure_ascii=False)} %}}"
        own = tokenizer.chat_template
        tokenizer.chat_template = (
            {name: head + text for name, text in own.items()} if isinstance(own, dict) else head + own
        )

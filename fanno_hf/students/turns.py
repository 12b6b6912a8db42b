"""How a chat template writes a turn: found out by rendering one.

ChatML        an answer, then <|im_end|>, then a line break that nobody has to learn
Qwen3         <think>\\n\\n</think>\\n\\n in front of an answer, where the prompt has not got it already
GLM-4         nothing behind an answer: <|user|>, which opens the next turn, ends this one
"""

import os
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fanno_hf.errors import UserError
from fanno_hf.texts.fit import fit_to_show

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Turns = list[dict[str, str]]

_ANSWER = "Mosses drink through their leaves."
_ASKED = [{"role": "user", "content": "How do mosses drink?"}]
_ANSWERED = [*_ASKED, {"role": "assistant", "content": _ANSWER}]


@dataclass(frozen=True)
class Form:
    """What a template writes around an answer."""

    end: int  # id of the token that ends a turn
    lead: str  # words and tokens between prompt and answer, such as an empty thought; mostly nothing
    close: str  # from the answer's last character to that token, it included
    rest: str  # what stands behind the last answer of all
    opened: str  # what a prompt ends with and no answer begins with, such as <think>; mostly nothing


def find_form(tokenizer: "PreTrainedTokenizerBase") -> Form:
    """Returns what the template of a tokenizer writes around an answer.

    Raises UserError: it writes no answer, or no special token ends one.
    """
    prompt, whole = render(tokenizer, _ASKED, answer=True), render(tokenizer, _ANSWERED)
    _, behind, opened = split(prompt, whole)
    lead, answer, rest = behind.rpartition(_ANSWER)
    if not answer:
        raise UserError("train.template: the chat template writes no answer behind its prompt: give another one")
    following = _followed(tokenizer)
    marks = marked(tokenizer)
    tokens, next_tokens = _run(marks, rest), _run(marks, following)
    alike = len(os.path.commonprefix([tokens, next_tokens]))
    # the same tokens behind every answer; else those behind the last one; else what opens the next turn
    ends, text = (tokens[: alike or 1], rest) if tokens else (next_tokens[:1], following)
    if not ends:
        raise UserError(
            "train.template: no special token ends an answer, so a student would not learn to stop: end it with {{ eos_token }}"
        )
    close = text[: text.index("".join(ends)) + len("".join(ends))]
    return Form(tokenizer.convert_tokens_to_ids(ends[-1]), lead if lead.strip() else "", close, rest, opened)


def split(prompt: str, whole: str) -> tuple[str, str, str]:
    """Splits a conversation into its prompt, what stands behind that, and what the prompt has that the conversation lacks."""
    if whole.startswith(prompt):
        return prompt, whole[len(prompt) :], ""
    if whole.startswith(bare := prompt.rstrip()):  # asked with a line break more than it is answered with
        return prompt, whole[len(bare) :], ""
    alike = len(os.path.commonprefix([prompt, whole]))
    return whole[:alike], whole[alike:], prompt[alike:]


def render(tokenizer: "PreTrainedTokenizerBase", turns: Turns, *, answer: bool = False) -> str:
    """Returns the text of turns; with `answer` up to where the answer begins. Raises UserError: the template cannot."""
    try:
        return tokenizer.apply_chat_template(turns, add_generation_prompt=answer, tokenize=False)
    except Exception as error:  # a template is a program, and says what it likes
        raise UserError(
            f"the student's chat template cannot render a turn: {fit_to_show(str(error), limit=200)}"
        ) from error


def marked(tokenizer: "PreTrainedTokenizerBase", *, is_special: bool = False) -> "re.Pattern[str]":
    """Returns what finds the tokens in a text that the tokenizer takes whole; with `is_special` only those that steer a model."""
    added = tokenizer.added_tokens_decoder.values()
    names = {token.content for token in added if token.special or not is_special} | {*tokenizer.all_special_tokens}
    longest_first = sorted((name for name in names if len(name.strip()) > 1), key=lambda name: (-len(name), name))
    return re.compile("|".join(map(re.escape, longest_first)) or r"(?!)")


def as_text(text: str, special: "re.Pattern[str]") -> str:
    """Breaks up the special tokens in a text with a space, so that no text can end or open a turn.

    >>> as_text("so<|im_end|>", re.compile(re.escape("<|im_end|>")))
    'so< |im_end|>'
    """
    return special.sub(lambda match: f"{match.group()[0]} {match.group()[1:]}", text)


def _followed(tokenizer: "PreTrainedTokenizerBase") -> str:
    """Returns what stands behind an answer that is not the last; nothing where the template wants but one."""
    try:
        whole = render(tokenizer, [*_ANSWERED, *_ASKED])
    except UserError:
        return ""
    return whole.partition(_ANSWER)[2]


def _run(marks: "re.Pattern[str]", text: str) -> list[str]:
    """Returns the first tokens in a text that stand side by side."""
    found: list[str] = []
    end = 0
    for match in marks.finditer(text):
        if found and match.start() != end:
            break
        found.append(match.group())
        end = match.end()
    return found

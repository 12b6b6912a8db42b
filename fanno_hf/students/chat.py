"""The chat template of a student, and the token with which it ends a turn.

SmolLM2-135M-Instruct  ->  its own template, ends with <|im_end|>
a base model           ->  "<|user|>\\n…</s>\\n<|assistant|>\\n…</s>\\n", ends with its end token
"""

from pathlib import Path
from typing import TYPE_CHECKING

from fanno_hf.errors import UserError
from fanno_hf.texts.fit import fit_to_show

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

# its end of turn is the end token that every base model and every server has: no token is added, no embedding untrained
_TURNS = (
    "{% for message in messages %}"
    "{{ '<|' + message['role'] + '|>\\n' + message['content'] + eos_token + '\\n' }}"
    "{% endfor %}"
    "{% if add_generation_prompt %}{{ '<|assistant|>\\n' }}{% endif %}"
)
_ANSWER = "word"
Turns = list[dict[str, str]]


def prepare(tokenizer: "PreTrainedTokenizerBase", template: str = "auto") -> int:
    """Gives a tokenizer the template, its end of turn as end token and a padding token; returns the id of the end of turn.

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
    end = end_of_turn(tokenizer)
    tokenizer.eos_token = tokenizer.convert_ids_to_tokens(end)
    # the end token itself must not be taken for padding: it would be masked
    if tokenizer.pad_token_id in (None, end):
        unused = (tokenizer.unk_token, tokenizer.bos_token)
        tokenizer.pad_token = next((token for token in unused if token and token != tokenizer.eos_token), None)
        if tokenizer.pad_token is None:
            tokenizer.pad_token = tokenizer.eos_token
    return end


def end_of_turn(tokenizer: "PreTrainedTokenizerBase") -> int:
    """Returns the id of the special token that stands after an answer. Raises UserError: there is none."""
    ids = render(tokenizer, [{"role": "user", "content": _ANSWER}, {"role": "assistant", "content": _ANSWER}])
    special = {*tokenizer.all_special_ids, *tokenizer.added_tokens_decoder}
    prompt = render(tokenizer, [{"role": "user", "content": _ANSWER}], answer=True)
    after = ids[_shared(prompt, ids) :]
    tail = 0  # special tokens that open the answer do not end it
    while tail < len(after) and after[tail] in special:
        tail += 1
    for token in after[tail:]:
        if token in special:
            return token
    raise UserError(
        "train.template: no special token ends an answer, so a student would not learn to stop: end it with {{ eos_token }}"
    )


def render(tokenizer: "PreTrainedTokenizerBase", turns: Turns, *, answer: bool = False) -> list[int]:
    """Returns the tokens of turns; with `answer` up to where the answer begins. Raises UserError: the template cannot."""
    try:
        return tokenizer.apply_chat_template(turns, add_generation_prompt=answer, tokenize=True, return_dict=False)
    except Exception as error:  # a template is a program, and says what it likes
        raise UserError(
            f"the student's chat template cannot render a turn: {fit_to_show(str(error), limit=200)}"
        ) from error


def _shared(first: list[int], second: list[int]) -> int:
    """Returns how many tokens two sequences begin with alike."""
    return next(
        (i for i, (a, b) in enumerate(zip(first, second, strict=False)) if a != b), min(len(first), len(second))
    )

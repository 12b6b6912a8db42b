"""From what the teacher wrote to an instruction and its optional input.

    "Sure! Here is a question:\\n\\n1. **How do mosses drink?**\\n\\nAnswer: …"  ->  Instruction("How do mosses drink?", "")

Wrapping (a preamble, labels, numbering, quotes, JSON, an answer that was not asked for) is taken off and counted; the
teacher's words themselves are never changed, and paragraphs without a label belong to the task.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from fanno_hf.parsing.echoes import without_echoes
from fanno_hf.parsing.endings import without_ending
from fanno_hf.parsing.json_form import from_json
from fanno_hf.parsing.no_input import says_none
from fanno_hf.parsing.preambles import without_preamble
from fanno_hf.parsing.removed import Removed
from fanno_hf.parsing.sections import split, split_again
from fanno_hf.parsing.tags import split_tags
from fanno_hf.parsing.wrapping import bare, tidy, unfenced, unquoted
from fanno_hf.rules.measures import count_non_space

WRAPPING = frozenset(("label", "preamble", "numbering", "quotes"))
"""Kinds of what is removed that never hold a word of the task."""
_FIELDS = ("task_type", "instruction", "input")
SCHEMA = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in _FIELDS},
    "required": list(_FIELDS),
    "additionalProperties": False,
}
"""The form of a teacher's answer, as JSON schema; `input` is "" where the task needs none."""


@dataclass(frozen=True)
class Instruction:
    """What a person would be asked; `input` is data the task works on, often ""; `kind` is the teacher's word for the task.

    `removed` says what was taken off, as the number of characters (white space apart) of each kind: "label" (labels, the
    syntax of JSON, tags, fences around the whole), "preamble", "numbering", "quotes", "answer", "explanation", "closing",
    "others" (further instructions), "other" (keys and tags of other names, and what stands between them).
    """

    instruction: str
    input: str = ""
    kind: str = ""
    removed: Mapping[str, int] = field(default_factory=dict, compare=False)

    @property
    def characters_removed(self) -> int:
        """How many characters of the completion are in no field, white space and labels apart; 0 or more."""
        return sum(size for kind, size in self.removed.items() if kind != "label")


def parse_instruction(completion: str) -> Instruction:
    """Returns the instruction in a completion; its text is "" when nothing is left once the wrapping is off."""
    removed = Removed()
    text = completion.replace("\r\n", "\n").replace("\r", "\n").strip("\ufeff \n\t")
    text, several = without_preamble(text, removed)
    fields = from_json(text, removed)
    if fields is not None:
        fields = split_again(fields, removed)
    else:
        text, more = without_preamble(unfenced(text, removed), removed)
        several = several or more
        text = unquoted(text, removed)
        fields = split_tags(text, removed) or split(without_echoes(text, removed), removed)
    return _finished(fields, several, removed, count_non_space(completion))


def _finished(fields: dict[str, str], several: bool, removed: Removed, size: int) -> Instruction:
    """Takes off each field what is no part of it; `size` is the completion's, so that what is missing can be counted."""
    text, data = fields.get("instruction", ""), fields.get("input", "")
    stated, _, beyond = data.strip().partition("\n")
    if says_none(stated):
        removed.take("label", stated)
        # what follows an input that is none can only belong to the task
        text, data = f"{text}\n\n{beyond.strip()}", ""
    text, more = without_preamble(without_ending(text.strip(), removed), removed)
    text = tidy(bare(text, several or more, removed))
    data = tidy(without_ending(data, removed, in_input=True))
    kind = bare(fields.get("kind", ""), False, removed)
    # what JSON writes with escapes is longer than its value: the difference is syntax
    rest = size - count_non_space(text) - count_non_space(data) - count_non_space(kind) - sum(removed.values())
    if rest > 0:
        removed["label"] += rest
    return Instruction(text, data, kind, dict(removed))

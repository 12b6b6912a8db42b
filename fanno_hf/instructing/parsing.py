"""From what the teacher wrote to an instruction and its optional input.

    "Sure! Here is a question:\\n\\n1. **How do mosses drink?**\\n\\nAnswer: …"  ->  Instruction("How do mosses drink?", "")

Wrapping (a preamble, labels, numbering, quotes, JSON, an answer that was not asked for) is taken off and counted; the
teacher's words themselves are never changed, and paragraphs without a label belong to the task.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from fanno_hf.instructing.absence import says_none
from fanno_hf.instructing.echoes import without_echoes
from fanno_hf.instructing.endings import without_ending
from fanno_hf.instructing.json_form import from_json
from fanno_hf.instructing.labels import labels, lines_with_fences
from fanno_hf.instructing.sections import split, split_again, split_tags
from fanno_hf.instructing.wrapping import Removed, bare, solid, tidy, without_preamble

# fences with these words behind them hold text; others hold code
_TEXT_FENCES = (
    "",
    "text",
    "txt",
    "plaintext",
    "plain",
    "markdown",
    "md",
    "json",
    "jsonc",
    "json5",
    "xml",
    "yaml",
    "yml",
)
# "Answer:", "**Answer:**", "## Answer", but no item of a list and no "The answer:"
_OWN_LABEL = re.compile(r"(?:[*_]{1,3}(?! )|#{1,6} )?(?!the |your )(?=\w)", re.IGNORECASE)
_NAME = r"[^\W\d_][\w \-]{0,30}"
_ALIKE = {
    "": re.compile(rf"{_NAME}[:：](?:\s|$)"),
    "#": re.compile(r"#{1,6} "),
    **dict.fromkeys("*_", re.compile(rf"[*_]{{1,3}}{_NAME}[:：]?[*_]{{1,3}}[:：]?(?:\s|$)")),
}
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
        unfenced = _unfenced(text, removed)
        if unfenced != text:
            text, more = without_preamble(unfenced, removed)
            several = several or more
        text = _unquoted(text, removed)
        fields = split_tags(text, removed) or split(without_echoes(text, removed), removed)
    return _finished(fields, several, removed, solid(completion))


def parse_response(completion: str) -> str:
    """Returns the answer: white space and a leading "Answer:" taken off, nothing else.

    A label that others like it follow ("Answer: …", "Reason: …") is part of the answer, as is one that has more words in it.
    """
    text = completion.replace("\r\n", "\n").strip()
    first, _, rest = text.partition("\n")
    opening = _OWN_LABEL.match(text)
    label = next(iter(labels(first)), None) if opening else None
    if label is None or label.field not in ("answer", "output") or label.number or label.word == "a":
        return text
    alike = _ALIKE[opening[0][:1]]
    if any(alike.match(line) for _, line, fenced in lines_with_fences(rest) if not fenced):
        return text
    return text[label.end :].strip() or text


def _finished(fields: dict[str, str], several: bool, removed: Removed, size: int) -> Instruction:
    data = fields.get("input", "")
    stated, _, beyond = data.strip().partition("\n")
    if says_none(stated):
        removed.take("label", stated)
        data = ""
        # what follows an input that is none can only belong to the task
        fields["instruction"] = f"{fields.get('instruction', '')}\n\n{beyond.strip()}".strip()
    text = without_ending(fields.get("instruction", "").strip(), removed)
    text, more = without_preamble(text, removed)
    text = tidy(bare(text, several or more, removed))
    data = tidy(without_ending(data, removed, in_input=True))
    kind = bare(fields.get("kind", ""), False, removed)
    # what JSON writes with escapes is longer than its value: the difference is syntax
    rest = size - solid(text) - solid(data) - solid(kind) - sum(removed.values())
    if rest > 0:
        removed["label"] += rest
    return Instruction(text, data, kind, dict(removed))


def _unfenced(text: str, removed: Removed) -> str:
    """Takes off a fence around the whole, unless it holds code."""
    lines = list(lines_with_fences(text))
    opening = re.match(r"(?:`{3,}|~{3,})[ ]?(\w*)\s*$", lines[0][1])
    closes = len(lines) > 2 and lines[-1][1].strip() == re.match(r"[`~]*", text)[0]
    whole = opening and closes and all(fenced for _, _, fenced in lines)
    if not whole or opening[1].lower() not in _TEXT_FENCES:
        return text
    removed.take("label", lines[0][1] + lines[-1][1])
    return "\n".join(line for _, line, _ in lines[1:-1]).strip()


def _unquoted(text: str, removed: Removed) -> str:
    """Takes ">" off a form that is quoted as a whole, so that its labels are seen."""
    lines = text.split("\n")
    if len(lines) < 2 or not all(line.startswith(">") or not line.strip() for line in lines):
        return text
    removed.take("quotes", ">" * sum(bool(line) for line in lines))
    return "\n".join(re.sub(r"^>[ ]?", "", line) for line in lines).strip()

"""From what the teacher wrote to an instruction and its optional input.

    "Sure! Here is a question:\\n\\n1. **How do mosses drink?**\\n\\nAnswer: …"  ->  Instruction("How do mosses drink?", "")

Small and chatty teachers wrap what was asked for. Wrapping (a preamble, a label, numbering, quotes, Markdown, an
answer that was not asked for) is taken off; the teacher's words themselves are never changed.
"""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Instruction:
    """What a person would be asked; `input` is data the task works on, often ""."""

    instruction: str
    input: str = ""


_LABEL_WORDS = r"(?:task|question|instruction|command|prompt|request|exercise|aufgabe|frage|anweisung|pregunta|tarea|instrucci[oó]n|問題|質問)"
# "Question:", "**Task 2:**", "The question is:", "Output:" at the start of a line
_LABEL = re.compile(
    rf"^\W{{0,4}}(?:(?:the|my|your|new|one|die|la)\s+)?(?:possible\s+|example\s+)?{_LABEL_WORDS}\s*\d{{0,2}}\s*"
    r"(?:is|could be|would be|might be|lautet|es)?\s*\W{0,3}[:：]\W{0,3}\s*",
    re.IGNORECASE,
)
# "Sure! Here is one:", "Certainly, here's a question based on the text:", "Here are some …"
_PREAMBLE = re.compile(
    r"^\W{0,3}(?:(?:sure|certainly|of course|okay|ok|absolutely|great|yes|alright|got it|gerne|nat[uü]rlich|claro|"
    r"por supuesto|はい)\b[^\n:：]{0,60}?[,.!:：\-–—\s]+\s*)?"
    r"(?:(?:here|hier|aqu[ií])(?:'s|’s|\s+is|\s+are|\s+ist|\s+sind|\s+est[aá]|\s+tienes)[^\n:：?]{0,160}[:：]|"
    r"(?:the\s+)?(?:following|a possible|one possible|an example)[^\n:：?]{0,120}[:：]|"
    r"(?:one|a)\s+(?:question|task|instruction|command)\s+(?:could|would|might)\s+be[^\n:：?]{0,60}[:：])\s*",
    re.IGNORECASE,
)
# "What is the answer to the question: How do …": the question itself is what was asked for
_NESTED = re.compile(
    r"^\W{0,3}(?:what(?:'s|’s|\s+is)\s+(?:the|an?)\s+(?:possible\s+|correct\s+)?answer\s+to\s+(?:the|this)\s+(?:following\s+)?question|"
    r"this\s+(?:sentence|text)\s+is\s+the\s+answer\s+to\s+the\s+question)\s*[:：]?\s*(?=[\"“'‘]?[^\W\d_])",
    re.IGNORECASE,
)
_FILLER = re.compile(
    r"^\W{0,3}(?:sure|certainly|of course|okay|absolutely|gerne|nat[uü]rlich|claro|por supuesto)\b[^\n.!?:]{0,60}[.!:]\s+",
    re.IGNORECASE,
)
_NUMBERING = re.compile(r"^\s*(?:\(?\d{1,2}[.)]\s+|[-*•]\s+|#{1,6}\s+|>\s+)")
_ANSWER = re.compile(
    r"^\W{0,4}(?:sample |possible |correct |expected |model )?(?:answer|response|output|solution|explanation|note|hint|"
    r"rationale|antwort|l[oö]sung|respuesta|soluci[oó]n|答え|回答)\s*\d{0,2}\W{0,3}[:：]",
    re.IGNORECASE | re.MULTILINE,
)
_INPUT = re.compile(
    r"^\W{0,4}(?:input|data|given|text|sentence|code|passage|context|eingabe|entrada|入力)\s*\d{0,2}\W{0,3}[:：][ \t*_]*\n?",
    re.IGNORECASE | re.MULTILINE,
)
_POINTS_TO_INPUT = re.compile(r"[:：]\s*$|\b(?:following|below|folgende\w*|siguientes?)\b", re.IGNORECASE)
_PAIRS = {'"': '"', "'": "'", "“": "”", "„": "“", "«": "»", "「": "」", "*": "*", "`": "`", "_": "_", "‘": "’"}


def parse_instruction(completion: str) -> Instruction:
    """Returns the instruction in a completion; its text is "" when nothing is left once the wrapping is off."""
    text = completion.replace("\r\n", "\n").strip()
    text = unwrap(text)
    if (answer := _ANSWER.search(text)) and answer.start() > 0:
        text = text[: answer.start()].rstrip()
    if (marker := _INPUT.search(text)) and marker.start() > 0:
        instruction, data = text[: marker.start()], text[marker.end() :]
    else:
        instruction, data = _split_paragraphs(text)
    return Instruction(_bare(instruction), data.strip())


def parse_response(completion: str) -> str:
    """Returns the answer: white space and a leading "Answer:" label taken off, nothing else."""
    text = completion.replace("\r\n", "\n").strip()
    label = _ANSWER.match(text)
    return text[label.end() :].lstrip(" *_\n") if label else text


def unwrap(text: str) -> str:
    """Takes preambles, labels, numbering and surrounding quotes off the start, again and again until none is left."""
    previous = None
    while previous != text:
        previous = text
        text = _strip_pair(text.strip())
        for pattern in (_PREAMBLE, _LABEL, _NESTED, _FILLER, _NUMBERING):
            shorter = pattern.sub("", text, count=1).lstrip()
            # a label with nothing behind it stays, for the rules to name
            if shorter:
                text = shorter
    return text


def _split_paragraphs(text: str) -> tuple[str, str]:
    """The first paragraph asks; what follows is its input only when it says so, else an unasked-for extra."""
    first, _, rest = text.partition("\n\n")
    if rest and _POINTS_TO_INPUT.search(first):
        return first, rest
    lines = first.split("\n")
    if len(lines) > 1 and _POINTS_TO_INPUT.search(lines[0]):
        return lines[0], "\n".join(lines[1:])
    return first, ""


def _bare(text: str) -> str:
    """One line of plain words: Markdown emphasis and surrounding quotes off, white space folded."""
    text = re.sub(r"\*\*(.+?)\*\*", r"\1", text)
    return _strip_pair(" ".join(text.split()))


def _strip_pair(text: str) -> str:
    """Takes off quotes or emphasis that enclose the whole text."""
    while len(text) > 2 and _PAIRS.get(text[0]) == text[-1] and text[0] not in text[1:-1]:
        text = text[1:-1].strip()
    return text

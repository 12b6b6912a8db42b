"""What an instruction brings along to be worked on, set apart from what it asks.

'Is this formal?\n\n> Hey, what\'s up'  ->  request "Is this formal?", and a block
'Define the word "moss".'              ->  request 'Define the word "…".', and a quote
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from fanno_hf.texts.segment import words

_FENCE = re.compile(r"```.*?(?:```|\Z)|\$\$.*?(?:\$\$|\Z)", re.DOTALL)
# lines of a table, of a block quote, or of indented code
_BLOCK_LINE = re.compile(r"(?m)^(?:[ \t]*\|.*|[^|\n]*[ \t]\|[ \t][^|\n]*\|.*|[ \t]*>.*|(?: {4}|\t)[ \t]*\S.*)$")
# Openers are no part of what is quoted, so that an unclosed one is read only up to the next.
_QUOTE = re.compile(
    r'"[^"\n]{1,2000}"|“[^“”]{1,2000}”|„[^„“”"]{1,2000}[“”"]|«[^«»]{1,2000}»|「[^「」]{1,2000}」|『[^『』]{1,2000}』'
    r"|(?<!`)`[^`\n]{1,2000}`|(?<![\w'])'(?:[^'\n]|(?<=\w)'(?=\w)){1,2000}'(?!\w)|‘(?:[^‘’\n]|(?<=\w)’(?=\w)){1,2000}’"
)
_SENTENCES = re.compile(r"(?<=[.!?])\s+|(?<=[。！？])|\n+")
_INTRODUCED = re.compile(r"\s[-–—]\s|[:：=]|\n")  # what stands before data on the same line
_NUMBER = re.compile(r"\d+(?:[.,]\d+)*")
_OPTION = re.compile(r"(?<!\w)\(?[A-Da-d][).]\s")
_LONG_QUOTE = 6  # words; a shorter one names a thing, a longer one is a sentence to work on
_LONG_LINE = 12  # words; a line as long is material, whatever it opens with
_BULLET = re.compile(r"^\s*(?:[-*•–]|\(?\d{1,2}[.)])\s+")
_FEW_NUMBERS = 3  # "in 2-3 sentences" is no data, "4, 8, 15" is
_FEW_OPTIONS = 2
_FEW_COMMAS = 2  # a list of three


@dataclass(frozen=True)
class Parts:
    """An instruction taken apart."""

    request: str  # what is asked, a sentence a line; a quotation is "…" there, blocks are left out
    has_block: bool  # further paragraphs or lines, code, a table, options, a quoted sentence
    has_quote: bool  # something in quotation marks or backticks
    has_code: bool  # a fence, a table, a block quote: what remains need not be a sentence


def take_apart(instruction: str, states_condition: Callable[[str], object] = lambda line: False) -> Parts:
    """Sets what an instruction brings along apart from what it asks; any text is allowed.

    Further lines for which `states_condition` is true ("Use three bullets.") are part of what it asks.
    """
    text = _FENCE.sub("\n\n", instruction)
    plain = _BLOCK_LINE.sub("", text)
    has_code = plain != instruction
    quotes = [match[0][1:-1] for match in _QUOTE.finditer(plain)]
    has_lines = len(without_conditions(plain.strip().split("\n"), states_condition)) > 1
    has_block = (
        has_code
        or has_lines
        or any(len(words(quote)) >= _LONG_QUOTE for quote in quotes)
        or len(_OPTION.findall(plain)) >= _FEW_OPTIONS
    )
    request = "\n".join(sentences(_QUOTE.sub('"…"', plain)))
    return Parts(request, has_block, bool(quotes), has_code)


def without_conditions(lines: Sequence[str], states_condition: Callable[[str], object]) -> list[str]:
    """Returns the first line, and those further ones that do more than state a condition, empty ones left out.

    A long line is no mere condition, and neither is a lone word, or one behind a colon that has no bullet.
    """
    kept, colon = list(lines[:1]), False
    for before, line in zip(lines, lines[1:], strict=False):
        text = _BULLET.sub("", line).strip()
        colon = before.rstrip().endswith((":", "：")) if before.strip() else colon
        is_material = not 2 <= len(words(text)) < _LONG_LINE or (colon and text == line.strip())
        if text and (is_material or not states_condition(text)):
            kept.append(line)
    return kept


_OPENERS, _CLOSERS = "\"“„«「`'‘", "\"”“»」`'’"
_LEAST_QUOTED, _LEAST_BEHIND_COLON = 12, 16  # characters


def read_whole(instruction: str) -> Parts:
    """Takes nothing apart: the whole is what is asked, and a quote is what stands in marks or behind a colon."""
    ends_with_colon = instruction.rstrip().endswith((":", "：")) or not instruction
    lines = instruction.split("\n")
    has_quote = not ends_with_colon and (any(map(_quotes, lines)) or _has_colon(lines[-1]))
    return Parts(instruction, has_block=False, has_quote=has_quote, has_code=False)


def _quotes(line: str) -> bool:
    first = next((i for i, character in enumerate(line) if character in _OPENERS), len(line))
    last = max(map(line.rfind, _CLOSERS))
    return last - first > _LEAST_QUOTED


def _has_colon(line: str) -> bool:
    colon = re.search("[:：]", line)
    return colon is not None and len(line[colon.end() :].strip()) >= _LEAST_BEHIND_COLON


def sentences(text: str) -> list[str]:
    """Returns the sentences of a text, white space folded, empty ones left out."""
    return [" ".join(part.split()) for part in _SENTENCES.split(text) if part.strip()]


def introduces_data(rest: str) -> bool:
    """Tells whether what stands behind "the following words" is what they are: a colon and more, numbers, a list."""
    if match := _INTRODUCED.search(rest):
        return any(character.isalnum() for character in rest[match.end() :])
    sentence = re.split(r"[.!?](?:\s|$)", rest, maxsplit=1)[0]
    is_list = sentence.count(",") >= _FEW_COMMAS or (" or " in sentence and "," in sentence)
    return len(_NUMBER.findall(sentence)) >= _FEW_NUMBERS or is_list

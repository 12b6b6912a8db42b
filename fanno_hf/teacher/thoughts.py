"""What a reasoning model writes before its answer, and the tokens of its chat template: neither is part of the answer.

"<think>\\nMosses have no roots, so …\\n</think>\\n\\nThey drink through their leaves.<|im_end|>"
    ->  ("They drink through their leaves.", 37): the answer, and the characters of thought

What cannot be told from a text that speaks of such tags stays, and is for the rule `template_token`.
"""

import re

from fanno_hf.teacher.channels import after_channels
from fanno_hf.teacher.spoken import Code
from fanno_hf.teacher.template_ends import without_end_tokens, without_start_tokens

_NAMES = ("think", "thinking", "seed:think", "scratchpad")
# names that XML may well have, too: a thought only where something follows that is no XML
_WORDS = ("thought", "thoughts", "reasoning", "reason", "reflection")
_TOKENS = (
    *(("[THINK]", "[/THINK]"), ("<|START_THINKING|>", "<|END_THINKING|>"), ("◁think▷", "◁/think▷")),
    *(("<|begin_of_thought|>", "<|end_of_thought|>"), ("<unused94>thought", "<unused95>")),
    ("<|channel>thought", "<channel|>"),
)
_NAMED = "|".join([*_NAMES, *_WORDS])
_OPEN = re.compile(
    rf"(?i:<\s?(?P<name>{_NAMED})(?:\s+[\w-]+=[^<>]{{0,80}})?\s?>)|(?P<token>{'|'.join(re.escape(start) for start, _ in _TOKENS)})"
)
_END = rf"(?:(?i:<\s?/\s?(?:{_NAMED})\s?>)|{'|'.join(re.escape(end) for _, end in _TOKENS)})"
_CLOSING = {
    **{name: re.compile(rf"<\s?/\s?{name}\s?>", re.IGNORECASE) for name in (*_NAMES, *_WORDS)},
    **{start: re.compile(re.escape(end)) for start, end in _TOKENS},
}
_BLANK = re.compile("[\\s\u200b\ufeff]*")
_ELEMENT = re.compile(r"\s*</?(?!(?:answer|response|output)>)[a-z][\w:.-]*(?:\s[^<>]*)?/?>", re.IGNORECASE)
# a closing tag alone, where the template wrote the opening one; an answer that speaks of such a tag has spaces, quotes or
# backticks around it, and goes on in the same sentence
_SENTENCE = r"(?:(?<=[.!?…。！？])|(?<=[.!?…。！？][)\"”*'’]))"
_CLOSED = re.compile(
    rf"\A\s*{_END}(?!\s*[a-z])"
    rf"|(?:(?<=\n)|(?<=[^\s`\"'“(])){_END}(?!(?:[\"'”)]|`(?!``))(?:\W|\Z))"
    rf"|{_SENTENCE}[ \t]{{1,3}}{_END}(?![ \t]*[a-z.,;:!?)”\"'`])"
    rf"|{_END}[ \t]*\n(?!\s*[a-z])"
)
_WRAPPER = re.compile(r"\s*<(answer|response|output)>(?!\s*<)", re.IGNORECASE)
# what is left of an answer of a token or two, where a tag has several
_BEGINNINGS = tuple(
    tag.casefold()
    for tag in (
        *(f"<{name}>" for name in (*_NAMES, *_WORDS)),
        *(start for start, _ in _TOKENS),
        "<|channel|>analysis<|message|>",
    )
)
_LONGEST_TAG = max(map(len, _BEGINNINGS))


def without_thoughts(content: str, asked: str = "") -> tuple[str, int]:
    """Returns the answer in what a model wrote, without thoughts and without template tokens at its ends, and how many
    characters of thought there were. A thought that was cut off leaves no answer, and so does a mere beginning of its tag.

    `asked`: the request, which may want tags of its own around the answer.
    """
    text, thought = after_channels(without_start_tokens(content))
    start, inside = _after_blocks(text)
    thought += inside
    start, inside = _after_lone_ends(text, start)
    thought += inside
    text, inside = _without_block(text[start:])
    thought += inside
    if start or text != content:
        text = without_start_tokens(text.lstrip())
    if start:
        text = _unwrapped(text, asked.casefold())
    if _begins_tag(text.strip()):
        return "", thought + len(text.strip())
    return without_end_tokens(text), thought


def _after_blocks(text: str) -> tuple[int, int]:
    """Returns where the blocks of thought that open a text end, and how many characters are in them."""
    start = thought = 0
    while opening := _OPEN.match(text, _BLANK.match(text, start).end()):
        closing = _closing(opening).search(text, opening.end())
        if closing is None:
            # the tag counts, too: an answer of one token may be nothing else
            return len(text), thought + len(text[start:].strip())
        if _is_word(opening) and (not text[closing.end() :].strip() or _ELEMENT.match(text, closing.end())):
            break
        thought += len(text[opening.end() : closing.start()].strip())
        start = closing.end()
    return start, thought


def _after_lone_ends(text: str, start: int) -> tuple[int, int]:
    """Returns where the last thought ends that has a closing tag only, and how many characters are in such thoughts."""
    code, thought, looked = None, 0, start
    for closed in _CLOSED.finditer(text, start):
        if _OPEN.search(text, looked, closed.start()):
            break
        code, looked = code or Code(text), closed.end()
        if not code.holds(closed.end() - 1):
            thought += len(text[start : closed.start()].strip())
            start = closed.end()
    return start, thought


def _without_block(text: str) -> tuple[str, int]:
    """Takes out a thought behind some first words, where its tags have lines of their own and are no part of code.

    One that does not end is counted only: nobody knows whether the first words were the answer.
    """
    block = next((found for found in _OPEN.finditer(text) if _has_line(text, found)), None)
    if (
        not block
        or text.count("```", 0, block.start()) % 2
        or (_is_word(block) and _ELEMENT.search(text[: block.start()]))
    ):
        return text, 0
    closing = next((end for end in _closing(block).finditer(text, block.end()) if text[end.start() - 1] == "\n"), None)
    if closing is None:
        return text, 0 if _is_word(block) else len(text) - block.end()
    return text[: block.start()] + text[closing.end() :].lstrip(), closing.start() - block.end()


def _unwrapped(text: str, asked: str) -> str:
    """Takes tags off that stand around a whole answer, as some models write behind their thoughts."""
    opening = _WRAPPER.match(text)
    if not opening or f"<{opening[1].casefold()}>" in asked:
        return text
    closing = f"</{opening[1]}>"
    inner, found, rest = text[opening.end() :].partition(closing)
    return text if found and without_end_tokens(rest).strip() else inner.strip()


def _closing(opening: re.Match[str]) -> re.Pattern[str]:
    return _CLOSING[opening["token"] or opening["name"].casefold()]


def _is_word(opening: re.Match[str]) -> bool:
    return opening["name"] is not None and opening["name"].casefold() in _WORDS


def _has_line(text: str, tag: re.Match[str]) -> bool:
    return (tag.start() == 0 or text[tag.start() - 1] == "\n") and text.startswith("\n", tag.end())


def _begins_tag(text: str) -> bool:
    return len(text) < _LONGEST_TAG and bool(text) and any(tag.startswith(text.casefold()) for tag in _BEGINNINGS)

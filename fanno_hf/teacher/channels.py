"""Thoughts that are announced by a name, and the answer by another: gpt-oss's channels, with or without their tokens, and Granite's words.

"analysisNo roots, so leaves.assistantfinalThey drink through their leaves."  ->  ("They drink through their leaves.", 41)
"Analysis of the poem: it has four lines."                                    ->  as it is: these are ordinary words
"""

import re

from fanno_hf.teacher.spoken import Code

_CHANNELS = re.compile(r"\s*(?:<\|start\|>assistant)?<\|channel\|>(?=\w|\s*\Z)")
_MESSAGE = r"<\|channel\|>final(?:[^<]|<\|constrain\|>){0,60}<\|message\|>"
_FINAL = re.compile(_MESSAGE)
# the template opened the first channel
_NEXT = re.compile(rf"<\|end\|>\s*(?:<\|start\|>)?assistant{_MESSAGE}")
# without their tokens the names run into the words, which no word and no name in code does
_BARE_CHANNEL = re.compile(r"\s*analysis")
_RUN_TOGETHER = re.compile(r"\s*analysis(?=[^\W\d_])(?!\w*(?:[(\[;]|\s?=|\.\w))")
_BARE_FINAL = re.compile(r"(?<![`\"'“‘ _-])assistantfinal(?!_)")
_THOUGHT = re.compile(r"\s*\**Here(?: is|['’]s) my thought process:")
_RESPONSE = re.compile(r"\**Here(?: is|['’]s) my response:\**")


def after_channels(text: str) -> tuple[str, int]:
    """Returns the answer, and how many characters stand before it; a thought that was cut off leaves no answer."""
    if _CHANNELS.match(text):
        return _behind(_last(_FINAL, text), text)
    if _BARE_CHANNEL.match(text) and ((final := _last(_BARE_FINAL, text)) or _RUN_TOGETHER.match(text)):
        return _behind(final, text)
    found = _RESPONSE.search(text) if _THOUGHT.match(text) else _NEXT.search(text)
    if found is None or Code(text).holds(found.start()) or _FINAL.search(text, 0, found.start()):
        return text, 0
    return _behind(found, text)


def _last(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    *_, last = [None, *pattern.finditer(text)]
    return last


def _behind(found: re.Match[str] | None, text: str) -> tuple[str, int]:
    return (text[found.end() :], found.end()) if found else ("", len(text))

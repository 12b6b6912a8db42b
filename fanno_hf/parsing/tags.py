"""Splits a completion that is written in tags, as <instruction>…</instruction>, into its fields.

"<instruction>Sort these.</instruction>\\n<input>b, a</input>"  ->  {"instruction": "Sort these.", "input": "b, a"}
"""

import re

from fanno_hf.parsing.labels import field_of
from fanno_hf.parsing.removed import Removed

# a form has three or four tags
_MOST_TAGS = 20
_FIELDS = ("instruction", "input", "kind")
_NAME = r"[^\W\d][\w \-]{0,20}"
_TAG = re.compile(rf"<({_NAME})>")
_TAG_OR_END = re.compile(rf"</?{_NAME}>")
# a tag around the whole
_OUTER = re.compile(rf"\s*(?:<{_NAME}>\s*(?=<))?")


def split_tags(text: str, removed: Removed) -> dict[str, str] | None:
    """Returns the fields of a completion that begins with a tag, as in <instruction>…</instruction>; None for others."""
    at = _OUTER.match(text).end()
    tag = _TAG.match(text, at)
    if not tag or field_of(tag[1]) not in _FIELDS:
        return None
    fields: dict[str, str] = {}
    for _ in range(_MOST_TAGS):
        removed.take("other", _TAG_OR_END.sub("", text[at : tag.start()]))
        field, end = field_of(tag[1]), f"</{tag[1]}>"
        close = text.find(end, tag.end())
        # a tag that is not closed holds what stands before the next one that is a field
        following = (other.start() for other in _TAG.finditer(text, tag.end()) if field_of(other[1]))
        stop = close if close >= 0 else next(following, len(text))
        value = text[tag.end() : stop].strip("\n").rstrip()
        if field in _FIELDS and field not in fields:
            fields[field] = value
        else:
            removed.take({"wish": "label", "answer": "answer", "output": "answer"}.get(field, "other"), value)
        at = stop + len(end) if close >= 0 else stop
        if not (tag := _TAG.search(text, at)):
            break
    removed.take("other", _TAG_OR_END.sub("", text[at:]))
    return fields if fields.get("instruction") else None

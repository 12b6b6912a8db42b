"""From what the teacher wrote to a response.

"**Answer:** Through their leaves."  ->  "Through their leaves."
"""

import re

from fanno_hf.parsing.labels import labels, lines_with_fences

# "Answer:", "**Answer:**", "## Answer", but no item of a list and no "The answer:"
_OWN_LABEL = re.compile(r"(?:[*_]{1,3}(?! )|#{1,6} )?(?!the |your )(?=\w)", re.IGNORECASE)
_NAME = r"[^\W\d_][\w \-]{0,30}"
_ALIKE = {
    "": re.compile(rf"{_NAME}[:：](?:\s|$)"),
    "#": re.compile(r"#{1,6} "),
    **dict.fromkeys("*_", re.compile(rf"[*_]{{1,3}}{_NAME}[:：]?[*_]{{1,3}}[:：]?(?:\s|$)")),
}


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

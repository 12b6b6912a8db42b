r"""Takes the YAML front matter off a Markdown text: what a site generator reads, and no reader of the page sees.

"---\ntitle: Moss\ntags: [plants]\n---\nMosses have no roots."  ->  "Moss", "Mosses have no roots."
"""

import re

_LONGEST = 20_000  # characters
_FRONT = re.compile(
    rf"\ufeff?---[ \t]*\r?\n(?P<lines>.{{0,{_LONGEST}}}?)^(?:---|\.\.\.)[ \t\r]*$", re.DOTALL | re.MULTILINE
)
_KEY = re.compile(r"[\w\"'][^:\n]{0,100}:(?:\s|$)")
# a key, what belongs to one (indented, an item of a list, the end of a bracket), a comment, nothing
_LINE = re.compile(rf"{_KEY.pattern}|\s|-(?:\s|$)|[]}}]|#|$")
_TITLE = re.compile(r"^title[ \t]*:[ \t]*(?P<value>.*(?:\n[ \t]+\S.*)*)", re.IGNORECASE | re.MULTILINE)
_FOLDED = re.compile(r"[>|][-+0-9]*(?=\s)")


def split_front_matter(text: str) -> tuple[str, str]:
    """Returns the title that the front matter of a text names ("" where it names none), and the text behind it.

    Front matter stands between `---` and `---` (or `...`) at the very start, has a line `key: value`, and no line that could not
    be YAML; a text without it comes back unchanged. Only `title` is read, without a YAML parser: whatever else stands there is
    dropped.
    """
    front = _FRONT.match(text)
    lines = front["lines"].splitlines() if front else []
    if not any(map(_KEY.match, lines)) or not all(map(_LINE.match, lines)):
        return "", text
    title = _TITLE.search(front["lines"])
    return _scalar(title["value"]) if title else "", text[front.end() :].lstrip("\r\n")


def _scalar(value: str) -> str:
    """Returns the text of a YAML scalar, in one line."""
    value = " ".join(_FOLDED.sub("", value, count=1).split()) if value[:1] in (">", "|") else " ".join(value.split())
    quote = value[:1]
    if quote in ("'", '"') and (end := value.rfind(quote)) > 0:
        value = value[1:end]
        return value.replace("''", "'") if quote == "'" else re.sub(r"\\([\"\\/])", r"\1", value)
    return re.sub(r"(?:^|\s)#.*$", "", value)

"""Tokens of a chat template inside a text: the teacher went on with a turn that is not its own, or lost its place.

"They drink.<|im_end|>\\n<|im_start|>user\\nThanks!"  ->  "<|im_end|>"
"Set `eos_token` to `<|im_end|>`."                    ->  None: what stands in code or between quotes is spoken of
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fanno_hf.rules.phrases import Phrases, compile_patterns

_SPOKEN_OF = re.compile(
    r"```.*?(?:```|\Z)|~~~.*?~~~|``[^\n]{1,200}?``|`[^`\n]{1,2000}`"
    r"|<(?P<code>code|pre)\b[^<>]{0,80}>(?:(?!<(?:code|pre)\b).)*?</(?P=code)>",
    re.DOTALL | re.IGNORECASE,
)
# HTML that is struck through
_STRUCK = re.compile(r"<s(?:\s[^<>]{0,80})?>((?:(?!</?s>).)*)</s>", re.DOTALL | re.IGNORECASE)
_QUOTES = {'"': '"', "'": "'", "“": "”", "‘": "’", "«": "»", "„": "“", "「": "」"}


class TemplateTokens:
    """The tokens of `rules.template_tokens`; not judged where a request is about templates (`rules.template_is_meant`)."""

    def __init__(self, config: Mapping[str, Any]):
        self._patterns = compile_patterns("rules.template_tokens", config["template_tokens"] or [])
        self._is_meant = Phrases("rules.template_is_meant", config["template_is_meant"])

    def find(self, text: str, request: str, languages: Sequence[str]) -> str | None:
        """Returns the first token in a text that belongs to a request, None where there is none or it is meant."""
        if not self._patterns or self._is_meant.search(request, languages):
            return None
        said = _STRUCK.sub(r" \1 ", _SPOKEN_OF.sub(" ", text))
        found = (match for pattern in self._patterns for match in pattern.finditer(said))
        return next((match.group() for match in found if not _is_quoted(said, *match.span())), None)


def _is_quoted(text: str, start: int, end: int) -> bool:
    return start > 0 and text[end : end + 1] == _QUOTES.get(text[start - 1])

"""Tokens of a chat template inside a text: the teacher went on with a turn that is not its own, or lost its place.

"They drink.<|im_end|>\\n<|im_start|>user\\nThanks!"  ->  "<|im_end|>"
"Set `eos_token` to `<|im_end|>`."                    ->  None: what stands in backticks or a fence is spoken of
"""

import re
from collections.abc import Mapping, Sequence
from typing import Any

from fanno_hf.rules.phrases import Phrases, compile_patterns

_SPOKEN_OF = re.compile(r"```.*?(?:```|\Z)|`[^`\n]{1,2000}`", re.DOTALL)


class TemplateTokens:
    """The tokens of `rules.template_tokens`; not judged where a request is about templates (`rules.template_is_meant`)."""

    def __init__(self, config: Mapping[str, Any]):
        self._patterns = compile_patterns("rules.template_tokens", config["template_tokens"] or [])
        self._is_meant = Phrases("rules.template_is_meant", config["template_is_meant"])

    def find(self, text: str, request: str, languages: Sequence[str]) -> str | None:
        """Returns the first token in a text that belongs to a request, None where there is none or it is meant."""
        if not self._patterns or self._is_meant.search(request, languages):
            return None
        said = _SPOKEN_OF.sub(" ", text)
        return next((match.group() for pattern in self._patterns if (match := pattern.search(said))), None)

"""What a message says and what its model thought first, wherever a server puts either.

{"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "No roots."}]}, {"type": "text", "text": "Yes"}]}
    ->  "Yes", and the thought "No roots."
"""

from typing import Any

THOUGHT_FIELDS = ("reasoning_content", "reasoning", "thinking", "reasoning_details", "thinking_blocks")
"""Where servers put thoughts, beside the content of a message."""
_SAID = (
    None,
    "text",
    "output_text",
)  # types of the parts that are the answer; whatever else has words is no part of it
_WORDS = ("text", "thinking", "reasoning", "content", "summary")  # keys that hold the words of a thought
_DEEPEST = 5  # lists and objects inside one another


def content_of(content: Any) -> tuple[Any, str]:
    """Returns the content of a message, a list of parts joined, and the thoughts among the parts; other values as they are.

    >>> content_of([{"type": "reasoning", "text": "Hm."}, {"type": "text", "text": "Yes"}])
    ('Yes', 'Hm.')
    """
    if not isinstance(content, list):
        return content, ""
    parts = [part for part in content if isinstance(part, dict)]
    said = (part.get("text") for part in parts if part.get("type") in _SAID)
    thought = (_words(part) for part in parts if part.get("type") not in _SAID)
    return "".join(text for text in said if isinstance(text, str)), "".join(thought)


def thoughts_beside(message: Any) -> str:
    """Returns the thoughts that stand beside the content: the longest, where a server says them under several names."""
    fields = message if isinstance(message, dict) else {}
    return max((_words(fields.get(name)) for name in THOUGHT_FIELDS), key=len)


def _words(value: Any, depth: int = 0) -> str:
    """The words of a thought, which may be text, a list of parts, or an object with one of the known keys."""
    if isinstance(value, str):
        return value
    if depth == _DEEPEST:
        return ""
    if isinstance(value, list):
        return "".join(_words(part, depth + 1) for part in value)
    found = (_words(value.get(name), depth + 1) for name in _WORDS) if isinstance(value, dict) else ()
    return next((words for words in found if words), "")

"""A teacher that is never at fault: writes what strong models write, in all their forms, and finds nothing to object to.

    StrongTeacher()(request for an instruction)  ->  "Here is one that fits:\\n\\n**Instruction:** Sort these …"

Which of its completions belongs to a request follows from the order in which new requests come in.
"""

import itertools
import json
import threading
from pathlib import Path

from fanno_hf.teacher.base import Completion, Request

SUBJECTS = (
    "moss",
    "chess",
    "bread",
    "tides",
    "soup",
    "clocks",
    "violins",
    "heaps",
    "bridges",
    "peat",
    "bees",
    "ferries",
)
"""What documents for its tests are about: unlike each other, so that none repeats another."""

COMPLETIONS = [
    json.loads(line)
    for line in (Path(__file__).parents[1] / "data" / "strong_completions.jsonl").read_text("utf-8").splitlines()
]
RESPONSES = (
    "Yes.",
    "D",
    "42",
    "| city | founded |\n|---|---:|\n| Lübeck | 1143 |\n| Riga | 1201 |",
    "1. Rinse the pan.\n2. Dry it on the stove.\n3. Rub in a little oil while it is warm.",
    "```python\ndef mean(values):\n    return sum(values) / len(values)\n```\nThe name in the last line was wrong.",
    "I can't help but smile when rain\ntaps softly on my window pane.",
    "Dear Ms Okafor,\n\nI am sorry for the late reply. The room is free on Friday, and I have kept it for you.\n\nYours,\nLena",
    "Die Rochade ist ein Zug mit König und Turm. Der König geht zwei Felder auf den Turm zu, der Turm springt über ihn.",
    "王车易位是国王和车同时移动的一步棋。",
    '{"name": "Riga", "year": 1201}',
    "The area is $\\pi r^2$, so with $r = 3$ it is about 28.3 square metres.",
)


class StrongTeacher:
    """What a `ChatServer` writes; callable from several threads."""

    def __init__(self):
        self._lock = threading.Lock()
        self._instructions, self._responses = itertools.cycle(COMPLETIONS), itertools.cycle(RESPONSES)

    def __call__(self, request: Request) -> Completion:
        """Answers verdicts with "no", requests for instructions and all others with the next text of its own."""
        prompt = request.messages[-1]["content"]
        if request.top_logprobs and request.max_tokens == 1:
            return Completion("No", "length", 100, 1, [("No", -0.05), ("Yes", -3.0)])
        if request.top_logprobs:
            count = request.max_tokens // 16
            lines = "\n".join(f"{number}. No" for number in range(1, count + 1))
            return Completion(lines, "stop", 100, 4 * count, answers=[[("No", -0.05), ("Yes", -3.0)]] * count)
        with self._lock:
            text = next(self._instructions)["completion"] if "Kind of task: " in prompt else next(self._responses)
        return Completion(text, "stop", len(prompt) // 4, len(text) // 4)

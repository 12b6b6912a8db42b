"""How an instruction is put to the teacher for its answer; shared by respond and by augment's reward.

Where both ask the same, the journal answers the second.
"""

from collections.abc import Generator, Mapping, Sequence
from typing import Any

from fanno_hf.instructing.prompts import Prompt
from fanno_hf.steps.asking import Sampling
from fanno_hf.steps.context import Context
from fanno_hf.teacher.base import Completion, Request


def response_prompt(config: Mapping[str, Any], grounded: bool) -> Prompt:
    """Returns the prompt that puts an instruction to the teacher, alone or with passages.

    Args:
        config: key `prompts`; what run.json keeps of a stage is enough.
        grounded: whether there are passages.
    """
    name = "grounded" if grounded else "direct"
    return Prompt(f"prompts.respond.{name}", config["prompts"]["respond"][name])


class Answering:
    """Renders requests for responses, directly or grounded in passages.

    Args:
        context: configuration `stages.respond` and `prompts.respond`.
    """

    def __init__(self, context: Context):
        config = context.config["stages"]["respond"]
        self._direct, self._grounded = (response_prompt(context.config, grounded) for grounded in (False, True))
        self._sampling = Sampling.from_config(config, context.random_seed)
        self._retry_max_tokens = config["retry_max_tokens"]

    def request(self, row: Mapping[str, Any], passages: Sequence[str] = (), max_tokens: int | None = None) -> Request:
        """Returns the request for a row's answer; with passages it is grounded in them.

        Args:
            row: columns instruction_id, instruction, input.
            max_tokens: more than the configured ones, to try a truncated answer again.
        """
        prompt, variables = self._direct, {"instruction": row["instruction"], "input": row["input"]}
        if passages:
            prompt, variables = self._grounded, {**variables, "passages": list(passages)}
        return self._sampling.request(prompt, variables, "respond", row["instruction_id"], max_tokens=max_tokens)

    def ask(self, row: Mapping[str, Any], passages: Sequence[str]) -> Generator[Request, Completion, Completion]:
        """Asks for the answer, and once more with `retry_max_tokens` where it was cut off; a part of a dialogue."""
        answer = yield self.request(row, passages)
        if answer.error is None and answer.finish_reason == "length" and self._retry_max_tokens:
            answer = yield self.request(row, passages, self._retry_max_tokens)
        return answer

    def digest(self, grounded: bool) -> str:
        """Returns the digest of the prompt in use, for the lineage."""
        return (self._grounded if grounded else self._direct).digest

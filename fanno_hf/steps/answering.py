"""How an instruction is put to the teacher for its answer; shared by respond and by augment's reward.

Where both ask the same, the journal answers the second.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from fanno_hf.instructing.prompts import Prompt
from fanno_hf.settings import Prompts, Settings
from fanno_hf.steps.asking import Sampler
from fanno_hf.teacher.base import Ask, Completion, Request


def response_prompt(prompts: Prompts, *, grounded: bool) -> Prompt:
    """Returns the prompt that puts an instruction to the teacher."""
    name = "grounded" if grounded else "direct"
    return Prompt(f"prompts.respond.{name}", getattr(prompts.respond, name))


def answer_variables(row: Mapping[str, Any]) -> dict[str, str]:
    """Returns the variables of the templates `prompts.respond.*`, besides the passages; `title` and `heading` are those of the
    document that the instruction was made from."""
    described = {name: row.get(name) or "" for name in ("title", "heading")}
    return {"instruction": row["instruction"], "input": row["input"], **described}


class Answering:
    """Renders requests for responses, directly or grounded in passages."""

    def __init__(self, settings: Settings):
        self._direct = response_prompt(settings.prompts, grounded=False)
        self._grounded = response_prompt(settings.prompts, grounded=True)
        self._sampler = Sampler(settings.respond, settings.random_seed)
        self._retry_max_tokens = settings.respond.retry_max_tokens

    def request(self, row: Mapping[str, Any], passages: Sequence[str] = (), max_tokens: int | None = None) -> Request:
        """Returns the request for a row's answer, grounded in passages where there are any; a truncated answer is tried
        again with more than the configured `max_tokens`."""
        prompt, variables = self._direct, answer_variables(row)
        if passages:
            prompt, variables = self._grounded, {**variables, "passages": list(passages)}
        return self._sampler.request(prompt, variables, "respond", row["instruction_id"], max_tokens=max_tokens)

    async def answer(self, row: Mapping[str, Any], ask: Ask) -> Completion:
        """Asks for the answer to a row, and once more with `retry_max_tokens` where it was cut off."""
        answer = await ask(self.request(row, row["passages"]))
        is_cut = answer.error is None and answer.finish_reason == "length" and not answer.is_full
        if is_cut and self._retry_max_tokens:
            answer = await ask(self.request(row, row["passages"], self._retry_max_tokens))
        return answer

    def digest(self, *, grounded: bool) -> str:
        """Returns the digest of the prompt in use, for the lineage."""
        return (self._grounded if grounded else self._direct).digest

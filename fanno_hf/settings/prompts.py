"""What the teacher is asked, and the questions for verdicts."""

from typing import Any, Literal

from fanno_hf.settings.types import Group, Text


class AskPrompt(Group):
    instruction: str
    demonstrations: list[dict[str, Any]]


class VerdictPrompt(Group):
    verdict: str
    questions: dict[str, str]


class InstructionPrompt(VerdictPrompt):
    quality: str | None = None  # asked for the reward of this name; here yes means: good


class RespondPrompt(VerdictPrompt):
    verdict: str = ""
    questions: dict[str, str] = {}
    direct: str
    grounded: str


class Prompts(Group):
    """Every prompt; run.json keeps those that a stage used, and the others are None there."""

    language: Text = "document"
    verdicts: Literal["together", "separate"] = "separate"
    harder: bool = False
    prescreen: VerdictPrompt | None = None
    seed: AskPrompt | None = None
    augment: AskPrompt | None = None
    instruction: InstructionPrompt | None = None
    respond: RespondPrompt | None = None

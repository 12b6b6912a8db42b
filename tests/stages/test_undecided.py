"""Every stage stops where its teacher says neither yes nor no to most rows."""

import pytest

from fanno_hf.errors import FannoError
from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import prescreen
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import seed
from fanno_hf.teacher.base import Completion
from tests.conftest import DOCUMENTS, raw_documents


def write(prompt: str) -> str:
    """An instruction of its own for each prompt."""
    subject = next(word for word in prompt.split("Text:")[-1].split() if len(word) > 4)
    return f"Explain {subject} number {sum(map(ord, prompt)) % 997} to a child, and why it matters to people at sea?"


LOOSE = ["stages.seed.near_repeat_threshold=null", "stages.seed.min_relevance=null"]
LOOSE += ["stages.augment.near_repeat_threshold=null", "stages.augment.min_relevance=null"]
LOOSE += ["stages.augment.target_size=12", "stages.augment.counterexamples=0"]
RESPOND = [f"stages.respond.verdicts.{name}=0.5" for name in ("misses_condition", "contains_error")]


def documents(context):
    return prescreen(raw_documents(*DOCUMENTS), context).kept


def seeds(context):
    return seed(documents(context), context).kept


DO = {
    "prescreen": documents,
    "seed": seeds,
    "augment": lambda context: augment(documents(context), seeds(context), context),
    "respond": lambda context: respond(documents(context), seeds(context), context),
}


@pytest.mark.parametrize("stage", list(DO))
def test_every_stage_stops(make_context, stage):
    context, _ = make_context(
        write,
        verdict=lambda prompt: "<think>Let me see",
        overrides=[*LOOSE, *RESPOND, f"stages.{stage}.undecided_limit=0.5"],
    )
    with pytest.raises(FannoError, match=f"^{stage}: the verdict .* stages.{stage}.undecided_limit=1;"):
        DO[stage](context)


def test_a_request_without_an_answer_is_not_undecided(make_context):
    failed = Completion(error=("teacher_failed", "503: busy"))
    context, backend = make_context(overrides=["stages.prescreen.undecided_limit=0.0"])
    backend.complete = lambda request, urgent=False: _answer(failed if "Tides" in str(request.messages) else None)
    assert "teacher_failed" in prescreen(raw_documents(*DOCUMENTS), context).rejected["reason"]


async def _answer(completion: Completion | None) -> Completion:
    return completion or Completion("No", "length", 10, 1)

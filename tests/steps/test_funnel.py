"""A stage that keeps no row says why, and whose fault it was."""

import pytest
from datasets import Dataset

from fanno_hf.errors import StageEmpty
from fanno_hf.steps.funnel import Funnel

REFUSED = ("teacher_refused", "400: this model has no chat template.")
SHORT = ("too_short", "2 words < 3")


def emptied(*reasons, phase: str = "ask") -> str:
    """The message of a stage whose rows all left for these reasons."""
    funnel = Funnel("seed", {"text": "string"})
    rows = funnel.drop(Dataset.from_dict({"text": ["moss"] * len(reasons)}), list(reasons), phase)
    with pytest.raises(StageEmpty) as caught:
        funnel.require_rows(rows, "Relax the rules.")
    return str(caught.value)


def test_the_reasons_are_counted_with_an_advice():
    advice = "2 of 2 are too_short: lower rules.min_words. Relax the rules."
    assert emptied(SHORT, SHORT) == f"The stage seed kept no row (too_short 2). {advice}"


def test_a_verdict_names_its_threshold():
    assert "1 of 1 are unsafe: raise stages.seed.verdicts.unsafe, or set it to null." in emptied(
        ("unsafe", "probability 0.900 >= 0.5"), phase="verdicts"
    )


def test_a_reason_that_no_key_relaxes_leaves_the_advice_alone():
    assert emptied(("surprise", "?")) == "The stage seed kept no row (surprise 1). Relax the rules."


def test_rows_without_an_answer_are_the_teachers_fault_in_its_own_words():
    assert emptied(REFUSED, SHORT, REFUSED) == (
        "The stage seed kept no row (teacher_refused 2, too_short 1). The teacher's last words: 400: this model has no "
        "chat template. stage=doctor shows more."
    )


def test_refused_and_failed_rows_count_together():
    said = emptied(REFUSED, SHORT, SHORT, ("teacher_failed", "given up after 7 tries; last: 503: busy"))
    assert said.endswith("The teacher's last words: given up after 7 tries; last: 503: busy. stage=doctor shows more.")


def test_a_few_rows_without_an_answer_do_not_hide_the_advice():
    assert "Relax the rules. The teacher's last words: 400" in emptied(REFUSED, SHORT, SHORT)

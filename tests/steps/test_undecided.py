import pytest

from fanno_hf.errors import FannoError
from fanno_hf.steps.undecided import Undecided

THINKS = "<think>Let me see whether"


def counted(tally: Undecided, decided: int, undecided: int) -> None:
    """Counts first the decided rows, then the others."""
    for probability in (*[0.5] * decided, *[None] * undecided):
        tally.count([{"name": "unsafe", "probability": probability}], THINKS)


def test_the_message_names_verdict_share_words_and_what_to_set():
    with pytest.raises(FannoError) as caught:
        counted(Undecided("seed", 0.5), 0, 16)
    said = str(caught.value)
    assert said.startswith(
        "seed: the verdict unsafe is neither yes nor no for 16 of 16 rows, a share of 1.00 "
        f"(stages.seed.undecided_limit=0.5). The teacher's last words: {THINKS!r}."
    )
    for words in ("prompts.verdicts=separate", "teacher.thinking=off", "judge=", "stages.seed.undecided_limit=1;"):
        assert words in said


def test_fewer_than_sixteen_rows_stop_nothing_while_more_may_come():
    counted(Undecided("seed", 0.5), 0, 15)


def test_a_share_at_the_limit_is_none_above_it():
    tally = Undecided("seed", 0.5)
    counted(tally, 10, 10)
    tally.check()


def test_a_limit_of_one_goes_on():
    tally = Undecided("seed", 1.0)
    counted(tally, 0, 40)
    tally.check()


@pytest.mark.parametrize(("rows", "stops"), [(3, False), (4, True)])
def test_at_the_end_of_a_phase_a_few_rows_are_enough(rows, stops):
    tally = Undecided("seed", 0.5)
    counted(tally, 0, rows)
    try:
        tally.check()
    except FannoError:
        assert stops
    else:
        assert not stops


def test_each_question_is_counted_for_itself():
    tally = Undecided("seed", 0.5)
    for _ in range(20):
        tally.count([{"name": "unsafe", "probability": 0.1}, {"name": "no_request", "probability": 0.1}], "no")
    with pytest.raises(FannoError, match="the verdict no_request is neither yes nor no for 21 of 41 rows"):
        for _ in range(50):
            tally.count([{"name": "no_request", "probability": None}], THINKS)

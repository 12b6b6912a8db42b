"""An offer or an explanation behind an instruction comes off; a task's own last words stay."""

from tests.parsing.cases import assert_meant, cases, unchanged


@cases(
    ("How do mosses drink?\n\nThis question is about biology.", "How do mosses drink?"),
    ("How do mosses drink?\n---\nI hope this helps!", "How do mosses drink?"),
    ("Name a knot.\n\n(No input is required for this request.)", "Name a knot."),
    ("Name a knot.\n\nNote: the assistant does not see the passage.", "Name a knot."),
    ("Task: Name it.\nInput: rope\n\nLet me know if you'd like another task!", "Name it.", "rope"),
    ("Task: Mend it.\nInput: Dear all,\n\nI hope this helps!", "Mend it.", "Dear all,\n\nI hope this helps!"),
)
def test_ending_comes_off(case):
    assert_meant(*case)


@unchanged(
    'Proofread: "Me knots"\n\nLet me know if it is fine.',
    "Write a program that prints primes.\n\nNo input is needed.",
    "Explain it.\n\nThis question tests x:\n\n```\nx = 1\n```",
)
def test_last_words_of_a_task_stay(case):
    assert_meant(*case)

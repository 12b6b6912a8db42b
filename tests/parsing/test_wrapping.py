"""What encloses the whole comes off; quotes, emphasis and lists inside a task stay."""

from tests.parsing.cases import assert_meant, cases, unchanged


@cases(
    ('"How do mosses drink?"', "How do mosses drink?"),
    ("„Wie trinken Moose?“", "Wie trinken Moose?"),
    ('"Correct the phrase "me knots" in a letter."', 'Correct the phrase "me knots" in a letter.'),
    ("3) Compare moss and fern.", "Compare moss and fern."),
    ("**1.** Compare moss and fern.", "Compare moss and fern."),
    ("**1. Compare moss and fern.**", "Compare moss and fern."),
    ("- Compare moss and fern.", "Compare moss and fern."),
    ("> Compare moss and fern.", "Compare moss and fern."),
    ("> **Instruction:** Name a knot.\n>\n> **Input:** rope", "Name a knot.", "rope"),
    ("## Compare moss and fern.", "Compare moss and fern."),
    ("---\n\nCompare moss and fern.\n\n---", "Compare moss and fern."),
    ("```\nInstruction: Name a knot.\nInput: rope\n```", "Name a knot.", "rope"),
    ("```markdown\n## Task\nName a knot.\n```", "Name a knot."),
    ("What is the answer to the question: How do mosses drink?", "How do mosses drink?"),
    ('What is the answer to the question "How do mosses drink?"', "How do mosses drink?"),
    ("  How do\nmosses drink? ", "How do\nmosses drink?"),
)
def test_wrapping_comes_off(case):
    assert_meant(*case)


@unchanged(
    '"Moss" and "fern"',
    "What is 2**10? Give the **result**",
    "**Write a poem** about a mill.\n\n**Do not** rhyme.",
    "* What is a mill?\n* Who is a *miller*",
    "1. What is a mill?\n2. Who is a miller?",
    "## The knot fair\n\nWrite its poster.",
    "```python\nprint(1)\n```",
    "Write a poem about this list:\n\n1. mill\n2. fire\n\n---\n\nKeep it short.",
)
def test_what_belongs_to_a_task_stays(case):
    assert_meant(*case)

"""A completion in tags is split at them."""

from tests.parsing.cases import assert_meant, cases, unchanged


@cases(
    ("<task>Name a knot.</task>", "Name a knot."),
    ("<response>\n<instruction>Name a knot.</instruction>\n<input></input>\n</response>", "Name a knot."),
    (
        '<instruction>Mend the form.</instruction>\n<input><input type="text"></input>',
        "Mend the form.",
        '<input type="text">',
    ),
    ("<task_type>name</task_type><instruction>Name a knot.</instruction>", "Name a knot.", "", "name"),
    ("<instruction>Name a knot.\n<input>rope", "Name a knot.", "rope"),
    ("<instruction>Name a knot.</instruction>\n<output>The bowline.</output>", "Name a knot."),
)
def test_tags_come_off(case):
    assert_meant(*case)


@unchanged("<b>Name</b> a knot.", "Name the tag: <input>rope</input>")
def test_other_tags_stay(case):
    assert_meant(*case)

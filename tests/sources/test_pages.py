"""From the lines of printed pages to a text, without a PDF."""

import pytest

from fanno_hf.sources.pages.columns import gutter, in_order
from fanno_hf.sources.pages.line import Line
from fanno_hf.sources.pages.running import without_running
from fanno_hf.sources.pages.text import PageText
from fanno_hf.sources.pages.words import join, without_leader, without_ligatures

FULL = "Mosses have no roots, and they drink with their leaves, as long as"


def page(*lines: str | Line, top: float = 700.0) -> list[Line]:
    """A page with a column of lines, each of its length times five points."""
    return [
        line if isinstance(line, Line) else Line(line, 50, 50 + 5 * len(line), top - 12 * number)
        for number, line in enumerate(lines)
    ]


def text_of(*pages: list[Line]) -> str:
    """The text of pages."""
    whole = PageText()
    whole.add(pages)
    return whole.text()[0]


def test_running_lines_go():
    pages = [
        [Line(f"Mosses {n}", 50, 90, 800), Line(f"text of page {word}", 50, 120, 700), Line(f"- {n} -", 50, 60, 30)]
        for n, word in ((1, "one"), (2, "two"), (3, "three"))
    ]
    pages[1][0].text = "Another chapter 2"  # where the others have their heads
    assert [[line.text for line in page] for page in without_running(pages)] == [
        ["text of page one"],
        ["text of page two"],
        ["text of page three"],
    ]


def test_what_is_all_there_is_is_no_running_line():
    assert text_of(page("The same."), page("The same.")) == "The same.\n\nThe same."


def test_lines_are_joined_to_paragraphs():
    lines = [
        FULL,
        f"{FULL[:60]} nothing",
        "is dry.",
        "Ferns have roots, and they are larger than all of the mosses are",
        "here.",
    ]
    assert text_of(page(*lines)) == (
        f"{FULL} {FULL[:60]} nothing is dry.\n\nFerns have roots, and they are larger than all of the mosses are here."
    )


def test_a_paragraph_goes_on_on_the_next_page_whose_place_is_within_it():
    whole = PageText()
    whole.add([page(FULL), page("it rains.")])
    text, places = whole.text()
    assert text == f"{FULL} it rains."
    assert places == ((0, "page 1"), (len(FULL) + 1, "page 2"))


def test_places_are_counted_on_over_parts_and_empty_pages():
    whole = PageText()
    whole.add([page("One."), []])
    whole.add([page("Three.")])
    assert whole.text() == ("One.\n\nThree.", ((0, "page 1"), (6, "page 3")))


def test_headings_items_and_code():
    lines = page(
        "2.1 Moss", "It is green and small, and it grows where nothing else does at all.", "• one", "• two", top=700
    )
    lines[0].size = 14
    code = [Line(text, 50 + 6 * indent, 50 + 6 * (indent + len(text)), 600 - 12 * n, is_code=True)
            for n, (indent, text) in enumerate([(0, "def grow():"), (4, "return 1")])]  # fmt: skip
    assert text_of([*lines, *code]) == (
        "## 2.1 Moss\n\nIt is green and small, and it grows where nothing else does at all.\n\n"
        "- one\n- two\n\n```\ndef grow():\n    return 1\n```"
    )


def test_an_item_goes_on_below_its_words():
    lines = page(f"1. {FULL}", "it rains.", "2. Ferns are not so.")
    lines[1].left += 15
    assert text_of(lines) == f"1. {FULL} it rains.\n2. Ferns are not so."


@pytest.mark.parametrize(
    ("first", "second", "words", "joined"),
    [
        ("a depen-", "dent moss", {"dependent"}, "a dependent moss"),
        ("a depen\u00ad", "dent moss", set(), "a dependent moss"),
        ("a well-", "known moss", {"well-known"}, "a well-known moss"),
        ("a command-", "line", {"command", "line"}, "a command-line"),
        ("Anglo-", "Saxon", set(), "Anglo-Saxon"),
        ("the self-", "contained moss", set(), "the self-contained moss"),
        ("by e-", "mail", set(), "by e-mail"),
        ("page 12-", "14", set(), "page 12-14"),
        ("see https://example.org/", "moss", set(), "see https://example.org/moss"),
        ("at the end.", "Then", set(), "at the end. Then"),
    ],
)
def test_lines_are_joined_at_hyphens(first, second, words, joined):
    assert join(first, second, words) == joined


def test_ligatures_and_leaders():
    assert without_ligatures("e\ufb03cient \ufb02ow x\u00b2 \u2167") == "efficient flow x\u00b2 \u2167"
    assert without_leader("1.1 Moss . . . . . . . . 12") == "1.1 Moss"
    assert without_leader("Contents........iv") == "Contents"
    assert without_leader("and so on ... and on") == "and so on ... and on"


def test_two_columns_are_read_one_after_the_other():
    left = [Line(f"left {n} of the column", 50, 240, 700 - 12 * n) for n in range(6)]
    right = [Line(f"right {n} of the column", 260, 450, 700 - 12 * n) for n in range(6)]
    title = Line("A title across both of the columns", 100, 400, 730)
    mixed = [title, *(line for pair in zip(left, right, strict=True) for line in pair)]
    assert in_order(mixed, [250]) == [title, *left, *right]


def test_three_columns_are_read_one_after_the_other():
    columns = [
        [Line(f"line {n} of column {k}", 50 + 150 * k, 190 + 150 * k, 700 - 12 * n) for n in range(6)]
        for k in range(3)
    ]
    mixed = [line for row in zip(*columns, strict=True) for line in row]
    assert in_order(mixed, [195, 345]) == [line for column in columns for line in column]


def test_a_table_of_two_columns_is_no_text_in_columns():
    rows = [Line(("a", "bb", "ccc")[n % 3], 50, 60 + 20 * (n % 3), 700 - 12 * n) for n in range(6)]
    meanings = [Line("what it means, at some length", 260, 450, 700 - 12 * n) for n in range(6)]
    mixed = [line for pair in zip(rows, meanings, strict=True) for line in pair]
    rows[0].right = 240
    assert in_order(mixed, [250]) == mixed


def test_the_space_between_columns_is_where_all_lines_have_one():
    assert gutter([(240, 260), (235, 261), (230, 260), (100, 130)], size=10, width=400) == 250
    assert gutter([(240, 243), (250, 253), (230, 233)], size=10, width=400) is None
    assert gutter([(140, 160), (240, 260), (340, 360)], size=10, width=400) is None

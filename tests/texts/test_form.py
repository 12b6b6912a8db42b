"""What counts as a sentence, a question, a list, a table, code or one word, and what looks alike and does not."""

import time

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.texts import form
from tests.conftest import compose_config

MANY = 100_000


@pytest.fixture(scope="module")
def patterns():
    return compile_patterns("report.code", resolve(compose_config()).report.code)


@pytest.mark.parametrize(
    ("text", "count"),
    [
        ("", 0),
        ("Name three mosses", 1),
        ("Name three mosses, e.g. peat moss, and say where they grow.", 1),
        ("Compare Dr. Smith's map with that of J. Brown.", 1),
        ("Give the ratio of 3.5 kg to no. 5, etc. and round it.", 1),
        ("Erkläre, z. B. für Kinder, wie Moose trinken.", 1),
        ("“Why?” she asked when the wall turned green.", 1),
        ("「行く。」と言った。", 1),
        ("List the columns as CSV. Keep the order.", 2),
        ("They sold 48. How many are left?", 2),
        ("my moss died. what do i do", 2),
        ("Мох сухой. Что делать?", 2),
        ("苔は緑。根はない。", 2),
        ("Sort these by height:\n- oak\n- elm", 3),
    ],
)
def test_sentences_are_counted(text, count):
    assert len(form.sentences(text)) == count


@pytest.mark.parametrize(
    ("text", "asks"),
    [
        ("How do mosses drink?", True),
        ("How do mosses drink? Explain it to a child.", True),
        ("**How do mosses drink?**", True),
        ("苔はどう水を飲みますか。", True),
        ("كيف يشرب الطحلب؟", True),
        ("Explain how mosses drink.", False),
        ("Translate “How do mosses drink?” into French.", False),
        ("Shorten http://example.org/?q=moss for a poster.", False),
    ],
)
def test_a_question_has_a_question_mark_outside_of_quotations(text, asks):
    assert form.is_question(text) == asks


@pytest.mark.parametrize(
    ("text", "count"), [("", 0), ("\n\n", 0), ("One.\nStill one.", 1), ("One.\n\nTwo.\n \n\nThree.\n", 3)]
)
def test_empty_lines_separate_paragraphs(text, count):
    assert form.paragraphs(text) == count


@pytest.mark.parametrize(
    ("text", "listed"),
    [
        ("Trees:\n- oak\n- elm", True),
        ("1. oak\n2. elm", True),
        ("**1. Oak**\nTall.\n\n**2. Elm**\nTaller.", True),
        ("(a) oak\n(b) elm", True),
        ("１、樫\n２、楡", True),
        ("① 樫\n② 楡", True),
        ("- only one", False),
        ("1.5 kg\n2.5 kg", False),
        ("-5\n-7", False),
        ("**Oak** is tall.\n**Elm** is taller.", False),
    ],
)
def test_a_list_has_two_items_or_more(text, listed):
    assert form.has_list(text) == listed


@pytest.mark.parametrize(
    ("text", "tabular"),
    [
        ("| tree | height |\n|------|:-----:|\n| oak | 40 |", True),
        ("tree | height\n--- | ---\noak | 40", True),
        ("| oak | 40 |\n| elm | 35 |", True),
        ("tree\theight\noak\t40", True),
        ("|x| is small.\n|y| is not.", False),
        ("a || b\nc", False),
        ("\tindented\n\ttwice", False),
        ("One.\n---\nTwo.", False),
    ],
)
def test_a_table_has_columns_in_two_lines(text, tabular):
    assert form.has_table(text) == tabular


@pytest.mark.parametrize(
    ("text", "single"),
    [
        *(
            (text, True)
            for text in ("Yes", "**Positive**.", "well-known", "3.5", "東京", "ニュートラル", "aujourd’hui")
        ),
        *((text, False) for text in ("", "...", "Not sure", "苔には根がありませんので葉から水を飲みます", "行く。")),
    ],
)
def test_one_word(text, single):
    assert form.is_one_word(text) == single


def test_one_line_has_no_break():
    assert [form.is_one_line(text) for text in ("", " Oak. Elm. ", "Oak.\nElm.")] == [False, True, False]


@pytest.mark.parametrize(
    ("text", "coded"),
    [
        ("Mend this:\n\n```\nls\n```", True),
        ("What does `max_size` bound?", True),
        ("What does `ls -l` show?", True),
        ("def mean(xs):\n    return sum(xs)", True),
        ("import json\n", True),
        ("for row in rows:\n    total += row", True),
        ("int main() {\n  return 0;\n}", True),
        ("total += 1;", True),
        ('console.log("moss")', True),
        ('Mend {"name": "moss",}', True),
        ('<a href="x.html">', True),
        ("SELECT name\nFROM mosses", True),
        ("Why is =SUM(A1:A9) zero?", True),
        ("Select three mosses from the list.", False),
        ("What does `gzip` do, and what `tar`?", False),
        ("Name(s) of the plant (moss):\n- oak;\n- elm (tall);", False),
        ("f(x) = 2(x + 1), so f(3) = 8", False),
        ("Dear <your name>, class starts at 8.", False),
        ("For lunch: bread; for dinner: soup", False),
        ("import taxes rose, from 3 to 5 %", False),
    ],
)
def test_code_is_what_the_configured_patterns_find(patterns, text, coded):
    assert any(pattern.search(text) for pattern in patterns) == coded


HOSTILE = [
    part * (MANY // len(part)) for part in (*".-|`([{<=;\"'*1か。\n \t", ". ", "a.", "|-", "- \n", "`a", "a(", "<a ")
]
HOSTILE += [
    part * (MANY // len(part)) for part in ("a =", "{ ", '{"', "if:\n", "SELECT ", "a {", "a\t\n", "$ ", "`a -", "（1")
]


@pytest.mark.parametrize("text", HOSTILE, ids=lambda text: repr(text[:7]))
def test_hostile_texts_take_no_time(patterns, text):
    start = time.perf_counter()
    for look in (form.is_question, form.paragraphs, form.has_list, form.has_table, form.is_one_word, form.is_one_line):
        look(text)
    assert [bool(pattern.search(text)) for pattern in patterns]
    assert time.perf_counter() - start < 5

"""A large text is parted where something new begins."""

import pytest

from fanno_hf.texts import sections
from fanno_hf.texts.sections import Section, find_sections

SENTENCE = "Mosses have no roots and drink through their leaves."


@pytest.fixture(autouse=True)
def _small(monkeypatch):
    monkeypatch.setattr(sections, "SIZE", 1000)
    monkeypatch.setattr(sections, "_WINDOWS", 1)


def parts(text: str) -> list[str]:
    found = find_sections(text, max_tokens=10)
    bounds = [*(section.start for section in found), len(text)]
    assert bounds[0] == 0
    return [text[begin:end] for begin, end in zip(bounds, bounds[1:], strict=False)]


def paragraphs(count: int) -> str:
    return "\n\n".join(f"{number}. {SENTENCE} {SENTENCE}" for number in range(count))


def test_a_text_that_is_not_much_larger_is_one_section():
    text = paragraphs(13)
    assert 1000 < len(text) <= 1500
    assert find_sections(text, 10) == [Section(0, "")]


def test_sections_begin_with_paragraphs_and_are_about_as_large():
    text = paragraphs(100)
    found = parts(text)
    assert "".join(found) == text and len(found) == 10
    assert (
        all(part[0].isdigit() and 1000 <= len(part) <= 1500 for part in found[:-1]) and 500 <= len(found[-1]) <= 1500
    )


def test_a_heading_that_is_near_begins_a_section_and_names_those_behind_it():
    text = "\n\n".join([paragraphs(10), "# Moss", "## At the wall", paragraphs(16)])
    assert [(text[start:][:15], heading) for start, heading in find_sections(text, 10)][1:] == [
        ("# Moss\n\n## At t", ""),
        ("9. Mosses have ", "At the wall"),
    ]


@pytest.mark.parametrize(
    ("opening", "row", "closing"),
    [("```", "print(1)\n", "```"), ("| a | b |\n|---|---|", "| 1 | 2 |", ""), ("~~~", SENTENCE + "\n", "~~~")],
    ids=["code", "table", "text between marks"],
)
def test_tables_and_fences_stay_whole(opening, row, closing):
    block = "\n".join([opening, *[row] * 300, closing]).strip()
    found = parts("\n\n".join([paragraphs(8), block, paragraphs(30)]))
    assert sum(block in part for part in found) == 1 and len(found) > 2


@pytest.mark.parametrize("end", ["\n", "\r\n"])
def test_lines_do_where_there_are_no_paragraphs(end):
    found = parts(end.join([SENTENCE] * 100))
    assert len(found) > 3 and all(part.startswith("Mosses") for part in found)


def test_nothing_parts_a_text_of_one_line():
    assert find_sections(" ".join([SENTENCE] * 100), 10) == [Section(0, "")]


def test_sections_have_room_for_several_passages_however_long_these_are():
    assert len(find_sections(paragraphs(100), max_tokens=1000)) == 1


def test_many_headings_without_text_are_parted_in_time_that_grows_with_them():
    text = "# a\n" * 20_000
    assert "".join(parts(text)) == text

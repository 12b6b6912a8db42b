"""Cutting a document with headings, fences and tables: what belongs together stays so, and nothing is lost."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import TextSplitter

from fanno_hf.texts.blocks import find_blocks
from fanno_hf.texts.segment import split_passages
from tests.texts.test_segment import COUNTERS, MOSS, pieces, solid

WORDS = COUNTERS["words"]
ROOTS, DRY = MOSS.split("\n\n")
TABLE = "| moss | mm |\n|---|---|\n" + "\n".join(f"| moss {row} | {row} |" for row in range(8))
CODE = "```python\n" + "\n".join(f"    grow(moss, {day})" for day in range(8)) + "\n```"


def test_a_heading_goes_with_what_follows_it():
    text = (
        "Mosses have no roots.\n\n# Water\n\n## In dry weather\nA dry moss is not dead. Rain wakes it within minutes."
    )
    assert pieces(text, WORDS, 14) == [
        "Mosses have no roots.",
        "# Water\n\n## In dry weather\nA dry moss is not dead.",
        "Rain wakes it within minutes.",
    ]


def test_a_heading_at_the_end_of_a_document_ends_it():
    assert pieces(f"{MOSS}\n\n# Sources", WORDS, 15) == [ROOTS, f"{DRY}\n\n# Sources"]


def test_a_passage_knows_the_heading_it_stands_under():
    text = f"Mosses.\n\n# Water #\n\n{MOSS}\n\nRain\n====\n\nIt rains.\n\n```\n# no heading\n```\n\n{MOSS}"
    assert [(passage.heading, passage.text[:9]) for passage in split_passages(text, WORDS, 14)] == [
        *(
            ("", "Mosses."),
            ("Water", "# Water #"),
            ("Water", "A dry mos"),
            ("Rain", "Rain\n===="),
            ("Rain", "```\n# no "),
        ),
        *(("Rain", "Mosses ha"), ("Rain", "A dry mos")),
    ]


def test_a_document_that_fits_is_whole_and_has_its_first_heading():
    assert split_passages(f"\n# Water\n\n{TABLE}\n", WORDS, 200) == [
        (f"# Water\n\n{TABLE}", 1, "Water", WORDS.count(f"# Water\n\n{TABLE}"))
    ]
    assert [passage.heading for passage in split_passages(f"{MOSS}\n\n# Water\n\n{MOSS}", WORDS, 200)] == [""]


def test_a_table_is_cut_between_rows_and_each_piece_has_its_head():
    first, second, *rows = TABLE.splitlines(keepends=True)
    head = first + second
    assert pieces(f"Heights:\n\n{TABLE}\n\nThat is all.", WORDS, 32) == [
        "Heights:",
        (head + "".join(rows[:3])).strip(),
        (head + "".join(rows[3:6])).strip(),
        head + "".join(rows[6:]) + "\n\nThat is all.",
    ]


@pytest.mark.parametrize("language", ["csv", "tsv"])
def test_of_a_fence_with_comma_separated_values_each_piece_has_the_first_row(language):
    rows = [f"moss {row},{row}" for row in range(5)]
    text = f"~~~{language}\nplant,height\n" + "\n".join(rows) + "\n~~~"
    whole = f"~~~{language}\nplant,height\n{{}}\n~~~"
    assert pieces(text, WORDS, 20) == [whole.format("\n".join(rows[place : place + 2])) for place in (0, 2, 4)]


def test_a_table_whose_head_leaves_no_room_is_cut_as_text():
    assert pieces(TABLE, WORDS, 13)[:2] == ["| moss | mm |", "|---|---|"]


def test_a_fence_that_fits_is_never_cut():
    assert pieces(f"{MOSS}\n\n{CODE}\n\n{MOSS}", WORDS, WORDS.count(CODE)) == [MOSS, CODE, MOSS]


def test_a_larger_fence_is_cut_at_line_ends_closed_and_opened_again():
    lines = CODE.split("\n")[1:-1]
    found = pieces(f"# Code\n\n{CODE}", WORDS, 30)
    assert found == [
        "# Code\n\n```python\n" + "\n".join(lines[:3]) + "\n```",
        "```python\n" + "\n".join(lines[3:6]) + "\n```",
        "```python\n" + "\n".join(lines[6:]) + "\n```",
    ]


def test_a_heading_that_a_whole_fence_leaves_no_room_for_stays_before_it():
    size = WORDS.count(CODE)
    assert pieces(f"{MOSS}\n\n## Code\n\n{CODE}", WORDS, size) == [f"{MOSS}\n\n## Code", CODE]
    assert pieces(f"{MOSS}\n\n## Code\n\n{CODE}", WORDS, size + 3) == [MOSS, f"## Code\n\n{CODE}"]


def test_lines_that_are_longer_than_a_passage_are_cut_between_words():
    text = f"```\n{' '.join(['moss'] * 10)}\n```"
    assert pieces(text, WORDS, 11) == ["```\nmoss moss moss moss moss\n```"] * 2


@pytest.mark.parametrize(
    ("text", "min_tokens", "passages"),
    [
        (
            "# Moss\n\nOne two. Three four.\n\nFive six. Seven.",
            4,
            ["# Moss\n\nOne two. Three four.", "Five six. Seven."],
        ),
        ("# Moss\n\nOne two. Three four.\n\nFive.\n\nSix.", 4, ["# Moss\n\nOne two. Three four.", "Five.\n\nSix."]),
        ("# Moss\n\nOne two. Three four. Five.", 4, ["# Moss\n\nOne two.", "Three four. Five."]),
        ("# Moss\n```\na b c d\n```\nFive.", 4, ["# Moss\n```\na b c d\n```", "Five."]),  # no fence is torn for it
    ],
)
def test_a_short_last_passage_borrows_what_does_not_belong_together(text, min_tokens, passages):
    limit = max(map(WORDS.count, passages[:1])) if "```" in text else 9
    assert pieces(text, WORDS, limit, min_tokens) == passages


def test_a_text_whose_marks_mean_nothing_is_cut_as_any_other():
    text = "\n\n".join([ROOTS, DRY, "---", "#moss | peat", "```a"] * 20)
    assert pieces(text, WORDS, 40) == TextSplitter.from_callback(WORDS.count, 40).chunks(text)


# ---- any document


def words(most: int) -> st.SearchStrategy[str]:
    some = ["moss", "drinks", "rain,", "roots.", "A", "stem;", "12", "字", "é", "हिन्दी", "|", "#", "```x"]
    return st.lists(st.sampled_from(some), min_size=1, max_size=most).map(" ".join)


def rows(columns: int) -> st.SearchStrategy[str]:
    return st.lists(st.sampled_from(["moss", "stem 1", "字"]), min_size=columns, max_size=columns).map(
        lambda cells: f"| {' | '.join(cells)} |"
    )


def table(columns: int) -> st.SearchStrategy[str]:
    body = st.lists(rows(columns), min_size=2, max_size=14)
    return body.map(lambda lines: "\n".join([lines[0], "|---" * columns + "|", *lines[1:]]))


LINES = st.lists(
    st.one_of(st.sampled_from(["", "# no heading", "    x = 1", "| a |", "a,b", "---"]), words(9)), max_size=14
)
FENCE = st.tuples(st.sampled_from(["```", "~~~", "````csv", "```py", "~~~ tsv"]), LINES).map(
    lambda found: "\n".join([found[0], *found[1], found[0].rstrip("csvpyt ")])
)
TITLE = st.lists(st.sampled_from(["Moss", "and", "Rain"]), min_size=1, max_size=4).map(" ".join)
HEADING = st.tuples(st.sampled_from(["# {}", "### {}", "{}\n---", "{}\n===="]), TITLE).map(lambda f: f[0].format(f[1]))
PART = st.one_of(HEADING, HEADING, words(30), FENCE, table(1), table(3))
DOCUMENT = st.lists(st.tuples(PART, st.sampled_from(["\n\n", "\n\n\n", "\n \n"])), min_size=1, max_size=8).map(
    lambda parts: "".join(part + gap for part, gap in parts)
)


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@settings(max_examples=50, deadline=None)
@given(data=st.data())
def test_passages_of_any_document_fit_lose_nothing_and_repeat_heads_alone(counter, data):
    text = data.draw(DOCUMENT)
    limit = data.draw(st.sampled_from([9, 14, 20, 32, 60]))
    passages = split_passages(text, counter, limit, data.draw(st.sampled_from([0, limit // 3, limit])))
    blocks = find_blocks(text)
    fits = lambda part: counter.count(part) <= limit  # noqa: E731

    assert all(fits(passage.text) or len(passage.text.encode()) <= limit for passage in passages)
    heads = {text[block.start : end] for block in blocks for end in block.heads} | {""}
    closings = {text[block.closing : block.end] for block in blocks if block.closing is not None} | {""}
    bounds = [passage.start for passage in passages] + [len(text)]
    assert not text[: bounds[0]].strip()
    for passage, start, stop in zip(passages, bounds, bounds[1:], strict=False):
        own = solid(text[start:stop])
        assert solid(passage.text) in {solid(head) + own + solid(closing) for head in heads for closing in closings}

    for block, following in zip(blocks, blocks[1:], strict=False):
        if block.kind == "fence" and fits(text[block.start : block.end]):
            assert any(text[block.start : block.end] in passage.text for passage in passages)
        both = text[block.start : following.end]
        if block.kind == "heading" and following.kind != "heading" and following.start in bounds:  # it was left behind
            is_whole = following.kind == "fence" and fits(text[following.start : following.end]) and not fits(both)
            assert is_whole or not fits(text[block.start : following.start] + text[following.start :].split()[0])


@pytest.mark.parametrize(
    "unit", ["# a\n", "#\n", "| a |\n|---|\n", "```\n", "```a\n", "---\n", "a\n---\n", "```\na\n```\n"]
)
def test_a_text_of_nothing_but_marks_is_cut_at_once(unit):
    """Where time grew with the square of the text, this would take minutes."""
    text = unit * (60_000 // len(unit))
    passages = split_passages(text, WORDS, 512, 20)
    assert sum(len(solid(passage.text)) for passage in passages) < 2 * len(solid(text))
    assert all(WORDS.count(passage.text) <= 512 for passage in passages)

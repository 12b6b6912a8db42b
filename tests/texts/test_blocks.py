"""Finding headings, fences, tables and paragraphs, and nothing that only looks like them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fanno_hf.texts.blocks import find_blocks, has_marks

MARKS = [
    "#",
    "# a",
    "##",
    "```",
    "~~~",
    "````",
    "``` b",
    "---",
    "===",
    "| a |",
    "|---|",
    "a | b",
    "- | -",
    "\\|",
    "moss",
]


def found(text: str) -> list[tuple[str, str]]:
    """Kind and text of each block."""
    return [(block.kind, text[block.start : block.end]) for block in find_blocks(text)]


@pytest.mark.parametrize(
    ("text", "title"),
    [
        *(
            ("# Moss", "Moss"),
            ("###### Moss ", "Moss"),
            ("   ## Moss ##", "Moss"),
            ("# C#", "C#"),
            ("# Moss\r", "Moss"),
        ),
        *(("Moss\n===", "Moss"), ("Moss and peat\n-----", "Moss and peat"), ("Moss\r\n===\r", "Moss")),
        ("====\nMoss\n====", "Moss"),  # reStructuredText
    ],
)
def test_a_heading_is_found_with_its_title(text, title):
    [before, heading, after] = find_blocks(f"Before.\n\n{text}\nAfter it.")
    assert (before.kind, heading.kind, heading.title, after.kind) == ("text", "heading", title, "text")
    assert find_blocks(text)[0].title == title


@pytest.mark.parametrize(
    "text",
    [
        *("#Moss", "####### Moss", "#", "## ", "    # Moss", "#!/bin/sh", f"# {'moss ' * 60}"),
        *(
            "Moss drinks.\nIt has no roots.\n---",
            "- Moss\n---",
            "> Moss\n---",
            "1. Moss\n---",
            "Regards\n-- ",
            "…\n---",
        ),
        *("\n---\nMoss", "Name  Height\n====  ======", "a = b\n== c"),
        *("```\nnever closed\n# Moss?"[:16], "``` a ` b\n```x", "a ```\nb\n``` c", "~~~\na\n```"),
        *("a | b", "| a | b |\n| c | d |", "| a | b |\n|---|", "a\n|---|", "| a |\n\n|---|", "\\| a\n|---|---|"),
    ],
)
def test_what_only_looks_like_one_is_text(text):
    assert {kind for kind, _ in found(f"{text}\n")} <= {"text"}


def test_nothing_in_a_fence_is_a_heading_or_a_table():
    code = "```sh\n# install\n| a |\n|---|\nTitle\n===\n~~~\n``` not its end\n```"
    assert found(f"Run:\n{code}\n# Then") == [("text", "Run:"), ("fence", code), ("heading", "# Then")]


@pytest.mark.parametrize(
    ("fence", "closing"),
    [
        ("```\na\n```", "```"),
        ("~~~~ py\n~~~\n~~~~~", "~~~~~"),
        ("- b\n  ```\n  a\n  ```", "  ```"),
        ("```\n```", "```"),
    ],
)
def test_a_fence_ends_at_a_line_of_as_many_marks_or_more(fence, closing):
    [*_, block] = find_blocks(fence)
    assert (block.kind, fence[block.closing : block.end]) == ("fence", closing)


@pytest.mark.parametrize(
    ("opening", "heads"),
    [
        *((f"```{language}", ["{}\na,b", "{}"]) for language in ("csv", "TSV", " csv title=x", "{.csv}")),
        *((f"```{language}", ["{}"]) for language in ("", "python", "csvkit", "text")),
    ],
)
def test_of_a_fence_with_comma_separated_values_the_first_row_is_a_head(opening, heads):
    text = f"{opening}\na,b\n1,2\n```"
    [block] = find_blocks(text)
    assert [text[:end] for end in block.heads] == [head.format(opening) for head in heads]


@pytest.mark.parametrize(
    "table", ["| a | b |\n|---|:-:|\n| 1 | 2 |", "a | b\n--|--\n1 | 2", "| a \\| b |\n|---|\n| 1 |"]
)
def test_a_table_has_two_head_lines_and_ends_at_a_line_without_a_mark(table):
    text = f"Heights:\n{table}\nThat is all."
    assert found(text) == [("text", "Heights:"), ("table", table), ("text", "That is all.")]
    assert text[: find_blocks(text)[1].heads[0]] == "Heights:\n" + "\n".join(table.split("\n")[:2])


def test_text_is_parted_at_empty_lines():
    assert found("\n One.\nStill.\n \t\n\nTwo. \r\n\r\nThree\n") == [
        ("text", t) for t in ("One.\nStill.", "Two.", "Three")
    ]


@given(st.lists(st.sampled_from([*MARKS, "", " ", "  moss drinks"]), max_size=40).map("\n".join))
def test_every_character_is_in_one_block_and_marks_are_never_missed(text):
    blocks = find_blocks(text)
    bounds = [0, *(place for block in blocks for place in (block.start, block.end)), len(text)]
    assert bounds == sorted(bounds)
    assert not "".join(text[a:b] for a, b in zip(bounds[::2], bounds[1::2], strict=True)).strip()
    assert has_marks(text) or all(block.kind == "text" for block in blocks)


@pytest.mark.parametrize(
    ("unit", "kinds"),
    [("#", {"text"}), ("|", {"text"}), ("`", {"text"}), ("-", {"text"})]
    + [("# a\n", {"heading"}), ("|---|\n", {"table"}), ("```\n", {"fence"}), ("```a\n", {"text"}), ("---\n", {"text"})]
    + [
        ("=\n", {"text"}),
        ("\n", set()),
        (" ", set()),
        ("a\n---\n", {"heading"}),
        ("`" * 16 + "\n```a\n", {"fence", "text"}),
    ],
)
def test_a_text_of_nothing_but_marks_is_read_at_once(unit, kinds):
    """Where time grew with the square of the text, this would take minutes."""
    blocks = find_blocks(unit * (100_000 // len(unit)))
    assert {block.kind for block in blocks} == kinds

"""What passages are called."""

import pytest

from fanno_hf.texts.places import name_passages

PAGES = [{"start": 0, "name": "page 1"}, {"start": 100, "name": "page 2"}, {"start": 300, "name": "page 3"}]


@pytest.mark.parametrize(
    ("starts", "places", "names"),
    [
        ([0], [], ["a.md"]),
        ([3, 90], [], ["a.md#1", "a.md#2"]),
        ([], PAGES, []),
        ([0], PAGES, ["a.md:page 1"]),
        # a passage has the place at its first character, and a number where it is not the first that begins there
        ([0, 99, 100, 310, 320, 900], PAGES, [f"a.md:page {n}" for n in ("1", "1#2", "2", "3", "3#2", "3#3")]),
        ([0, 5, 100], PAGES[1:], ["a.md", "a.md#2", "a.md:page 2"]),  # before the first place
        ([0, 100], [*PAGES[:1], {"start": 50, "name": "page 1"}], ["a.md:page 1", "a.md:page 1#2"]),
    ],
)
def test_a_passage_is_called_by_its_source_and_place(starts, places, names):
    assert name_passages("a.md", starts, places) == names

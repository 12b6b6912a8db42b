"""The better of two equal instructions stays."""

from types import SimpleNamespace

import numpy as np
import pytest
from datasets import Dataset

from fanno_hf.instructing.distinct import find_near_repeats, keep_distinct
from fanno_hf.steps.funnel import Funnel
from fanno_hf.texts.repeat import Repeat

A, NEAR_A, B = np.eye(3)[0], np.array([0.96, 0.28, 0.0]), np.eye(3)[2]


def unit(*rows):
    return np.array(rows, dtype=np.float32)


def test_the_worse_one_repeats_the_better_one():
    found = find_near_repeats(unit(A, NEAR_A, B), np.array([0.2, 0.9, 0.5]), 0.9)
    assert found[0] == Repeat(1, pytest.approx(0.96), in_pool=False)
    assert found[1:] == [None, None]


def test_among_equals_the_earlier_one_stays():
    assert [r is None for r in find_near_repeats(unit(A, A, A), np.zeros(3), 0.9)] == [True, False, False]


def test_a_row_of_the_pool_stays_in_any_case():
    found = find_near_repeats(unit(NEAR_A, B), np.array([9.0, 9.0]), 0.9, unit(A))
    assert found == [Repeat(0, pytest.approx(0.96), in_pool=True), None]


def test_indices_of_new_rows_follow_the_pool():
    found = find_near_repeats(unit(A, A), np.zeros(2), 0.9, unit(B))
    assert found == [None, Repeat(0, pytest.approx(1.0), in_pool=False)]


def test_below_the_threshold_everything_stays():
    assert find_near_repeats(unit(A, NEAR_A, B), np.zeros(3), 0.97) == [None, None, None]


def test_no_rows():
    assert find_near_repeats(np.zeros((0, 3), dtype=np.float32), np.zeros(0), 0.9) == []


class Far:
    """An embedder to which no two texts are near."""

    def encode(self, texts):
        """One direction for each text."""
        return np.eye(64, dtype=np.float32)[[hash_of(text) for text in texts]]


def hash_of(text):
    return sum(text.encode()) % 64


@pytest.mark.parametrize(
    ("instruction", "text", "languages", "kept"),
    [
        ("What do mosses drink?", "The king moves two squares.", ["en"], 0),
        ("Wie rochiert man beim Schach?", "Der König zieht zwei Felder.", ["en"], 1),
        ("How do you castle in chess?", "Der König zieht zwei Felder.", ["en"], 1),
        ("Wie rochiert man beim Schach?", "Der König zieht zwei Felder.", ["en", "de"], 0),
        ("Wie rochiert man beim Schach?", "Der König zieht zwei Felder.", None, 0),
    ],
)
def test_relevance_is_judged_in_the_languages_that_the_embedder_knows(instruction, text, languages, kept):
    rows = Dataset.from_list([{"instruction": instruction, "input": "", "text": text, "verdicts": []}])
    settings = SimpleNamespace(min_relevance=0.1, relevance_languages=languages, near_repeat_threshold=None)
    found, _ = keep_distinct(rows, Funnel("seed", {"instruction": "string"}), Far(), settings)
    assert len(found) == kept

"""Texts that contain a piece of a benchmark."""

import numpy as np
import pytest

from fanno_hf.texts import contamination
from fanno_hf.texts.contamination import Benchmarks
from fanno_hf.texts.shingles import split_words

QUESTION = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total does it take?"
SHARED = "2 bolts of blue fiber and half that much white fiber how many"
CHINESE = "小明家里养了七只母鸡，每只母鸡每天下两个蛋，请问他们家一个星期一共可以收到多少个鸡蛋？"
THAI = "ในแต่ละวันแม่ไก่เจ็ดตัวออกไข่ตัวละสองฟองหนึ่งสัปดาห์จะได้ไข่ทั้งหมดกี่ฟอง"


@pytest.fixture(scope="module")
def benchmarks() -> Benchmarks:
    return Benchmarks(
        [
            ("gsm8k/test:17", [QUESTION, "3"]),
            ("arc/test:4", ["Which gas do plants take from the air?", "Oxygen", "Carbon dioxide"]),
            ("arc/test:9", ["Which gas do animals need?", "It is oxygen."]),
            ("cmath/test:1", [CHINESE]),
            ("thai/test:1", [THAI]),
        ]
    )


def test_thirteen_words_in_a_row_are_found_and_twelve_are_not(benchmarks):
    assert benchmarks.find(f"Sew it. {SHARED} yards?") == ("gsm8k/test:17", SHARED)
    assert benchmarks.find(f"Sew it. {SHARED.rsplit(' ', 1)[0]} yards? It takes blue fiber and half that") is None


@pytest.mark.parametrize(
    "text",
    [
        SHARED.upper(),
        "(2) bolts of *blue* fiber\n\nand half -- that much\twhite fiber; how, many",
        "２ ｂｏｌｔｓ of blue ﬁber and half that much white fiber: how many — naïve",
    ],
)
def test_case_punctuation_space_and_width_do_not_matter(benchmarks, text):
    assert benchmarks.find(text) == ("gsm8k/test:17", SHARED)


def test_a_short_benchmark_text_is_found_where_all_of_it_stands(benchmarks):
    found = benchmarks.find("He asked: which gas do plants take from the air? Nobody knew.")
    assert found == ("arc/test:4", "which gas do plants take from the air")


@pytest.mark.parametrize(
    "text",
    [
        "Which gas do plants take from the soil?",
        "Which gas do animals need? It is oxygen. Carbon dioxide, 3.",  # texts of fewer than eight words
        "",
        "?!",
    ],
)
def test_what_is_too_short_or_partial_is_not_found(benchmarks, text):
    assert benchmarks.find(text) is None


def test_an_ideograph_counts_half_a_word(benchmarks):
    letters = CHINESE.replace("，", "")[:27]
    assert benchmarks.find(f"问：{letters[:26]}。") == ("cmath/test:1", " ".join(letters[:26]))
    assert benchmarks.find(f"问：{letters[:25]}。") is None


def test_a_thai_letter_counts_a_fifth_of_a_word(benchmarks):
    letters = [word.decode() for word in split_words(THAI)]
    assert len(letters) == 55  # eleven words, so it is found only as a whole
    assert benchmarks.find(f"ก {THAI}") == ("thai/test:1", " ".join(letters))
    assert benchmarks.find(THAI[:-1]) is None


@pytest.mark.parametrize(
    ("items", "text", "found"),
    [
        # the first item that was given, even when another one says the same; the first piece in the text
        ([("b", ["one two three four"]), ("a", ["four five six"])], "four five six one two three", "b: one two three"),
        ([("a", ["one two three"]), ("copy", ["one two three"])], "one two three", "a: one two three"),
        ([("a", ["one two three four"])], "two three four one two three", "a: two three four"),
        ([("a", ["one two", "three four five"])], "one two three four", None),  # no piece of two texts
    ],
)
def test_of_several_items_and_pieces_the_first_is_named(items, text, found):
    match = Benchmarks(items, ngram=3, min_words=2 if found else 3).find(text)
    assert (match and ": ".join(match)) == found


def test_equal_hashes_are_not_taken_for_equal_words(monkeypatch):
    monkeypatch.setattr(contamination, "hash_words", lambda tokens: np.zeros(len(tokens), dtype=np.uint64))
    benchmarks = Benchmarks([("a", ["one two three four"])], ngram=3, min_words=2)
    assert benchmarks.find("five six seven eight") is None
    assert benchmarks.find("five one two three") == ("a", "one two three")


def test_agrees_with_comparing_all_runs():
    rng = np.random.default_rng(0)
    draw = lambda count: [f"w{i}" for i in rng.integers(0, 3, count)]  # noqa: E731
    items = [(str(i), [" ".join(draw(rng.integers(3, 12)))]) for i in range(40)]
    benchmarks = Benchmarks(items, ngram=8, min_words=5)
    expected, found = [], []
    for _ in range(200):
        text = " ".join(draw(20))
        names = [name for name, (item,) in items if any(f" {run} " in f" {text} " for run in runs(item, 8, 5))]
        expected.append(names[0] if names else None)
        found.append((match := benchmarks.find(text)) and match[0])
    assert found == expected
    assert 20 < sum(name is not None for name in found) < 180


def runs(item: str, ngram: int, min_words: int) -> list[str]:
    words = item.split()
    length = min(ngram, len(words))
    return [" ".join(words[i : i + length]) for i in range(len(words) - length + 1)] if length >= min_words else []


@pytest.mark.parametrize("items", [[], [("a", [])], [("a", [""])]])
def test_an_empty_benchmark_is_found_nowhere(items):
    assert Benchmarks(items).find(QUESTION) is None

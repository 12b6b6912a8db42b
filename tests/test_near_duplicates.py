"""Exact and near duplicates."""

import os
import subprocess
import sys

import numpy as np
import pytest

from fanno_hf import near_duplicates
from fanno_hf.near_duplicates import find_exact_duplicates, find_near_duplicates, normalise, shingles

MOSS = "mosses have no roots and drink the rain through their leaves whenever it falls on the forest floor in spring"


def jaccard(one: str, other: str, ngram: int = 3) -> float:
    a, b = shingles(one, ngram), shingles(other, ngram)
    return len(a & b) / len(a | b)


def random_text(rng: np.random.Generator, num_words: int) -> str:
    return " ".join(f"w{number}" for number in rng.integers(0, 5000, num_words))


def with_new_ending(rng: np.random.Generator, text: str, num_words: int) -> str:
    return " ".join([*text.split()[:-num_words], *random_text(rng, num_words).split()])


def keep_first_by_all_pairs(texts: list[str], threshold: float) -> list[tuple[int, float] | None]:
    """The rule of `find_near_duplicates`, with every pair compared."""
    sets = [shingles(text) for text in texts]
    found: list[tuple[int, float] | None] = []
    for index, mine in enumerate(sets):
        kept = (other for other in range(index) if found[other] is None)
        matches = ((other, len(mine & sets[other]) / len(mine | sets[other])) for other in kept)
        found.append(next((match for match in matches if match[1] >= threshold), None))
    return found


@pytest.mark.parametrize(
    ("text", "same"),
    [(" Ｆｕｌｌ  Straße\n", "full strasse"), ("cafe\u0301", "café"), ("A\u00a0\tB", "a b"), ("ﬁn", "fin"), ("", "")],
)
def test_normalise_folds_width_case_accents_and_space(text, same):
    assert normalise(text) == same


@pytest.mark.parametrize(
    ("text", "ngram", "expected"),
    [
        ("The cat sat, too.", 3, {"the cat sat", "cat sat too"}),
        ("The cat sat, too.", 1, {"the", "cat", "sat", "too"}),
        ("The cat!", 3, {"the cat"}),
        ("东京很大", 3, {"东 京 很", "京 很 大"}),
        ("हिन्दी भाषा", 2, {"हिन्दी भाषा"}),
        ("!!! ?", 3, {"!!! ?"}),
        ("", 3, {""}),
    ],
)
def test_shingles_are_word_ngrams(text, ngram, expected):
    assert shingles(text, ngram) == expected


def test_an_exact_duplicate_names_the_first_of_its_kind():
    texts = ["Moss.", "Fern.", "moss. ", "MOSS.", "Moss", " fern."]
    assert find_exact_duplicates(texts) == [None, None, 0, 0, None, 1]


def test_a_near_duplicate_names_the_text_it_repeats_and_how_closely():
    texts = [
        "The cat sat on the mat today.",
        "A dog barked.",
        "the cat sat on  the mat TODAY",
        "The cat sat on the mat.",
    ]
    assert find_near_duplicates(texts) == [None, None, (0, 1.0), (0, 0.8)]


def test_a_chain_keeps_the_end_that_is_unlike_its_beginning():
    words = MOSS.split()
    texts = [" ".join(words[start : start + 14]) for start in (0, 2, 4)]
    assert jaccard(texts[0], texts[1]) == jaccard(texts[1], texts[2]) == 10 / 14
    assert jaccard(texts[0], texts[2]) == 8 / 16
    assert find_near_duplicates(texts, threshold=0.7) == [None, (0, 10 / 14), None]


def test_a_text_repeats_the_first_kept_text_and_never_a_dropped_one():
    words = MOSS.split()
    texts = [" ".join(words[start : start + 14]) for start in (0, 2, 3)]
    assert jaccard(texts[1], texts[2]) > jaccard(texts[0], texts[2]) > 0.5
    assert find_near_duplicates(texts, threshold=0.5) == [None, (0, 10 / 14), (0, 9 / 15)]


def test_the_threshold_itself_is_a_near_duplicate():
    texts = ["a b c d e f g h i j k l", "a b c d e f g h i j"]
    assert find_near_duplicates(texts, threshold=0.8) == [None, (0, 0.8)]


def test_clear_cases_agree_with_comparing_all_pairs():
    rng = np.random.default_rng(1)
    texts = [random_text(rng, 60) for _ in range(150)]
    texts += [with_new_ending(rng, text, cut) for text in texts[:100] for cut in (2, 5, 30)]
    texts = [texts[index] for index in rng.permutation(len(texts))]
    found = find_near_duplicates(texts)
    assert found == keep_first_by_all_pairs(texts, 0.7)
    assert sum(match is not None for match in found) > 150


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_nineteen_in_twenty_pairs_at_the_threshold_are_found(threshold):
    rng = np.random.default_rng(2)
    texts = []
    for _ in range(600):
        text = random_text(rng, 102)  # 100 shingles; a new ending of n words leaves (100 - n) / (100 + n) in common
        texts += [text, with_new_ending(rng, text, round(100 * (1 - threshold) / (1 + threshold)))]
    pairs = [jaccard(one, other) for one, other in zip(texts[::2], texts[1::2], strict=True)]
    found = find_near_duplicates(texts, threshold=threshold - 0.01)
    assert np.mean(pairs) == pytest.approx(threshold, abs=0.01)
    assert np.mean([match is not None for match in found[1::2]]) >= 0.95


def test_chinese_texts_are_compared_by_character():
    text = "苔藓没有根，它们通过叶子喝雨水，即使干枯也没有死亡，雨水会在几分钟内唤醒它们。"
    assert find_near_duplicates([text, text.replace("几分钟", "数分钟")])[1] == (
        0,
        jaccard(text, text.replace("几", "数")),
    )


def test_texts_too_short_for_a_shingle_repeat_only_their_equals():
    assert find_near_duplicates(["Hi!", "hi", "Ho!", "?!", "", "?!"]) == [None, (0, 1.0), None, None, None, (3, 1.0)]


def test_copies_of_a_template_are_compared_with_the_one_that_is_kept(monkeypatch):
    compared = []

    def spy(numbers, index, candidates, threshold, marks):
        compared.append(len(candidates))
        return first_match(numbers, index, candidates, threshold, marks)

    first_match = near_duplicates._first_match
    monkeypatch.setattr(near_duplicates, "_first_match", spy)
    found = find_near_duplicates([f"{MOSS} {MOSS[::-1]} number {index}" for index in range(3000)])
    assert [match[0] for match in found[1:]] == [0] * 2999
    assert max(compared) == 1


def test_texts_of_a_template_less_alike_than_the_threshold_are_all_kept():
    rng = np.random.default_rng(3)
    texts = [with_new_ending(rng, f"{MOSS} {MOSS[::-1]}", 12) for _ in range(400)]
    assert jaccard(texts[0], texts[1]) > 0.45
    assert find_near_duplicates(texts) == [None] * 400


def test_results_are_the_same_in_every_process():
    program = (
        "from fanno_hf.near_duplicates import find_near_duplicates as find\n"
        "texts = [' '.join(f'w{i * j % 97}' for j in range(20 + i % 3)) for i in range(300)]\n"
        "print(find(texts, threshold=0.6, num_perm=16))"
    )
    outputs = {
        subprocess.run(
            [sys.executable, "-c", program],
            env={**os.environ, "PYTHONHASHSEED": hash_seed},
            capture_output=True,
            check=True,
            text=True,
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(outputs) == 1


def test_no_texts_have_no_duplicates():
    assert find_near_duplicates([]) == find_exact_duplicates([]) == []


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"threshold": 0}, "threshold .* got 0"),
        ({"threshold": 1.5}, "threshold .* got 1.5"),
        ({"ngram": 0}, "ngram .* got 0"),
        ({"num_perm": 0}, "num_perm .* got 0"),
        ({"num_perm": 2}, "num_perm=2 is too few to find pairs at a similarity of 0.7"),
        ({"seed": -1}, "seed .* got -1"),
    ],
)
def test_arguments_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        find_near_duplicates(["moss"], **arguments)

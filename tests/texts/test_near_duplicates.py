"""Exact and near duplicates."""

import math
import os
import subprocess
import sys

import numpy as np
import pytest

from fanno_hf.texts import minhash, near_duplicates
from fanno_hf.texts.near_duplicates import find_exact_duplicates, find_near_duplicates
from fanno_hf.texts.repeat import Repeat
from fanno_hf.texts.segment import words
from fanno_hf.texts.shingles import hash_shingles, normalise, split_words
from tests.texts.word_ngrams import shingles

MOSS = "mosses have no roots and drink the rain through their leaves whenever it falls on the forest floor in spring"


def jaccard(one: str, other: str, ngram: int = 3) -> float:
    a, b = shingles(one, ngram), shingles(other, ngram)
    return len(a & b) / len(a | b)


def random_text(rng: np.random.Generator, num_words: int) -> str:
    return " ".join(f"w{number}" for number in rng.integers(0, 5000, num_words))


def with_new_ending(rng: np.random.Generator, text: str, num_words: int) -> str:
    return " ".join([*text.split()[:-num_words], *random_text(rng, num_words).split()])


def alone(of: int, similarity: float) -> Repeat:
    """The repeat of another one of the texts."""
    return Repeat(of, similarity, in_pool=False)


def kept(of: int, similarity: float) -> Repeat:
    """The repeat of one of the texts that stay."""
    return Repeat(of, similarity, in_pool=True)


def keep_first_by_all_pairs(texts: list[str], threshold: float) -> list[Repeat | None]:
    """The rule of `find_near_duplicates`, with every pair compared."""
    sets = [shingles(text) for text in texts]
    found: list[Repeat | None] = []
    for index, mine in enumerate(sets):
        others = (other for other in range(index) if found[other] is None)
        matches = (alone(other, len(mine & sets[other]) / len(mine | sets[other])) for other in others)
        found.append(next((match for match in matches if match.similarity >= threshold), None))
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


ODD_TEXTS = [
    *("The cat's sat_on: 12.5 mats\x1c\x00\x7f end", "CAFÉ—naïve “quotes” of ½ price", "东京 very 한국어 mixed"),
    *("हिन्दी भाषा، ไทย, Ｆｕｌｌ ﬁn İstanbul", "a\u00a0b\u2028c\x85d", "no\ud800 surrogate", "?!", ""),
]


@pytest.mark.parametrize("text", ODD_TEXTS)
def test_words_are_split_as_segment_splits_the_normalised_text(text):
    assert [word.decode("utf-8", "surrogatepass") for word in split_words(text)] == words(normalise(text))


@pytest.mark.parametrize("ngram", [1, 3, 20])
def test_texts_have_as_many_distinct_hashes_in_common_as_shingles(ngram):
    texts = [*ODD_TEXTS, "the cat sat on the cat sat on", "cat sat on", "the cat", "THE cat!", "?!"]
    hashes, offsets = hash_shingles(texts, ngram)
    sets = [set(hashes[begin:end].tolist()) for begin, end in zip(offsets[:-1], offsets[1:], strict=True)]
    expected = [shingles(text, ngram) for text in texts]
    assert [[len(a & b) for a in sets] for b in sets] == [[len(a & b) for a in expected] for b in expected]


def test_an_exact_duplicate_names_the_first_of_its_kind():
    texts = ["Moss.", "Fern.", "moss. ", "MOSS.", "Moss", " fern."]
    assert find_exact_duplicates(texts) == [None, None, alone(0, 1.0), alone(0, 1.0), None, alone(1, 1.0)]


def test_a_near_duplicate_names_the_text_it_repeats_and_how_closely():
    texts = [
        "The cat sat on the mat today.",
        "A dog barked.",
        "the cat sat on  the mat TODAY",
        "The cat sat on the mat.",
    ]
    assert find_near_duplicates(texts) == [None, None, alone(0, 1.0), alone(0, 0.8)]


@pytest.mark.parametrize(
    ("starts", "threshold", "found"),
    [
        ((0, 2, 4), 0.7, [None, alone(0, 10 / 14), None]),  # the end is unlike the beginning: 8 / 16
        ((0, 2, 3), 0.5, [None, alone(0, 10 / 14), alone(0, 9 / 15)]),  # the first that is kept, not the nearest
        ((0, 2), 10 / 14, [None, alone(0, 10 / 14)]),  # at the threshold itself
        ((), 0.7, []),
    ],
)
def test_a_text_repeats_the_first_kept_text_and_never_a_dropped_one(starts, threshold, found):
    texts = [" ".join(MOSS.split()[start : start + 14]) for start in starts]
    assert find_near_duplicates(texts, threshold=threshold) == found


def test_clear_cases_agree_with_comparing_all_pairs():
    rng = np.random.default_rng(1)
    texts = [random_text(rng, 60) for _ in range(150)]
    texts += [with_new_ending(rng, text, cut) for text in texts[:100] for cut in (2, 5, 30)]
    texts = [texts[index] for index in rng.permutation(len(texts))]
    found = find_near_duplicates(texts)
    assert found == keep_first_by_all_pairs(texts, 0.7)
    assert sum(match is not None for match in found) > 150


@pytest.mark.parametrize("threshold", [0.5, 0.7, 0.9])
def test_pairs_at_the_threshold_are_found(threshold):
    rng = np.random.default_rng(2)
    texts = []
    for _ in range(600):  # so a test that fails by chance would need a miss rate of 1 in 1,000
        text = random_text(rng, 102)  # 100 shingles; a new ending of n words leaves (100 - n) / (100 + n) in common
        texts += [text, with_new_ending(rng, text, round(100 * (1 - threshold) / (1 + threshold)))]
    pairs = [jaccard(one, other) for one, other in zip(texts[::2], texts[1::2], strict=True)]
    found = find_near_duplicates(texts, threshold=threshold - 0.01)
    assert np.mean(pairs) == pytest.approx(threshold, abs=0.01)
    reached = [match for match, pair in zip(found[1::2], pairs, strict=True) if pair >= threshold - 0.01]
    assert len(reached) > 500
    assert None not in reached


@pytest.mark.parametrize("threshold", [0.5, 0.6, 0.7, 0.8, 0.9, 1.0])
def test_bands_miss_a_pair_at_the_threshold_twice_in_ten_thousand_at_most(threshold):
    bands, rows = minhash.choose_bands(threshold, 128)
    assert bands * rows <= 128
    assert (1 - threshold**rows) ** bands <= 2e-4


def test_signatures_agree_in_as_many_values_as_the_sets_are_alike():
    texts = [" ".join(f"w{i}" for i in range(start, start + 300)) for start in (0, 30, 1000)]
    values = minhash.signatures(*hash_shingles(texts, 1), num_perm=4096, seed=7)
    assert np.mean(values[0] == values[1]) == pytest.approx(270 / 330, abs=0.03)
    assert np.mean(values[0] == values[2]) < 0.01


@pytest.mark.parametrize(("threshold", "num_perm"), [(0.3, 128), (0.5, 256), (0.7, 128), (0.9, 64)])
def test_a_pair_at_the_threshold_agrees_in_fewer_bytes_once_in_a_million(threshold, num_perm):
    least = minhash.least_agreement(threshold, num_perm)
    at_most = lambda most: sum(  # noqa: E731
        math.comb(num_perm, k) * threshold**k * (1 - threshold) ** (num_perm - k) for k in range(most + 1)
    )
    assert at_most(least - 1) <= 1e-6 < at_most(least)


def test_equal_texts_agree_in_all_bytes():
    assert minhash.least_agreement(1.0, 128) == 128
    assert find_near_duplicates([MOSS, MOSS.upper()], threshold=1.0)[1] == alone(0, 1.0)


def test_texts_that_share_a_bucket_by_chance_are_not_read_again():
    rng = np.random.default_rng(5)
    texts = Slices([" ".join(f"w{number}" for number in rng.integers(0, 10, 200)) for _ in range(500)])
    keys, sizes, _ = near_duplicates.sketch(texts.texts, 0.7, 3, 128, 0)
    minhash.name_buckets(buckets := keys.T.copy(), 0)
    assert sum(map(len, minhash.split_batches(buckets, sizes))) > 100
    assert find_near_duplicates(texts) == [None] * 500
    assert texts.given == 500


def test_chinese_texts_are_compared_by_character():
    text = "苔藓没有根，它们通过叶子喝雨水，即使干枯也没有死亡，雨水会在几分钟内唤醒它们。"
    other = text.replace("几分钟", "数分钟")
    assert find_near_duplicates([text, other])[1] == alone(0, jaccard(text, other))


def test_texts_too_short_for_a_shingle_repeat_only_their_equals():
    found = find_near_duplicates(["Hi!", "hi", "Ho!", "?!", "", "?!"])
    assert found == [None, alone(0, 1.0), None, None, None, alone(3, 1.0)]


def test_copies_of_a_template_repeat_the_one_that_is_kept():
    found = find_near_duplicates([f"{MOSS} {MOSS[::-1]} number {index}" for index in range(3000)])
    assert [match.of for match in found[1:]] == [0] * 2999


def test_texts_of_a_template_less_alike_than_the_threshold_are_all_kept():
    rng = np.random.default_rng(3)
    texts = [with_new_ending(rng, f"{MOSS} {MOSS[::-1]}", 12) for _ in range(400)]
    assert jaccard(texts[0], texts[1]) > 0.45
    assert find_near_duplicates(texts) == [None] * 400


class Slices:
    """A column on disk: it has a length, and gives slices of a bounded size."""

    def __init__(self, texts: list[str]):
        self.texts, self.given = texts, 0

    def __len__(self) -> int:
        return len(self.texts)

    def __getitem__(self, key: slice) -> list[str]:
        assert isinstance(key, slice)
        assert len(self.texts[key]) <= 4096
        self.given += len(self.texts[key])
        return self.texts[key]


@pytest.fixture(scope="module")
def mixed():
    """5,000 texts in which some repeat others, exactly, nearly and hardly."""
    rng = np.random.default_rng(4)
    texts = [random_text(rng, 40) for _ in range(4000)]
    texts += [with_new_ending(rng, texts[i], int(rng.integers(1, 25))) for i in rng.integers(0, 4000, 900)]
    texts += [texts[i].upper() for i in rng.integers(0, 4000, 100)]
    return [texts[i] for i in rng.permutation(len(texts))]


def test_texts_are_read_in_slices(mixed):
    cut = 300
    against, texts = Slices(mixed[:cut]), Slices(mixed[cut:])
    expected = mixed[cut:], mixed[:cut]
    assert find_near_duplicates(texts, against=against) == find_near_duplicates(expected[0], against=expected[1])
    assert find_exact_duplicates(texts, against=against) == find_exact_duplicates(expected[0], against=expected[1])


def test_batches_change_no_result(mixed, monkeypatch):
    expected = find_near_duplicates(mixed)
    assert sum(match is not None for match in expected) > 300
    monkeypatch.setattr(minhash, "BATCH", 200)
    monkeypatch.setattr(near_duplicates, "READ", 999)
    assert find_near_duplicates(mixed) == expected


def test_batches_share_no_bucket_and_are_small(monkeypatch):
    monkeypatch.setattr(minhash, "BATCH", 10)
    none = int(minhash.ALONE)
    buckets = np.array([[0, 1, 0, 1, none, 5, 5, none], [none, none, 2, none, 2, none, none, none]], dtype=np.uint32)
    batches = minhash.split_batches(buckets, np.full(8, 4))
    assert [batch.tolist() for batch in batches] == [[0, 2, 4], [1, 3], [5, 6]]


def test_texts_that_stay_are_named_by_their_own_index_and_come_first():
    against = ["Fern.", "The cat sat on the mat today."]
    texts = ["A dog barked.", "the cat sat on the mat TODAY", "A dog barked!", "fern"]
    assert find_near_duplicates(texts, against=against) == [None, kept(1, 1.0), alone(0, 1.0), kept(0, 1.0)]
    assert find_exact_duplicates(["Moss.", "fern.", "moss."], against=against) == [None, kept(0, 1.0), alone(0, 1.0)]


def test_progress_is_drawn_when_it_is_asked_for(capsys, monkeypatch):
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    find_near_duplicates(["moss"], progress=True)
    assert "near duplicates: sketch" in capsys.readouterr().err
    find_near_duplicates(["moss"])
    assert capsys.readouterr().err == ""


def test_results_are_the_same_in_every_process():
    call = "find_near_duplicates(texts, threshold=0.6, num_perm=16)"
    texts = [" ".join(f"w{i * j % 97}" for j in range(20 + i % 3)) for i in range(300)]
    program = f"from fanno_hf.texts.near_duplicates import find_near_duplicates\ntexts = {texts}\nprint({call})"
    command, environment = [sys.executable, "-c", program], {**os.environ, "PYTHONHASHSEED": "1"}
    shown = subprocess.run(command, env=environment, capture_output=True, check=True, text=True).stdout
    assert shown == f"{find_near_duplicates(texts, threshold=0.6, num_perm=16)}\n"


def test_too_few_hashes_for_the_threshold_are_refused():
    with pytest.raises(ValueError, match="num_perm=2 is too few to find pairs at a similarity of 0.7"):
        find_near_duplicates(["moss"], num_perm=2)

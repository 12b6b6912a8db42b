"""What the figures of a data set are, by hand and by brute force."""

import json

import numpy as np
import pytest

from fanno_hf.report.diversity import distinct_n, entropy, mean_similarity, vendi_score
from fanno_hf.report.measured import Measured
from fanno_hf.report.metrics import cumulative_pairs, lengths, measure, top_verbs
from fanno_hf.texts.verbs import VerbNouns
from fanno_hf.vectors.nearest import nearest

TAG_NAMES = {"task_type": ["translate", "code"], "style": ["command", "question"]}


def unit_rows(count: int, dimension: int = 8) -> np.ndarray:
    """Random vectors of unit length."""
    rows = np.random.default_rng(0).normal(size=(count, dimension)).astype(np.float32)
    return rows / np.linalg.norm(rows, axis=1, keepdims=True)


def measured(*instructions: str, **columns) -> Measured:
    """A data set with these instructions; every other column is plain unless it is given."""
    count = len(instructions)
    plain = {
        **{"name": "ours", "of": count, "responses": ["An answer."] * count},
        "instruction_tokens": np.array([len(text.split()) for text in instructions], dtype=np.int64),
        **{"response_tokens": np.full(count, 3), "embeddings": unit_rows(count), "quality": np.ones(count)},
        **{"rounds": np.zeros(count, dtype=np.int64), "finish_reasons": ["stop"] * count},
        "tags": {"task_type": ["code"] * count, "style": ["command"] * count},
        "mentions_document": np.zeros(count, dtype=bool),
    }
    return Measured(instructions=list(instructions), **(plain | columns))


def figures(rows: Measured, threshold: float = 0.9, verbs: VerbNouns | None = None) -> dict:
    """What `measure` gives."""
    return measure(rows, near_repeat_threshold=threshold, tag_names=TAG_NAMES, verbs=verbs)


def test_distinct_counts_unicode_words_without_case_and_no_gram_across_texts():
    # 7 words of 4 kinds; of the pairs 01 12 01 13 three are distinct; a text of one word has none
    assert [distinct_n([[0, 1, 2], [0, 1, 3], [0]], n) for n in (1, 2)] == [4 / 7, 3 / 4]
    # das moos ist grün, das moos: 6 words of 4 kinds, 4 pairs of 3 kinds
    found = figures(measured("Das Moos ist grün!", "das MOOS"))["instructions"]
    assert found == {"distinct_1": round(4 / 6, 4), "distinct_2": round(3 / 4, 4)}


def test_vendi_score_is_the_number_of_different_rows():
    assert vendi_score(np.eye(6, dtype=np.float32)) == pytest.approx(6)
    assert vendi_score(np.tile(unit_rows(1), (50, 1))) == pytest.approx(1)


@pytest.mark.parametrize("count", [5, 60])
def test_vendi_score_equals_that_of_the_whole_kernel(count):
    rows = unit_rows(count).astype(np.float64)
    values = np.linalg.eigvalsh(rows @ rows.T / count)
    values = values[values > 1e-12]
    assert vendi_score(rows) == pytest.approx(np.exp(-(values * np.log(values)).sum()))


def test_similarities_equal_those_of_all_pairs():
    rows = unit_rows(50)
    kernel = rows @ rows.T
    assert mean_similarity(rows) == pytest.approx(kernel[~np.eye(50, dtype=bool)].mean(), abs=1e-6)
    np.fill_diagonal(kernel, -np.inf)
    indices, similarities = nearest(rows, rows, block_size=7, itself=False)
    np.testing.assert_array_equal(indices, kernel.argmax(axis=1))
    np.testing.assert_allclose(similarities, kernel.max(axis=1), rtol=1e-6)
    one = unit_rows(1)
    assert nearest(one, one, itself=False)[0].tolist() == [-1]  # a row is not its own nearest


def test_near_repeats_are_rows_with_another_at_the_threshold():
    rows = np.array([[1, 0], [0.8, 0.6], [0, 1], [-1, 0]], dtype=np.float32)  # cosines to the next: 0.8, 0.6, 0
    found = figures(measured("a", "b", "c", "d", embeddings=rows), threshold=0.7)
    assert found["near_repeats"] == {"threshold": 0.7, "share": 0.5}
    assert found["similarity"]["max"] == 0.8
    assert found["similarity"]["mean_nearest"] == round((0.8 + 0.8 + 0.6 + 0) / 4, 4)


def test_verbs_are_counted_with_their_nouns():
    pairs = [("write", "poem"), ("write", "poem"), ("write", "letter"), ("name", "river"), None, None]
    found = figures(measured(*"abcdef"), verbs=VerbNouns(pairs, skipped=1, parser="small 1.0"))["verb_noun"]
    nouns = [{"noun": "poem", "count": 2}, {"noun": "letter", "count": 1}]
    assert found["top"][0] == {"verb": "write", "count": 3, "nouns": nouns}
    assert found["entropy_bits"] == 1.5  # of 1/2, 1/4, 1/4
    assert [found[key] for key in ("with_pair", "verb_noun_pairs", "without_pair", "other_languages")] == [4, 3, 1, 1]


def test_twenty_verbs_with_four_nouns_each_are_the_top():
    pairs = [(f"verb{verb:02}", f"noun{noun}") for verb in range(25) for noun in range(6)]
    top = top_verbs(pairs)
    assert [verb for verb, _, _ in top] == [f"verb{verb:02}" for verb in range(20)]
    assert top[0] == ("verb00", 6, [(f"noun{noun}", 1) for noun in range(4)])


def test_pairs_grow_with_each_round():
    pairs = [("name", "river"), ("name", "lake"), None, ("name", "river")]
    assert cumulative_pairs(np.array([2, 0, 5, 0]), VerbNouns(pairs, 0, "small")) == {0: 2, 2: 2, 5: 2}


def test_rounds_have_lengths_of_their_own():
    found = figures(measured("a", "a b c", "a b c d e", rounds=np.array([0, 1, 1])))["rounds"]
    tokens = {"q1": 3.5, "median": 4.0, "q3": 4.5}
    assert found[1] == {"round": 1, "rows": 2, "instruction_tokens": tokens, "verb_noun_pairs": None}


def test_lengths():
    found = lengths(np.array([1, 2, 3, 10]))
    quartiles = {"min": 1.0, "q1": 1.75, "median": 2.5, "q3": 4.75, "p95": 8.95, "max": 10.0}
    assert found == {"mean": 4.0, "sd": 3.5355, **quartiles}


def test_tags_that_were_never_used_are_counted():
    found = figures(measured("a", "b", tags={"task_type": ["code", "code"], "style": ["command", "any"]}))["tags"]
    assert (found["combinations"], found["of"]) == (2, 4)
    assert found["kinds"]["task_type"] == {"evenness": 0.0, "counts": {"translate": 0, "code": 2}}
    assert found["kinds"]["style"]["counts"] == {"command": 1, "question": 0, "any": 1}
    assert entropy([3, 3, 3, 0]) == pytest.approx(np.log(3))  # equal counts are even


def test_responses():
    responses = ["One one two.", "Two: 1. oak 2. elm", "First code code.", " "]
    found = figures(measured(*"abcd", responses=responses, finish_reasons=["stop", "length", "stop", "stop"]))
    assert {key: found["responses"][key] for key in ("empty", "cut_off")} == {"empty": 0.25, "cut_off": 0.25}
    assert found["responses"]["type_token_ratio"] == round((2 / 3 + 1 + 2 / 3) / 3, 4)


def test_quality_leaves_out_what_nothing_judged():
    found = figures(measured("a", "b", "c", quality=np.array([0.5, np.nan, 1.0])))["quality"]
    assert found == {"judged": 2, "mean": 0.75, "q1": 0.625, "median": 0.75, "q3": 0.875}


@pytest.mark.parametrize("count", [0, 1, 2])
def test_few_rows_give_json_without_nan(count):
    rows = measured(*["Nenne Moose"] * count, quality=np.full(count, np.nan))
    found = figures(rows, verbs=VerbNouns([None] * count, count, "small"))
    assert json.loads(json.dumps(found, allow_nan=False)) == found
    assert found["rows"] == count


def test_another_set_has_no_rounds_tags_or_vectors():
    columns = {"embeddings": None, "rounds": None, "tags": None, "finish_reasons": None}
    found = figures(measured("a", "b", **columns))
    missing = ("similarity", "vendi_score", "near_repeats", "tags", "rounds", "verb_noun")
    assert [found[key] for key in missing] == [None] * 6
    assert found["responses"]["cut_off"] is None

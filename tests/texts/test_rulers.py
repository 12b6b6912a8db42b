"""Parts of a text are counted as their texts would be, without tokenising them again."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tokenizers import Tokenizer
from tokenizers.models import BPE

from fanno_hf.sources.sample import read_sample
from fanno_hf.texts.rulers import Slow, Words
from fanno_hf.texts.segment import TokenCounter, split_passages
from tests.texts.test_segment import COUNTERS

PARTS = [
    "the ",
    "moss",
    ". ",
    "\n",
    "\n\n",
    " ",
    "\x1c",
    "\u3000",
    "1,5",
    "字",
    "。",
    "é",
    "e\u0301",
    "हिन्दी ",
    "さよう",
    "[SEP]",
    "–",
]
TEXTS = st.one_of(st.text(max_size=60), st.lists(st.sampled_from(PARTS), max_size=40).map("".join))


def joining() -> TokenCounter:
    """A counter that joins words over the space between them, which no ruler expects."""
    characters = [chr(code) for code in range(32, 127)]
    vocabulary = {part: index for index, part in enumerate([*characters, "s ", "s h"])}
    return TokenCounter("joining", Tokenizer(BPE(vocab=vocabulary, merges=[("s", " "), ("s ", "h")])))


@pytest.mark.parametrize("name", ["words", "minilm"])
@settings(max_examples=150, deadline=None)
@given(data=st.data())
def test_any_part_counts_as_its_text(name, data):
    counter, text = COUNTERS[name], data.draw(TEXTS)
    ruler = counter.ruler(text)
    start, end = sorted(data.draw(st.tuples(*[st.integers(0, len(text))] * 2)))
    before, after = data.draw(st.sampled_from([("", ""), ("| a |\n", ""), ("```x\n", "\n```"), ("moss", "fern")]))
    assert ruler.is_exact
    assert ruler.count(start, end, before, after) == counter.count(before + text[start:end] + after)


@pytest.mark.parametrize("counter", [*COUNTERS.values(), joining()], ids=[*COUNTERS, "joining"])
def test_passages_are_those_of_counting_each_piece(counter, monkeypatch):
    texts = [row["text"] or "" for row in read_sample()]
    texts += [
        "\n\n".join(texts[:20]),
        "# Moss\n\n" + "\n".join(["| a | b |", "|---|---|", *["| moss has | roots |"] * 30]),
    ]
    found = [split_passages(text, counter, 60, 20) for text in texts]
    monkeypatch.setattr(TokenCounter, "ruler", lambda self, text: Slow(text, self.count))
    assert found == [split_passages(text, counter, 60, 20) for text in texts]


def test_a_word_is_tokenised_once():
    counted = []

    def count_batch(texts):
        counted.extend(texts)
        return [len(text) for text in texts]

    words = Words(count_batch, "字", "\u0301")
    assert words.ruler("moss and fern\nand moss").count(0, 13) == 11
    assert words.ruler("fern, moss 字字").count(0, 13) == 11
    assert counted == ["moss", "and", "fern", "fern,", "字"]


def test_words_are_forgotten_when_they_are_too_many(monkeypatch):
    monkeypatch.setattr("fanno_hf.texts.rulers._KNOWN", 20)
    words = Words(lambda texts: [1] * len(texts), "字", "\u0301")
    for number in range(100):
        assert words.ruler(f"moss number {number}").count(0, 13) == 3
    assert len(words._known) < 10


def test_a_long_text_is_looked_at_in_blocks(monkeypatch):
    text = "mosses have no roots " * 50
    whole = COUNTERS["minilm"].ruler(text).count(3, 999)
    monkeypatch.setattr("fanno_hf.texts.rulers._BLOCK", 64)
    assert COUNTERS["minilm"].ruler(text).count(3, 999) == whole == COUNTERS["minilm"].count(text[3:999])

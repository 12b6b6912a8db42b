"""What numpy counts is what the regular expressions say: characters, words, tokens, n-grams, and words a pattern needs."""

from collections import Counter

import pytest
import regex
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st

from fanno_hf.rules import garbled, odd_words
from fanno_hf.rules.measures import Classes
from fanno_hf.rules.needed import may_match, needed_words
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.rules.repetition import _duplicate_ngrams, _duplicate_units, _units
from fanno_hf.rules.tokens import Tokens, find_tokens
from tests.conftest import CONFIGURATION

tried = settings(deadline=None)  # the first text makes the tables
CLASSES = (garbled._CLASSES, odd_words._CLASSES, odd_words._FIRST, odd_words._SECOND, Tokens.CLASSES)
ANY = st.characters(codec=None, exclude_categories=())
TEXTS = (
    st.text(ANY) | st.text(st.sampled_from('aabBcdfg1²٣_ \n\x0b\x1f。.?!"東京яßſK')) | st.text("ab1 .\n", min_size=20)
)
INJECTIONS = yaml.safe_load((CONFIGURATION / "stages/prescreen.yaml").read_text(encoding="utf-8"))["prompt_injections"]


@pytest.mark.parametrize("classes", CLASSES)
@tried
@given(text=TEXTS)
def test_classes_are_what_their_patterns_match(classes: Classes, text):
    found = classes.of(text)
    for name, pattern in classes._patterns.items():
        expected = [regex.fullmatch(pattern, char, regex.V1) is not None for char in text]
        assert found[name].tolist() == expected, name
        assert found.count(name) == sum(expected)


def test_odd_words_are_counted():
    assert odd_words.count_odd_words("a qu1ck brwn fox, tHiS and 東京", 5) == (6, 3)
    assert odd_words.count_odd_words("https://d()g.org/qu1ck H2O", 5) == (1, 0)
    assert odd_words.count_odd_words(" \n", 5) == (0, 0)


@tried
@given(st.text(st.sampled_from("aabBcdfgxz01²) \x1f\x85;!\"_'яЯßſKω東")) | st.text(ANY))
def test_odd_words_are_those_that_the_pattern_finds(text):
    words = [word for word in text.split() if "://" not in word and regex.search(f"[{odd_words.ALPHABETS}]", word)]
    pattern = odd_words._odd_word_pattern(3)
    odd = [word for word in words if not word.isupper() and pattern.search(word)]
    assert odd_words.count_odd_words(text, 3) == (len(words), len(odd))


def as_text(tokens: Tokens) -> list[str]:
    return [
        "".join(map(chr, tokens.codes[begin : begin + length]))
        for begin, length in zip(tokens.begins.tolist(), tokens.lengths.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("be, or not_to be 東京x _ __ _a", ["be", "or", "not_to", "be", "東", "京", "x", "_a"]),
        ("a" * 41 + " " + "b" * 40 + " " + "_" * 50, [*"a" * 41, "b" * 40]),
        ("٣² 1st e\u0301 12 — \ud800", ["٣²", "1st", "e\u0301", "12"]),
        ("", []),
    ],
)
def test_tokens(text, expected):
    tokens = find_tokens(Tokens.CLASSES.of(text))
    assert as_text(tokens) == expected
    if expected:
        assert tokens.are_digits().tolist() == [token.isdigit() for token in expected]


@tried
@given(TEXTS)
def test_equal_tokens_have_equal_hashes_and_others_do_not(text):
    tokens = find_tokens(Tokens.CLASSES.of(text))
    if len(tokens):
        pairs = set(zip(as_text(tokens), tokens.hashes().tolist(), strict=True))
        assert len(pairs) == len({text for text, _ in pairs}) == len({value for _, value in pairs})


def count_ngrams(tokens: list[str], size: int, min_loop: int) -> tuple[float, int]:
    """The definition, an n-gram after the other."""
    covered, last_seen = [False] * len(tokens), {}
    lag = run = longest = 0
    for start in range(len(tokens) - size + 1):
        gram = tuple(tokens[start : start + size])
        before, last_seen[gram] = last_seen.get(gram), start
        if before is None or all(token.isdigit() for token in gram):
            run = 0
            continue
        covered[start : start + size] = [True] * size
        run = run + 1 if start - before == lag else 1
        lag = start - before
        if run + size - 1 + lag >= min_loop * max(lag, 3):
            longest = max(longest, run + size - 1 + lag)
    repeated = sum(len(token) for token, flag in zip(tokens, covered, strict=True) if flag)
    return repeated / max(sum(map(len, tokens)), 1), longest


@tried
@given(st.lists(st.sampled_from(["a", "b", "moss", "1", "22", "東", "京"]), max_size=60), st.integers(2, 5))
def test_ngrams_are_those_of_the_definition(words, size):
    tokens = find_tokens(Tokens.CLASSES.of(" ".join(words)))
    assert _duplicate_ngrams(tokens, size, 3) == count_ngrams(words, size, 3)


@tried
@given(TEXTS)
def test_lines_and_sentences_are_those_of_the_definition(text):
    text = text.casefold()
    found = Tokens.CLASSES.of(text)
    split = {"lines": text.splitlines(), "sentences": regex.split(r"(?V0)(?<=[.!?])[\s\x1c-\x1f]+|[。！？।؟\n]", text)}
    for name, units in _units(text).items():
        expected = Counter(" ".join(unit.split()) for unit in split[name])
        assert Counter(filter(None, units)) == Counter({unit: n for unit, n in expected.items() if unit})
        sizes = {unit: len(regex.findall(r"[\p{L}\p{M}\p{N}]", unit)) for unit in expected}
        extra = {unit: sizes[unit] * (count - 1) for unit, count in expected.items()}
        total = sum(sizes[unit] * count for unit, count in expected.items())
        share, unit = _duplicate_units(units, found, 0.0)
        assert share == sum(extra.values()) / max(total, 1)
        assert not share or unit == max(extra, key=extra.get)


@pytest.mark.parametrize(
    ("pattern", "words"),
    [
        (r"\b(?:ignore|disregard)\s+(?:all\s+)?", {"ignore", "disregard"}),
        (r"(?x) \[/?INST\] | <</?SYS>> # Llama 2", {"inst]", "sys>>"}),
        (r"(?<!no\s)Reset(?:s+|ting)?", {"reset"}),
        (r"\d+|now", set()),
        (r"(?:now)?", set()),
        (r"(?:now){e<=1} then", set()),  # fuzzy
        (r"[[:alpha:]]now", set()),
        (r"\p{L}now", set()),  # what only `regex` knows
        ("(", set()),
    ],
)
def test_needed_words(pattern, words):
    assert needed_words(pattern) == words


PIECES = [
    "ignore ",
    "FORGET ",
    "your ",
    "all ",
    "Instructions",
    "show ",
    "the ",
    "system ",
    "prompt",
    "<<ſys>>",
    "<s>",
    "</s>",
]


@tried
@given(st.lists(st.sampled_from(PIECES), max_size=6).map("".join))
def test_what_matches_may_match(text):
    for pattern in compile_patterns("prompt_injections", INJECTIONS):
        assert not pattern.search(text) or may_match(pattern, text, text.lower())


def test_a_long_s_is_an_s():
    (pattern,) = compile_patterns("prompt_injections", ["<<sys>>"])
    assert pattern.search("<<ſYS>>")
    assert may_match(pattern, "<<ſYS>>", "<<ſYS>>".lower())


def test_a_minimum_of_no_words_judges_any_text():
    limits = {"min_letter_share": 0, "max_broken_share": 1, "max_symbol_run": 30, "max_odd_word_share": 0}
    limits |= {"max_one_letter_share": 1, "max_consonant_run": 5, "min_words": 0}
    assert garbled.garbled_reason("東京", **limits) is None

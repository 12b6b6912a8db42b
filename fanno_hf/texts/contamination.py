"""Finds texts that contain a piece of a benchmark, to keep them out of training data.

benchmark item ("gsm8k/test:17", ["A robe takes 2 bolts of blue fiber and half that much white fiber. How many …?"])
before  "Exercise 4: a robe takes two … 2 bolts of BLUE fiber -- and half that much white fiber. How many bolts in all?"
after   ("gsm8k/test:17", "2 bolts of blue fiber and half that much white fiber how many")
"""

from array import array
from collections.abc import Iterable
from functools import lru_cache

import numpy as np

from fanno_hf.texts.segment import words
from fanno_hf.texts.shingles import MULTIPLIER, hash_words, split_words

_WORD = 10  # the weights of words, in tenths
_INVERSE = np.uint64(pow(int(MULTIPLIER), -1, 2**64))


class Benchmarks:
    """An index of benchmark items: tells whether a text shares a run of words with one of them.

    The rule is that of GPT-3 (Brown et al. 2020, appendix C): 13 words in a row; case, width, punctuation and
    whitespace are ignored. In scripts without spaces a character says less than a word: 13 characters of Chinese may be
    just a name. So an ideograph, a kana or a hangul syllable counts as half a word, and a letter of Thai, Lao, Burmese
    or Khmer as a fifth; a run is as long as it takes to make up `ngram` words, such as 26 ideographs.

    A shorter benchmark text of at least `min_words` is found where the whole of it is in the text; a still shorter one
    ("Paris") is never found. What many items share, such as the wording of a task, is found like anything else: leave
    it out of `items`.

    The index takes about 18 bytes for each word of the items, plus the words in UTF-8.

    Args:
        items: (name, texts) of each benchmark item, as in ("gsm8k/test:17", [question, answer]).
        ngram: words in a row that count as contamination, at least 1.
        min_words: words of the shortest benchmark text that is looked for, in [1, ngram].
    """

    def __init__(self, items: Iterable[tuple[str, list[str]]], ngram: int = 13, min_words: int = 8):
        self._run = ngram * _WORD
        self._names: list[str] = []
        self._texts: list[bytes] = []  # the words of each benchmark text, with spaces between
        self._item_of: list[int] = []  # the item that each of them belongs to
        self._runs, self._wholes = _Table(), _Table()
        self._whole_lengths: set[int] = set()
        for name, texts in items:
            self._names.append(name)
            for text in texts:
                self._add(split_words(text), min_words * _WORD)
        self._runs.close()
        self._wholes.close()

    def _add(self, tokens: list[bytes], least: int) -> None:
        weights = _weights_before(tokens)
        if weights[-1] < least:
            return
        if weights[-1] < self._run:
            table, starts, ends = self._wholes, np.array([0]), np.array([len(tokens)])
            self._whole_lengths.add(len(tokens))
        else:
            table, (starts, ends) = self._runs, _runs(weights, self._run)
        table.add(_RunHashes(tokens).of(starts, ends), len(self._texts), starts)
        self._texts.append(b" ".join(tokens))
        self._item_of.append(len(self._names) - 1)

    def find(self, text: str) -> tuple[str, str] | None:
        """Returns a benchmark item that a text contains a piece of, and the shared words, normalised; None if there is none.

        Of several items the first given counts, of several pieces the first in the text.
        """
        tokens = split_words(text)
        hashes = _RunHashes(tokens)
        starts, ends = _runs(_weights_before(tokens), self._run)
        found = self._search(hashes, starts, ends, self._runs)
        for length in self._whole_lengths:
            starts = np.arange(len(tokens) - length + 1)
            found += self._search(hashes, starts, starts + length, self._wholes)
        for _, start, end, number, position in sorted(found):
            shared = tokens[start:end]
            # different runs may have the same hash, so the words are compared
            if self._texts[number].split()[position : position + end - start] == shared:
                name = self._names[self._item_of[number]]
                return name, b" ".join(shared).decode("utf-8", "surrogatepass")
        return None

    def _search(self, hashes: "_RunHashes", starts: np.ndarray, ends: np.ndarray, table: "_Table") -> list[tuple]:
        """Returns (item, start, end, benchmark text, position in it) of the runs whose hash an item has."""
        found = table.look_up(hashes.of(starts, ends))
        return [(self._item_of[text], int(starts[run]), int(ends[run]), text, at) for run, text, at in found]


class _Table:
    """Maps the hash of a run of words to its place in the benchmark texts; of equal hashes the first added counts."""

    def __init__(self) -> None:
        self._added = array("Q"), array("Q")  # hashes, and text << 32 | position, until closed
        self._hashes = self._places = np.zeros(0, dtype=np.uint64)
        self._filter, self._shift = np.zeros(1, dtype=np.uint8), np.uint64(61)

    def add(self, hashes: np.ndarray, text: int, positions: np.ndarray) -> None:
        self._added[0].frombytes(hashes.tobytes())
        self._added[1].frombytes(((text << 32) + positions).tobytes())

    def close(self) -> None:
        if self._added[0]:
            hashes, places = (np.frombuffer(added, dtype=np.uint64) for added in self._added)
            order = np.argsort(hashes, kind="stable")
            hashes = hashes[order]
            is_first = np.append(True, hashes[1:] != hashes[:-1])
            self._hashes, self._places = hashes[is_first], places[order[is_first]]
            del hashes, places, order  # before the next large arrays
            self._added = array("Q"), array("Q")
            # A search in millions of hashes costs a dozen cache misses. A bit for each prefix of a hash, at most 1 in 8
            # of them set, saves most searches.
            bits = max(6, (8 * len(self._hashes) - 1).bit_length())
            self._filter, self._shift = np.zeros(2 ** (bits - 3), dtype=np.uint8), np.uint64(64 - bits)
            first_bits = self._hashes >> self._shift
            np.bitwise_or.at(self._filter, first_bits >> np.uint64(3), _bit(first_bits))

    def look_up(self, hashes: np.ndarray) -> list[tuple[int, int, int]]:
        """Returns (index in `hashes`, text, position) of those that are there."""
        first_bits = hashes >> self._shift
        maybe = np.flatnonzero(self._filter[first_bits >> np.uint64(3)] & _bit(first_bits))
        if not len(maybe):
            return []
        at = np.minimum(np.searchsorted(self._hashes, hashes[maybe]), len(self._hashes) - 1)
        is_hit = self._hashes[at] == hashes[maybe]
        places = self._places[at[is_hit]].tolist()
        hits = maybe[is_hit].tolist()
        return [(hit, place >> 32, place & (2**32 - 1)) for hit, place in zip(hits, places, strict=True)]


def _bit(numbers: np.ndarray) -> np.ndarray:
    return np.left_shift(np.uint8(1), (numbers & np.uint64(7)).astype(np.uint8))


def _weights_before(tokens: list[bytes]) -> np.ndarray:
    """Returns the weight of all words before each one, and of all: int64, shape (n_words + 1,), in tenths of a word."""
    weights = [_WORD if token[0] < 0x80 else _weight(token) for token in tokens]
    return np.cumsum([0, *weights], dtype=np.int64)


@lru_cache(maxsize=2**16)
def _weight(token: bytes) -> int:
    word = token.decode("utf-8", "surrogatepass")
    if len(words(word + word)) == 1:
        return _WORD
    return _WORD // 5 if "\u0e00" <= word[0] <= "\u17ff" else _WORD // 2  # Thai, Lao, Burmese, Khmer


def _runs(weights: np.ndarray, least: int) -> tuple[np.ndarray, np.ndarray]:
    """Returns the starts and ends of the runs: from each word the shortest that weighs enough."""
    ends = np.searchsorted(weights, weights + least)
    starts = np.flatnonzero(ends < len(weights))
    return starts, ends[starts]


class _RunHashes:
    """Hashes of runs of words.

    hash = sum over i of hash(tokens[start + i]) · M**i modulo 2**64 (Karp and Rabin 1987), from running sums.
    """

    def __init__(self, tokens: list[bytes]):
        self._sums = np.zeros(len(tokens) + 1, dtype=np.uint64)
        np.cumsum(hash_words(tokens) * _powers(MULTIPLIER, len(tokens)), out=self._sums[1:])
        self._scale = _powers(_INVERSE, len(tokens))

    def of(self, starts: np.ndarray, ends: np.ndarray) -> np.ndarray:
        """Returns the hash of each run tokens[start:end]: uint64."""
        return (self._sums[ends] - self._sums[starts]) * self._scale[starts]


def _powers(base: np.uint64, count: int) -> np.ndarray:
    powers = np.full(count, base, dtype=np.uint64)
    powers[:1] = 1
    return np.multiply.accumulate(powers)

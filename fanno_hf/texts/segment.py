"""Counts tokens and cuts long documents into passages.

before  "Mosses have no roots.\n\nThey drink through their leaves."     (at most 6 tokens, counted by "words")
after   ["Mosses have no roots.", "They drink through their leaves."]
"""

import hashlib
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

from tokenizers import Tokenizer

from fanno_hf.texts.blocks import find_blocks, has_marks
from fanno_hf.texts.cuts import Span, cuts
from fanno_hf.texts.packing import pack

# Scripts without spaces, and hangul, where one character is one word: kana, ideographs, Thai, Lao, Burmese, Khmer.
_UNSPACED = (
    "\u3005-\u3007\u3041-\u3096\u309d-\u309f\u30a1-\u30fa\u30fc-\u30ff\u31f0-\u31ff\uff66-\uff9f"
    "\u3400-\u4dbf\u4e00-\u9fff\uf900-\ufaff\U00020000-\U0003ffff"
    "\uac00-\ud7a3\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff"
)
# Characters that belong to the one before them: accents, vowel signs, joiners. Python's \w leaves them out, so without
# this class a Hindi word would fall apart at each vowel. Only up to U+FFFF, where `re` looks a class up in one step.
_EXTENDING = "".join(chr(c) for c in range(0xAD, 0x10000) if unicodedata.category(chr(c)) in ("Mn", "Mc", "Me", "Cf"))
_SPACED_WORD = rf"[^\W{_UNSPACED}]+(?:[{_EXTENDING}]+[^\W{_UNSPACED}]*)*"
_WORD = re.compile(rf"{_SPACED_WORD}|[{_UNSPACED}][{_EXTENDING}]*")
_WORD_OR_MARK = re.compile(rf"{_SPACED_WORD}|\S[{_EXTENDING}]*")

_BATCH = 256


def words(text: str) -> list[str]:
    """Returns the Unicode words of a text, in order, without punctuation or symbols.

    >>> words("Don't panic: 東京!")
    ['Don', 't', 'panic', '東', '京']
    """
    return _WORD.findall(text)


@dataclass(frozen=True)
class TokenCounter:
    """Counts the tokens of a text, special tokens left out and nothing truncated."""

    # what decides the counts: "words", or the tokenizer's name and the first 12 hexadecimal digits of the sha256 of
    # its serialised form, as in "gpt2@1f2c3d4e5f60". Of a folder only its own name counts, so that moving it changes
    # nothing
    identity: str
    # a Hugging Face tokenizer without truncation and padding, or None to count words
    tokenizer: Tokenizer | None = None

    @classmethod
    def load(cls, name_or_path: str) -> "TokenCounter":
        """Loads a counter: "words" (Unicode words, each punctuation mark and each character of a script without spaces
        counts as one; nothing is downloaded), a tokenizer.json file, a folder that holds one, or a model name on the Hub.

        Raises ValueError if there is no such tokenizer.
        """
        if name_or_path == "words":
            return cls("words")
        name, tokenizer = _load_tokenizer(name_or_path)
        # tokenizer.json files carry the limits of the model they come from (MiniLM's stops counting at 128).
        tokenizer.no_truncation()
        tokenizer.no_padding()
        digest = hashlib.sha256(tokenizer.to_str().encode()).hexdigest()
        return cls(f"{name}@{digest[:12]}", tokenizer)

    def count(self, text: str) -> int:
        """Returns the number of tokens of one text."""
        return self.count_batch([text])[0]

    def count_batch(self, texts: list[str]) -> list[int]:
        """Returns the number of tokens of each text."""
        if self.tokenizer is None:
            return [sum(1 for _ in _WORD_OR_MARK.finditer(text)) for text in texts]
        counts = []
        for start in range(0, len(texts), _BATCH):  # an encoding takes far more memory than its text
            encodings = self.tokenizer.encode_batch_fast(texts[start : start + _BATCH], add_special_tokens=False)
            counts += map(len, encodings)
        return counts


def _load_tokenizer(name_or_path: str) -> tuple[str, Tokenizer]:
    path = Path(name_or_path).expanduser()
    if path.exists():
        folder, file = (path, path / "tokenizer.json") if path.is_dir() else (path.parent, path)
        try:
            return folder.absolute().name, Tokenizer.from_file(str(file))
        except Exception as error:  # the library raises bare Exception
            raise ValueError(f"'{file}' is no readable tokenizer.json ({error}); name one, or use 'words'") from error
    try:
        return name_or_path, Tokenizer.from_pretrained(name_or_path)
    except Exception as error:
        raise ValueError(
            f"no tokenizer '{name_or_path}': it is neither a file or folder here nor loadable from the Hub "
            f"({type(error).__name__}); check the name, or use 'words', which needs no download"
        ) from error


class Passage(NamedTuple):
    """A piece of a document."""

    text: str
    start: int  # where it begins in the document, in characters; what is repeated in front of it does not count
    heading: str  # that it begins with, else the nearest before it; "" where there is none


def split_passages(text: str, counter: TokenCounter, max_tokens: int, min_tokens: int = 0) -> list[Passage]:
    """Cuts a text into passages at paragraph bounds, else at sentence bounds, else between words.

    Every character that is not whitespace lands in exactly one passage, in order; each is filled as far as the limit
    allows. Where there are headings, fences or tables, what belongs together stays so (see `texts.packing`), and the
    head of a table or fence that is cut is repeated.

    Args:
        text: the document; one that fits comes back as a single passage, whole but for the whitespace around it.
        max_tokens: largest number of tokens of a passage, at least 1. A text of at most as many UTF-8 bytes is assumed
            to fit, so a tokenizer that puts a token before each text may exceed it by that one.
        min_tokens: if the last passage has fewer, the cut before it moves back until both have as many; if no cut does
            that, the last passage stays short. In [0, max_tokens].

    Returns:
        The passages, none of them empty; an empty list for a blank text.
    """
    blocks = find_blocks(text) if has_marks(text) else []
    if all(block.kind == "text" for block in blocks):
        spans = _plain_spans(text, counter, max_tokens, min_tokens)
        return [Passage(text[start:end], start, "") for start, end in spans]
    starts, headings = [], [""]
    for block in blocks:
        if block.kind == "heading":
            starts.append(block.start)
            headings.append(block.title)
    pieces = pack(text, blocks, counter.count_batch, max_tokens, min_tokens)
    return [Passage(piece.of(text), piece.start, headings[bisect_right(starts, piece.start)]) for piece in pieces]


def _plain_spans(text: str, counter: TokenCounter, max_tokens: int, min_tokens: int) -> list[Span]:
    """Returns the bounds of the passages of a text without headings, fences and tables."""
    spans = list(cuts(text, counter.count, max_tokens))
    if len(spans) > 1 and counter.count(text[slice(*spans[-1])]) < min_tokens:
        spans[-2:] = _lengthen_last(text, spans[-2:], counter, min_tokens)
    return spans


def _lengthen_last(text: str, spans: list[Span], counter: TokenCounter, min_tokens: int) -> list[Span]:
    """Returns two neighbouring spans, cut again so that both have `min_tokens`, or unchanged if no cut does that."""
    start, end = spans[0][0], spans[1][1]
    both = text[start:end]
    room = max(1, counter.count(both) - min_tokens)
    moved = [(start + begin, start + stop) for begin, stop in cuts(both, counter.count, room)]
    enough = all(counter.count(text[begin:stop]) >= min_tokens for begin, stop in moved)
    return moved if len(moved) == 2 and enough else spans

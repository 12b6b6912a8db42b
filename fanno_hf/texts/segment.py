"""Counts tokens and cuts long documents into passages.

before  "Mosses have no roots.\n\nThey drink through their leaves."     (at most 6 tokens, counted by "words")
after   ["Mosses have no roots.", "They drink through their leaves."]
"""

import hashlib
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from semantic_text_splitter import TextSplitter
from tokenizers import Tokenizer

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

# The splitter sees this many characters per allowed token at a time: several passages of any usual text.
_BLOCK_CHARACTERS_PER_TOKEN = 16
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


def split_passages(text: str, counter: TokenCounter, max_tokens: int, min_tokens: int = 0) -> list[str]:
    """Cuts a text into passages at paragraph bounds, else at sentence bounds, else between words.

    Every character that is not whitespace lands in exactly one passage, in order. Cuts are found by
    `semantic_text_splitter.TextSplitter`, which fills each passage as far as the limit allows.

    Args:
        text: the document; one that fits comes back as a single passage, whole but for the whitespace around it.
        max_tokens: largest number of tokens of a passage, at least 1. A text of at most as many UTF-8 bytes is assumed
            to fit, so a tokenizer that puts a token before each text may exceed it by that one.
        min_tokens: if the last passage has fewer, the cut before it moves back until both have as many; if no cut does
            that, the last passage stays short. In [0, max_tokens].

    Returns:
        The passages, none of them empty; an empty list for a blank text.
    """
    spans = list(_spans(text, counter, max_tokens))
    if len(spans) > 1 and counter.count(text[slice(*spans[-1])]) < min_tokens:
        spans[-2:] = _lengthen_last(text, spans[-2:], counter, min_tokens)
    return [text[start:end] for start, end in spans]


def _lengthen_last(
    text: str, spans: list[tuple[int, int]], counter: TokenCounter, min_tokens: int
) -> list[tuple[int, int]]:
    """Returns two neighbouring spans, cut again so that both have `min_tokens`, or unchanged if no cut does that."""
    start, end = spans[0][0], spans[1][1]
    both = text[start:end]
    room = max(1, counter.count(both) - min_tokens)
    moved = [(start + begin, start + stop) for begin, stop in _spans(both, counter, room)]
    enough = all(counter.count(text[begin:stop]) >= min_tokens for begin, stop in moved)
    return moved if len(moved) == 2 and enough else spans


def _spans(text: str, counter: TokenCounter, max_tokens: int) -> Iterator[tuple[int, int]]:
    """Yields the bounds of each passage, in characters.

    The splitter is given a block at a time: over a whole book it slows down and its memory grows. The last passage of
    a block may have been cut by the block's end, so the next block starts with it again.
    """
    # The splitter asks for one count in five twice.
    splitter = TextSplitter.from_callback(lru_cache(maxsize=64)(counter.count), max_tokens)
    start, size = 0, _BLOCK_CHARACTERS_PER_TOKEN * max_tokens
    while start < len(text):
        chunks = splitter.chunk_indices(text[start : start + size])
        at_end = start + size >= len(text)
        if not at_end and len(chunks) < 2:
            size *= 2  # long tokens or much whitespace: no cut is certain yet
            continue
        for offset, chunk in chunks if at_end else chunks[:-1]:
            # Python knows a few more whitespace characters than the splitter does.
            begin = start + offset + len(chunk) - len(chunk.lstrip())
            if chunk.strip():
                yield begin, begin + len(chunk.strip())
        if at_end:
            return
        start, size = start + chunks[-1][0], _BLOCK_CHARACTERS_PER_TOKEN * max_tokens

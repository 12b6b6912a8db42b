"""Counts tokens and cuts long documents into passages.

before  "Mosses have no roots.\n\nThey drink through their leaves."     (at most 6 tokens, counted by "words")
after   ["Mosses have no roots.", "They drink through their leaves."]
"""

import hashlib
import json
import re
import unicodedata
from bisect import bisect_right
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, NamedTuple

from tokenizers import Tokenizer

from fanno_hf.texts.blocks import find_blocks, has_marks
from fanno_hf.texts.cuts import cuts, window_size
from fanno_hf.texts.packing import Piece, pack
from fanno_hf.texts.rulers import Measure, Slow, Words

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

# Characters that BERT's tokenizers set apart: punctuation of ASCII; ideographs and their punctuation.
_PUNCTUATION = r"!-/:-@\[-`{-~"
_BERT_ALONE = "\u3001\u3002\u3400-\u4dbf\u4e00-\u9fff\uff0c"

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

    def __getstate__(self) -> dict[str, Any]:
        return {"identity": self.identity, "tokenizer": self.tokenizer}

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

    def ruler(self, text: str) -> Measure:
        """Returns what tells the tokens of any part of a text."""
        return self._words.ruler(text)

    @cached_property
    def _words(self) -> Words:
        if self.tokenizer is None:
            return Words(self.count_batch, _UNSPACED, _EXTENDING)
        if not _is_bert(self.tokenizer):
            return Words(self.count_batch)
        # such tokens as [SEP], and punctuation, are found wherever they stand
        added = [re.escape(token.content) for token in self.tokenizer.get_added_tokens_decoder().values()]
        added.sort(key=len, reverse=True)
        part = "|".join([*added, f"[{_PUNCTUATION}]", f"[^{_PUNCTUATION}]+"])
        return Words(self.count_batch, _BERT_ALONE, _EXTENDING, part)


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
    num_tokens: int


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
        blocks = []

    def cut(ruler: Measure) -> tuple[list[Piece], list[int]]:
        how = (ruler, max_tokens, min_tokens)
        pieces = pack(text, blocks, *how) if blocks else _plain_pieces(text, *how)
        return pieces, [ruler.count(*piece) for piece in pieces]

    ruler = counter.ruler(text)
    pieces, counts = cut(ruler)
    if not ruler.is_exact and counts != counter.count_batch([piece.of(text) for piece in pieces]):
        pieces, counts = cut(Slow(text, counter.count))
    titles = [block for block in blocks if block.kind == "heading"]
    starts, headings = [block.start for block in titles], ["", *(block.title for block in titles)]
    return [
        Passage(piece.of(text), piece.start, headings[bisect_right(starts, piece.start)], tokens)
        for piece, tokens in zip(pieces, counts, strict=True)
    ]


def _plain_pieces(text: str, ruler: Measure, max_tokens: int, min_tokens: int) -> list[Piece]:
    """Returns the passages of a text without headings, fences and tables."""
    solid = text.strip()
    start = text.find(solid)
    whole = Piece(start, start + len(solid))
    if solid and len(solid) <= window_size(max_tokens) and ruler.count(*whole) <= max_tokens:
        return [whole]
    pieces = [Piece(*span) for span in cuts(text, (0, len(text)), ruler.count, max_tokens)]
    if len(pieces) > 1 and ruler.count(*pieces[-1]) < min_tokens:
        pieces[-2:] = _lengthen_last(text, pieces[-2:], ruler, min_tokens)
    return pieces


def _lengthen_last(text: str, pieces: list[Piece], ruler: Measure, min_tokens: int) -> list[Piece]:
    """Returns two neighbouring pieces, cut again so that both have `min_tokens`, or unchanged if no cut does that."""
    start, end = pieces[0].start, pieces[1].end
    room = max(1, ruler.count(start, end) - min_tokens)
    moved = [Piece(*span) for span in cuts(text, (start, end), ruler.count, room)]
    enough = all(ruler.count(*piece) >= min_tokens for piece in moved)
    return moved if len(moved) == 2 and enough else pieces


def _is_bert(tokenizer: Tokenizer) -> bool:
    """Whether a tokenizer splits at white space and punctuation and sets ideographs apart, as BERT's do: then the tokens of a
    word depend on nothing around it."""
    parts = json.loads(tokenizer.to_str())
    normalizer, splitter = parts["normalizer"] or {}, parts["pre_tokenizer"] or {}
    added = parts["added_tokens"]
    return (
        splitter.get("type") == "BertPreTokenizer"
        and normalizer.get("type") == "BertNormalizer"
        and normalizer.get("handle_chinese_chars", False)
        and not any(token[name] for token in added for name in ("lstrip", "rstrip", "single_word", "normalized"))
        and not any(re.search(r"\s", token["content"]) for token in added)
    )

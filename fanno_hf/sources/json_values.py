"""Values of JSON, one after another, however long the file: the elements of a list, or values that follow one another.

[{"text": "Moss"}, {"text": "Tide"}]       ->  Value({"text": "Moss"}, number=1, line=1, is_element=True), …
{"text": "Moss"}{"text": "Tide"}           ->  the same, but no elements; so do commas and lines between them
"""

import io
import json
import re
from collections.abc import Iterator
from typing import Any, NamedTuple, TextIO

from fanno_hf.sources.document import Unreadable
from fanno_hf.texts.fit import fit_to_show

_BLOCK = 1 << 18
_LARGE, _PARTS = 16 << 20, 5_000_000  # characters of a value, and commas in it, beyond which it would take gigabytes
_SHOWN = 40  # characters of what is wrong
# what stands between values; files put together may have byte order marks amid them
_BETWEEN = re.compile(r"[ \t\n\r\ufeff,]*")
_ENDS = re.compile(r"[ \t\n\r,\]\[{\"]|$")
_LONGEST_SIGN = 16  # characters of a JSON sign that may be cut, as \ud83d\ude00 and -Infinity
_decoder = json.JSONDecoder()


class Value(NamedTuple):
    """One value of a file, its number from 1 on, and the line on which it begins."""

    value: Any
    number: int
    line: int
    is_element: bool


def values_of(text: TextIO, limit: int, in_lines: bool = False) -> Iterator[Value]:
    """Yields the values in a text.

    Args:
        limit: characters of one value.
        in_lines: each value has a line, by which messages name it; a list at the top is a value as any other.

    Raises:
        Unreadable: there is something that is no JSON, or a value beyond the limit.
    """
    given = _Text(text, limit, in_lines)
    first = given.skip()
    if not first and not in_lines:
        raise given.fault("is not JSON: it is empty")
    is_list = first == "[" and not in_lines
    given.place += is_list
    number = 0
    while (sign := given.skip()) and (sign != "]" or not is_list):
        number += 1
        value, line = given.value(number)
        yield Value(value, number, line, is_list)
    if not is_list:
        return
    if not sign:
        raise given.fault("is not JSON: its list has no end, close it with ]")
    given.place += 1
    if given.skip():
        raise given.fault("is not JSON: more stands behind its list; where each line is a value, name the file .jsonl")


def parse(text: str) -> Any:
    """Returns the one value that a text is. Raises Unreadable where it is none."""
    given = _Text(io.StringIO(text), len(text), in_lines=False)
    if not given.skip():
        raise given.fault("is not JSON: it is empty")
    value, _ = given.value(1)
    if given.skip():
        raise given.fault("is not JSON: more stands behind its end")
    return value


class _Text:
    """What of a text is in memory: read on as a value needs it, and dropped behind it."""

    def __init__(self, text: TextIO, limit: int, in_lines: bool):
        self._text, self._limit, self._in_lines = text, limit, in_lines
        self._buffer, self.place, self._is_whole = "", 0, False
        self._lines, self._counted = 1, 0  # the line at a place in the buffer

    def skip(self) -> str:
        """Goes to where the next value begins; returns the character there, "" at the end."""
        while True:
            self.place = _BETWEEN.match(self._buffer, self.place).end()
            if self.place < len(self._buffer) or not self._read_on():
                return self._buffer[self.place : self.place + 1]

    def value(self, number: int) -> tuple[Any, int]:
        """Returns the value that begins here, and its line."""
        while True:
            try:
                value, end = self._decoded()
                break
            except (ValueError, RecursionError) as error:
                if self._is_cut(error) and len(self._buffer) - self.place <= self._limit and not self._is_whole:
                    self._read_on()
                    continue
                raise self._refused(error, number) from error
        if end - self.place > self._limit:
            raise self._too_large(number)
        line = self._line(self.place)
        self.place = end
        return value, line

    def _decoded(self) -> tuple[Any, int]:
        if len(self._buffer) - self.place > _LARGE and self._buffer.count(",", self.place) > _PARTS:
            raise Unreadable("too_large", f" has a value of more than {_PARTS:,} parts: split it")
        value, end = _decoder.raw_decode(self._buffer, self.place)
        if self._buffer[end - 1] not in '"}]':  # a number or a word, which goes on or ends here
            if end == len(self._buffer) and not self._is_whole:
                raise json.JSONDecodeError("Unterminated value", self._buffer, end)
            if not _ENDS.match(self._buffer, end):
                raise json.JSONDecodeError("Expecting value", self._buffer, self.place)
        return value, end

    def _is_cut(self, error: Exception) -> bool:
        """Whether what is not read yet may mend it."""
        if not isinstance(error, json.JSONDecodeError):
            return False
        return error.msg.startswith("Unterminated") or error.pos > len(self._buffer) - _LONGEST_SIGN

    def _refused(self, error: Exception, number: int) -> Unreadable:
        is_cut = self._is_cut(error)
        while self._in_lines and not is_cut and "\n" not in self._buffer[self.place :] and self._read_on():
            is_cut = len(self._buffer) - self.place > self._limit
        if is_cut and len(self._buffer) - self.place > self._limit:
            return self._too_large(number)
        if is_cut and (error.msg.startswith("Unterminated") or error.pos >= len(self._buffer.rstrip())):
            return self.fault("is not JSON: it ends within a value", None)
        return self.fault(self._words(error), None if self._in_lines else getattr(error, "pos", None))

    def _too_large(self, number: int) -> Unreadable:
        which = f"line {self._line(self.place)}" if self._in_lines else f"value {number}"
        return Unreadable(
            "too_large",
            f", {which} is longer than data.max_file_size={self._limit:,} bytes: raise it, or split the file",
        )

    def fault(self, words: str, place: int | None = None) -> Unreadable:
        """Returns that no JSON stands at a place."""
        line = self._line(self.place if place is None else place)
        if self._in_lines:
            return Unreadable("not_json", f", line {line} {words}")
        return Unreadable("not_json", f" {words}{f' (line {line})' if line > 1 else ''}")

    def _read_on(self) -> bool:
        """Reads as much as there is of the value yet, so that none is gone through more than twice; False at the end."""
        if self._is_whole:
            return False
        length = len(self._buffer) - self.place
        block = self._text.read(max(_BLOCK, min(length, self._limit - length)))
        self._is_whole = not block
        if block:
            self._line(self.place)
            self._buffer, self.place, self._counted = self._buffer[self.place :] + block, 0, 0
        return bool(block)

    def _line(self, place: int) -> int:
        if place < self._counted:
            return self._lines - self._buffer.count("\n", place, self._counted)
        self._lines += self._buffer.count("\n", self._counted, place)
        self._counted = place
        return self._lines

    def _words(self, error: Exception) -> str:
        if isinstance(error, json.JSONDecodeError):
            return _words(error)
        if isinstance(error, RecursionError):
            return "has brackets that are nested too deep"
        # Python's own words name a function that nobody here can call
        digits = max(re.findall(r"\d{4000,}", self._buffer[self.place :]), key=len, default="")
        return f"has a number of {len(digits):,} digits: shorten it, or put it in quotes"


def _words(error: json.JSONDecodeError) -> str:
    before, here = error.doc[max(0, error.pos - _SHOWN) : error.pos].rstrip(), error.doc[error.pos :][:_SHOWN]
    said = error.msg.removesuffix(" at").removesuffix(" starting")
    said = f"is not JSON: {said[0].lower()}{said[1:]} {f'at {fit_to_show(here)!r}' if here else 'at its end'}"
    if here.startswith(("'", "True", "False", "None")):
        return f"{said}; it is written as Python does: write it with json.dumps"
    if here.startswith(("//", "/*", "#")):
        return f"{said}; JSON has no comments: take them out"
    if (here[:1] in ("}", "]") and before.endswith(",")) or error.msg.startswith("Illegal trailing comma"):
        return f"{said}; take the last comma out"
    return said

"""From bytes to text: what a byte order mark tells, else what is declared, else UTF-8; what is none of it is told by its looks.

b"\\xef\\xbb\\xbfMoss"  ->  "Moss"         b"caf\\xe9"  ->  Unreadable: "is not UTF-8: byte 3 is 0xe9; it looks like Windows-1252: …"
"""

import codecs
import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from encodings.aliases import aliases
from typing import BinaryIO, TextIO

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.kinds import kind_by_content, packing_by_content
from fanno_hf.sources.opened import Opened

# the mark of UTF-32 begins with that of UTF-16
_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
# encodings in use today, of two that may both be the more common one first; by Python's names, with those people know
_IN_USE = {
    **{
        "cp1252": "Windows-1252",
        "cp932": "CP932",
        "euc_jp": "EUC-JP",
        "gb18030": "GB18030",
        "big5": "Big5",
        "cp949": "CP949",
    },
    **{"cp1251": "Windows-1251", "koi8_r": "KOI8-R", "koi8_u": "KOI8-U"},
    **{f"cp{number}": f"Windows-{number}" for number in (1250, 1253, 1254, 1255, 1256, 1257, 1258, 874)},
    **{"iso8859_2": "ISO-8859-2", "utf_16_le": "UTF-16-LE", "utf_16_be": "UTF-16-BE"},
}
_HEAD = 4096  # bytes that tell an encoding
_LEAST_SURE = 0.1  # coherence, of language, below which a guess is worth less than what most such files are
_NEAR = 10_000  # bytes before and behind a fault that are looked at
_TIMES = 4  # as many letters beyond ASCII as faults, at least, are in a text that is damaged
_FOREIGN = 0.4  # share of letters beyond ASCII above which a text is in no Latin alphabet
_FEW = 4  # bytes that tell nothing yet: zeros, or beyond ASCII
_ZEROS = 0.02  # share of zero bytes above which a text has several bytes a character
# control characters that texts do not have, but for a few that part columns; zeros, and those of lines, printers, terminals,
# records and changes of alphabet are not among them
_CONTROLS = bytes({*range(0x01, 0x08), *range(0x10, 0x1A)})
_CONTROL_SHARE = 0.02  # above which, and _CONTROL_KINDS, bytes are no text
_CONTROL_KINDS = 4
_NO_TEXT = re.compile(
    r"(?:base|bz|hex|quo|quoted|rot|uu|zip|zlib|mbcs|oem|dbcs|ansi)"
)  # what turns bytes to bytes, or is of Windows
_TEXTS = ("", "txt", "json", "jsonl", "html")


def check_encoding(name: str | None) -> None:
    """Raises UserError where `data.encoding` names no encoding of texts."""
    try:
        b"a".decode(name or "utf-8", "replace")
    except (LookupError, ValueError) as error:
        raise UserError(
            f"data.encoding={name} is no encoding of text{did_you_mean(str(name).lower(), _known()) or ':'} "
            "leave it out for UTF-8, or give a name such as windows-1252 or utf-16"
        ) from error


def _known() -> list[str]:
    names = {name.replace("_", "-") for pair in aliases.items() for name in pair}
    return sorted(name for name in names if not _NO_TEXT.match(name))


def decode(data: bytes, declared: str | None) -> str:
    """Returns bytes as text. Raises Unreadable where they are none of the encoding, with the one that they look like."""
    encoding = _encoding_of(data[:_HEAD], declared)
    try:
        return data.decode(encoding)
    except UnicodeDecodeError as error:
        raise _fault(error, 0, declared) from error


@contextmanager
def open_text(file: Opened, declared: str | None, longest_line: int | None = None) -> Iterator[TextIO]:
    """Opens a file as text, its line ends as they are.

    Reading, or what goes on amid it, raises Unreadable as `decode` does, and where a line has more than `longest_line` bytes.
    """
    with file.stream() as stream:
        head = stream.read(_HEAD)
        counted = _Counted(head, stream, longest_line)
        try:
            yield io.TextIOWrapper(counted, _encoding_of(head, declared), newline="")
        except UnicodeDecodeError as error:
            raise _fault(error, counted.given - len(error.object), declared) from error


class _Counted(io.BufferedIOBase):
    """A stream whose first bytes were read already; counts the bytes that it gives, and those since the end of a line."""

    def __init__(self, head: bytes, stream: BinaryIO, longest_line: int | None):
        self._head, self._stream, self._longest = head, stream, longest_line
        self.given, self._line, self._in_line = 0, 1, 0

    def readable(self) -> bool:
        return True

    def read1(self, size: int = -1) -> bytes:
        data, self._head = self._head or self._stream.read(size), b""
        self.given += len(data)
        if self._longest is not None:
            self._measure(data)
        return data

    read = read1

    def _measure(self, data: bytes) -> None:
        end = max(data.rfind(b"\n"), data.rfind(b"\r"))
        self._line += data.count(b"\n")
        self._in_line = len(data) - end - 1 if end >= 0 else self._in_line + len(data)
        if self._in_line > self._longest:
            raise Unreadable(
                "too_large",
                f", line {self._line} is longer than data.max_file_size={self._longest:,} bytes: raise it, or split the line",
            )


def _encoding_of(head: bytes, declared: str | None) -> str:
    marked = next((encoding for mark, encoding in _MARKS if head.startswith(mark)), None)
    if marked:
        return marked
    zeros, even = head.count(0), head[::2].count(0)  # those of UTF-16 are half of each letter that is in ASCII
    if declared:
        name, order = codecs.lookup(declared).name, "-be" if 2 * even > zeros else "-le"
        return name + order if name in ("utf-16", "utf-32") else name
    if zeros > max(_FEW, _ZEROS * len(head)):
        if 0.1 < even / zeros < 0.9:
            raise Unreadable("encoding", f" is no text: it has zero bytes{_kind(head)}")
        raise Unreadable("encoding", f" {_looks_like('UTF-16-LE' if 2 * even < zeros else 'UTF-16-BE')}")
    return "utf-8"


def _kind(head: bytes) -> str:
    kind = packing_by_content(head) or kind_by_content(head)
    return "" if kind in _TEXTS else f", and begins as a .{kind} file does: give it that extension"


def _looks_like(encoding: str) -> str:
    return f"looks like {encoding}: set data.encoding={encoding.lower()}"


def _fault(error: UnicodeDecodeError, offset: int, declared: str | None) -> Unreadable:
    data, place = error.object, error.start
    what = f"byte {offset + place} is 0x{data[place]:02x}"
    near = bytes(data[max(0, place - _NEAR) : place + _NEAR])
    if offset == 0 and (kind := _kind(data)):
        return Unreadable("encoding", f" is no text: {what}{kind}")
    if offset + place < _HEAD and _is_binary(near):  # what was text for longer is a damaged one
        return Unreadable("encoding", f" looks like a binary file, not a text: {what}, amid control characters")
    if declared:
        return Unreadable("encoding", f" is not {declared} (data.encoding): {what}; name another one, or leave it out")
    if _is_damaged(near, error.encoding):
        return Unreadable(
            "encoding", f" is not {error.encoding.upper()} throughout: {what}, amid text that is; mend it there"
        )
    return Unreadable("encoding", f" is not UTF-8: {what}; it {_looks_like(_detected(near))}")


def _is_damaged(data: bytes, encoding: str) -> bool:
    """Whether most of what tells an encoding is well formed, so that it is this one."""
    if not encoding.startswith("utf-8"):
        return True  # a byte order mark told it
    text = data.decode("utf-8", "replace")
    faults = text.count("\ufffd")
    return sum(sign > "\x7f" for sign in text) - faults > _TIMES * faults


def _is_binary(data: bytes) -> bool:
    """Whether there are many control characters of many kinds; those that are bytes of UTF-16 are mostly every other one."""
    controls = len(data) - len(data.translate(None, _CONTROLS))
    if controls <= _CONTROL_SHARE * len(data) or len(set(data) & set(_CONTROLS)) <= _CONTROL_KINDS:
        return False
    even = data[::2]
    return 0.1 < (len(even) - len(even.translate(None, _CONTROLS))) / controls < 0.9


def _detected(data: bytes) -> str:
    """Returns the encoding that bytes which are no UTF-8 look like; of Latin letters that nothing else tells, Windows-1252."""
    from charset_normalizer import from_bytes  # slow to load, and only a fault needs it

    if 0 not in data:  # lines that are ASCII would make it sure of anything
        data = b"\n".join(line for line in data.splitlines() if not line.isascii())
    found = from_bytes(data, cp_isolation=list(_IN_USE))
    order = list(_IN_USE)
    best = min(
        found, key=lambda one: (round(one.chaos, 1), -round(one.coherence, 1), order.index(one.encoding)), default=None
    )
    alike = best.could_be_from_charset if best else ()  # that make the same text of it
    beyond = sum(byte > 127 for byte in data)
    share = beyond / (beyond + sum(chr(byte).isalpha() for byte in data if byte < 128) or 1)
    is_sure = best and beyond >= _FEW and (share > _FOREIGN or best.coherence >= _LEAST_SURE)
    return _IN_USE[min(filter(_IN_USE.__contains__, alike), key=order.index) if is_sure else "cp1252"]

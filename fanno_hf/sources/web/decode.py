"""From the bytes of a page to its characters: by what the page, or who sent it, declares."""

import codecs
import re

from resiliparse.parse.encoding import detect_encoding

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LOOKED_AT = 4096  # bytes in which a page declares its encoding
_XML = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_META = re.compile(rb"<meta\b[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_BEGINNINGS = ((b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"))
_TWO_BYTES = ("utf-16", "utf-32", "utf_16", "utf_32", "ucs-2")
_OF_TWO_BYTES = ("gb", "cp9", "euc", "big5", "johab", "shift")
_OF_THREE_BYTES = re.compile(r"[\u0800-\uffff]")  # in UTF-8; two letters of others may look like one of two
_BEYOND, _HIGH = re.compile(r"[^\x00-\x7f\ufffd]+"), re.compile(rb"[\x80-\xff]+")
_TIMES = 4  # as many letters beyond ASCII as faults, at least, are in UTF-8 that is damaged
_EASTERN_LATIN = ("iso8859-2", "cp1250", "iso8859-16")
_FEW = 20  # letters that do not tell one alphabet of Latin letters from another
# what browsers take these for: supersets, in which pages so declared are really written
_SUPERSETS = {
    **dict.fromkeys(("iso8859-1", "ascii"), "cp1252"),
    **{"iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874"},
    **{"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"},
}


def decode_page(data: bytes, declared: str | None = None) -> str:
    """Returns the page as text.

    A byte order mark tells the encoding; else `declared`, by who sent the page; else the page itself, in its XML declaration or a
    `<meta>`; else it is UTF-8. A declaration that the bytes contradict counts for nothing: bytes beyond ASCII that are UTF-8 are UTF-8,
    and where most of them are none, they are what they look like. What is wrong in the bytes beside becomes U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    for beginning, encoding in _BEGINNINGS:
        if data.startswith(beginning):
            return data.decode(encoding, "replace")
    inside = _codec(_declared(data))
    codec = _codec(declared or "") or inside or "utf-8"
    if codec == "utf-8":
        try:
            return data.decode()
        except UnicodeDecodeError:
            other = inside if inside != "utf-8" else ""  # who sent it declares one for all pages
            return _not_quite_utf8(data, other)
    if (text := _utf8(data, codec)) is not None:
        return text
    return data.decode(codec, "replace")


def _utf8(data: bytes, codec: str) -> str | None:
    """Returns bytes that are UTF-8, whatever they are said to be, as text; None where they are not, or may be either."""
    if data.isascii():
        return None
    try:
        text = data.decode()
    except UnicodeDecodeError:
        return None
    return text if not codec.startswith(_OF_TWO_BYTES) or _OF_THREE_BYTES.search(text) else None


def _not_quite_utf8(data: bytes, other: str) -> str:
    """Returns bytes that are no UTF-8 throughout as text: UTF-8, if most of those beyond ASCII are; else the `other` encoding, if any,
    or the one that they look like."""
    text = data.decode("utf-8", "replace")
    faults = text.count("\ufffd")
    if sum(map(len, _BEYOND.findall(text))) > faults * _TIMES or (faults == 1 and text[-1] == "\ufffd"):
        return text
    return data.decode(other or _looks_like(data), "replace")


def _looks_like(data: bytes) -> str:
    codec = _codec(detect_encoding(data) or "") or "cp1252"
    is_few = sum(map(len, _HIGH.findall(data))) < _FEW
    return "cp1252" if codec == "utf-8" or (is_few and codec in _EASTERN_LATIN) else codec


def _declared(data: bytes) -> str:
    head = data[:_LOOKED_AT]
    found = _XML.match(head) or _META.search(_COMMENT.sub(b"", head))
    return found[1].decode("ascii", "ignore") if found else ""


def _codec(name: str) -> str:
    """Returns the name of Python's codec; "" where there is none of text."""
    name = name.strip().strip("\"'").lower().removeprefix("x-")
    if name.startswith(_TWO_BYTES):  # it does not begin so
        return "utf-8"
    try:
        info = codecs.lookup({"sjis": "cp932", "user-defined": "cp1252"}.get(name, name))
    except (LookupError, ValueError):
        return ""
    return _SUPERSETS.get(info.name, info.name) if info._is_text_encoding else ""

"""From the bytes of a page to its characters: by what the page, or who sent it, declares."""

import codecs
import re

_MARKS = ((codecs.BOM_UTF8, "utf-8"), (codecs.BOM_UTF16_LE, "utf-16-le"), (codecs.BOM_UTF16_BE, "utf-16-be"))
_LOOKED_AT = 4096  # bytes in which a page declares its encoding
_XML = re.compile(rb"\s*<\?xml[^>]*?encoding\s*=\s*[\"']([\w.:-]+)")
_COMMENT = re.compile(rb"<!--.*?-->", re.DOTALL)
_META = re.compile(rb"<meta\b[^>]*?charset\s*=\s*[\"']?\s*([\w.:-]+)", re.IGNORECASE)
_ASCII_IN_FACT = ("utf-16", "utf-32", "utf_16", "utf_32", "ucs-2")
# what browsers take these for: supersets, in which pages so declared are really written
_SUPERSETS = {
    **dict.fromkeys(("iso8859-1", "ascii"), "cp1252"),
    **{"iso8859-9": "cp1254", "iso8859-11": "cp874", "tis-620": "cp874"},
    **{"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "euc_kr": "cp949", "big5": "big5hkscs"},
}


def decode_page(data: bytes, declared: str | None = None) -> str:
    """Returns the page as text.

    A byte order mark tells the encoding; else `declared`, by who sent the page; else the page itself, in its XML declaration or a
    `<meta>`; a page that declares none, or one that is none, is UTF-8, or else Windows-1252. What is wrong in the bytes becomes
    U+FFFD.
    """
    for mark, encoding in _MARKS:
        if data.startswith(mark):
            return data[len(mark) :].decode(encoding, "replace")
    if codec := _codec(declared or "") or _codec(_declared(data)):
        return data.decode(codec, "replace")
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        # a cut off page ends within a character
        return data.decode("utf-8" if error.start > len(data) - 4 else "cp1252", "replace")


def _declared(data: bytes) -> str:
    head = data[:_LOOKED_AT]
    found = _XML.match(head) or _META.search(_COMMENT.sub(b"", head))
    name = found[1].decode("ascii", "ignore") if found else ""
    # it was read as ASCII, so it is nothing of two bytes a character
    return "utf-8" if name.lower().startswith(_ASCII_IN_FACT) else name


def _codec(name: str) -> str:
    """Returns the name of Python's codec; "" where there is none of text."""
    name = name.strip().strip("\"'").lower().removeprefix("x-")
    try:
        info = codecs.lookup({"sjis": "cp932", "user-defined": "cp1252"}.get(name, name))
    except (LookupError, ValueError):
        return ""
    return _SUPERSETS.get(info.name, info.name) if info._is_text_encoding else ""

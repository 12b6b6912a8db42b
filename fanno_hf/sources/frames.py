"""What passes between this process and the one that reads a file: JSON, each piece behind its length in four bytes.

No object is rebuilt from bytes that a parser which was taken over could have written, as unpickling does.
"""

import json
import struct
from collections.abc import Iterator
from typing import Any, BinaryIO

from fanno_hf.sources.document import Document, Said, Unread

_LENGTH = struct.Struct(">Q")
_KINDS = {"document": Document, "unread": Unread, "said": Said}
_NAMES = {kind: name for name, kind in _KINDS.items()}


def pack(name: str, values: Any) -> bytes:
    """Returns one piece: its name and its values."""
    data = json.dumps([name, values], ensure_ascii=False).encode("utf-8", "surrogatepass")
    return _LENGTH.pack(len(data)) + data


def pack_item(item: Document | Unread | Said) -> bytes:
    """Returns an item as one piece."""
    return pack(_NAMES[type(item)], [getattr(item, name) for name in item.__slots__])


def unpack(buffer: bytearray) -> Iterator[tuple[str, Any]]:
    """Takes the whole pieces off the front of a buffer: their names, and their values or the item."""
    while len(buffer) >= _LENGTH.size:
        end = _LENGTH.size + _LENGTH.unpack_from(buffer)[0]
        if len(buffer) < end:
            return
        name, values = json.loads(bytes(buffer[_LENGTH.size : end]).decode("utf-8", "surrogatepass"))
        del buffer[:end]
        if name == "document":
            values[3] = tuple((int(start), str(place)) for start, place in values[3])
        yield name, _KINDS[name](*values) if name in _KINDS else values


def read_piece(file: BinaryIO) -> Any:
    """Reads one piece and returns its values; None at the end."""
    head = file.read(_LENGTH.size)
    return json.loads(file.read(_LENGTH.unpack(head)[0]))[1] if len(head) == _LENGTH.size else None

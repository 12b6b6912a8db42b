"""From bytes to text."""

from fanno_hf.sources.document import Unreadable

_BYTE_ORDER_MARK = b"\xef\xbb\xbf"


def decode(data: bytes, encoding: str | None, offset: int = 0) -> str:
    """Returns bytes as text; `offset`: of their first one in the file. Raises Unreadable where they are none of the encoding."""
    try:
        return (data if offset else data.removeprefix(_BYTE_ORDER_MARK)).decode(encoding or "utf-8")
    except UnicodeDecodeError as error:
        raise Unreadable(
            "encoding",
            f" is not UTF-8: byte {offset + error.start} is 0x{data[error.start]:02x}; convert it first "
            "(for example: iconv -f latin1 -t utf-8)",
        ) from error

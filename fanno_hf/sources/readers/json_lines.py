"""JSON, a value a line."""

from collections.abc import Iterator

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.encoding import decode
from fanno_hf.sources.json_values import fault, parse
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options


def read_json_lines(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the value of each line that is not blank, with the line's number."""
    offset = 0
    for number, line in enumerate(file.lines(), start=1):
        text = decode(line, options.encoding, offset)
        offset += len(line)
        if not text.strip():
            continue
        try:
            yield Row(parse(text), str(number))
        except ValueError as error:
            raise Unreadable("not_json", f", line {number} {fault(error)}") from error

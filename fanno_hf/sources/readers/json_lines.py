"""JSON lines: a value on each line, or, where the file is none of these, whatever JSON is in it."""

import json
from collections.abc import Iterator

from fanno_hf.sources.document import Row
from fanno_hf.sources.encoding import open_text
from fanno_hf.sources.json_values import values_of
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.readers.json_file import read_json, rows_of_values

_HEAD = 1 << 16


def read_json_lines(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the value of each line that is not blank, with the line's number; or what is at `options.records` in it."""
    with open_text(file, options.encoding) as text:
        head = text.read(_HEAD).lstrip()
    line, _, rest = head.partition("\n")
    if line.startswith("[") and not (rest.strip() and _is_list(line)):
        yield from read_json(file, options)  # one list, on one line or on many
        return
    with open_text(file, options.encoding) as text:
        yield from rows_of_values(values_of(text, file.limit, in_lines=True), options.records)


def _is_list(line: str) -> bool:
    try:
        json.loads(line)
    except (ValueError, RecursionError):
        return False
    return True

"""A JSON file: a list of rows, or one row; or, where it is none, JSON lines under this name."""

import json
from collections.abc import Iterator

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.encoding import decode
from fanno_hf.sources.json_values import fault, parse
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.readers.json_lines import read_json_lines


def read_json(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the values of the list with their numbers."""
    content = decode(file.content(), options.encoding)
    try:
        rows = parse(content)
    except ValueError as error:
        if isinstance(error, json.JSONDecodeError) and "\n" in content.strip():
            yield from read_json_lines(file, options)
            return
        raise Unreadable("not_json", f" {fault(error)}") from error
    for number, value in enumerate(rows if isinstance(rows, list) else [rows], start=1):
        yield Row(value, str(number))

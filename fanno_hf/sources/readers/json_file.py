"""A JSON file: a list of rows, one row alone, or values that follow one another."""

from collections.abc import Iterator
from itertools import chain, islice

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.encoding import open_text
from fanno_hf.sources.json_path import EACH, parse_path, select, stuck
from fanno_hf.sources.json_values import Value, values_of
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options


def read_json(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the elements of a list with their numbers, values that follow one another with their lines, one alone as a whole.

    Where `options.records` is given, what stands at that path instead, numbered.
    """
    with open_text(file, options.encoding) as text:
        values = values_of(text, file.limit)
        head = list(islice(values, 1))
        if head and not head[0].is_element:
            head += islice(values, 1)
        is_alone = len(head) == 1 and not head[0].is_element
        yield from rows_of_values(chain(head, values), options.records, is_alone)


def rows_of_values(values: Iterator[Value], records: str | None, is_alone: bool = False) -> Iterator[Row]:
    """Yields a row for each value, or for each record that is found in it. Raises Unreadable where there is no record at all."""
    if records:
        yield from _records(values, records)
        return
    line, on_line = 0, 0
    for value in values:
        on_line = on_line + 1 if value.line == line else 1
        line = value.line
        place = str(value.number) if value.is_element else f"{line}{f'.{on_line}' if on_line > 1 else ''}"
        yield Row(value.value, "" if is_alone else place)


def _records(values: Iterator[Value], records: str) -> Iterator[Row]:
    path, number, is_found, value = parse_path(records, "data.records"), 0, False, None
    for value in values:
        # a path begins above the list whose elements these are
        steps = path[1:] if value.is_element and path[:1] == (EACH,) else path
        for record in select(value.value, steps) if steps else (value.value,):
            number += 1
            is_found |= record is not None
            yield Row(record, str(number))
    if value is not None and not is_found:
        where = stuck(value.value, steps)
        raise Unreadable("no_records", f": data.records={records} finds nothing in it: {where}")

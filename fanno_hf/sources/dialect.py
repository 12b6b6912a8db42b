"""How a table in text is written: what stands between its fields, how these are quoted, whether its first row names them.

id;text              ->  Dialect(delimiter=";", names=["id", "text"], …)
1;"Moss, a plant"

The delimiter is the one by which every row has as many fields as the first: in prose any sign is frequent, none is regular.
"""

import csv
import re
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from fanno_hf.sources.content import TEXT, content_of
from fanno_hf.sources.document import Unreadable
from fanno_hf.sources.text_column import USUAL_NAMES

_SEP = re.compile(r"\"?sep=([^\r\n\"])\"?[ ,;\t]*(\r\n?|\n|$)", re.IGNORECASE)
_DELIMITERS = ("\t", "|", ";", ",")  # of two that do, that which is rarer in a text
_NONE = "\x1f"  # stands in no text, so a row has one field
_LONG = 100  # characters that no name of a column has
_SENTENCE = re.compile(r"(?:\S+\s+){3,}\S+[.!?…]\W*")
_NAME = r"(?!\s*\d+\s*$)[^\r\n.!?]{0,40}"
_YEAR = re.compile(r"(?:19|20)\d\d")
_ABOVE = 20  # rows that may stand above a table
_ESCAPED = re.compile(r'\\([\\"])')


@dataclass(frozen=True)
class Dialect:
    """How a table is written.

    Attributes:
        delimiter: between the fields of a row.
        format: what `csv.reader` needs to know.
        is_escaped: a backslash stands before a quotation mark within a text, as in C: it must be doubled for `csv.reader`.
        skipped: characters before the first row.
        names: of the columns.
        has_header: the first row names the columns, and is no data.
    """

    delimiter: str
    format: dict[str, Any]
    is_escaped: bool
    skipped: int
    names: list[str]
    has_header: bool

    @property
    def shown(self) -> str:
        """The delimiter in words: "delimiter ';'", "delimiter tab"."""
        return _shown(self.delimiter)


def doubled(line: str) -> str:
    """Returns a line with quotation marks doubled that have a backslash: what `csv.reader` knows without taking others away."""
    return _ESCAPED.sub(lambda match: '""' if match[1] == '"' else match[1], line)


def _shown(delimiter: str) -> str:
    return "one column" if delimiter == _NONE else f"delimiter {'tab' if delimiter == chr(9) else repr(delimiter)}"


@dataclass(frozen=True)
class _Fit:
    """What a delimiter and a way of quoting make of the first rows."""

    delimiter: str
    format: dict[str, Any]
    is_escaped: bool
    rows: list[list[str]]
    fault: str

    @property
    def width(self) -> int:
        return len(self.rows[0]) if self.rows else 0

    @property
    def share(self) -> float:
        """Of the rows that have as many fields as the first."""
        return sum(len(row) == self.width for row in self.rows) / max(len(self.rows), 1)

    @property
    def is_even(self) -> bool:
        return not self.fault and self.share == 1


def find_dialect(head: str, is_whole: bool, wanted: str | None) -> Dialect | None:
    """Returns how a table is written; None where it has no row.

    Args:
        head: its beginning.
        is_whole: there is no more of it; else its last row may be cut.
        wanted: the name of a column that it has.

    Raises:
        Unreadable: the first row has one field and the others have more.
    """
    declared = _SEP.match(head)
    skipped = declared.end() if declared else 0
    body, names = head[skipped:], {*USUAL_NAMES, *([wanted.lower()] if wanted else ())}
    best = _best(body, (declared[1],) if declared else _DELIMITERS, is_whole)
    if best is None:
        best = _fit(body, _NONE, is_whole)
        _check_alone(best, body, is_whole, names)
    if not best.rows:
        return None
    _check_title(best, names)
    has_header = _has_header(best.rows, names)
    if not has_header and _is_prose(best):
        best = _fit(body, _NONE, is_whole)
        has_header = _has_header(best.rows, names)
    first = best.rows[0] if has_header else [""] * best.width
    return Dialect(best.delimiter, best.format, best.is_escaped, skipped, _named(first), has_header)


def _best(body: str, delimiters: Sequence[str], is_whole: bool) -> _Fit | None:
    """Returns the delimiter that makes rows as long as the first; else one that parts the names of columns, at least."""
    fits = [fit for fit in (_fit(body, delimiter, is_whole) for delimiter in delimiters) if fit.width > 1]
    fits = [fit for fit in fits if fit.share > 0.5] or [fit for fit in fits if _are_names(fit)]
    return max(fits, key=lambda fit: (fit.is_even, not fit.fault, fit.share, fit.width), default=None)


def _are_names(fit: _Fit) -> bool:
    return all(re.fullmatch(_NAME, cell) for cell in fit.rows[0])


def _fit(body: str, delimiter: str, is_whole: bool) -> _Fit:
    """Returns what the best way of quoting makes of the rows."""
    line = body.lstrip("\r\n").partition("\n")[0]
    common = {"delimiter": delimiter, "strict": True}
    if delimiter in line and all(part.startswith(" ") for part in line.split(delimiter)[1:]):
        common["skipinitialspace"] = True
    ways = [({**common, "quotechar": '"'}, False), ({**common, "quoting": csv.QUOTE_NONE}, False)]
    if '\\"' in body:
        ways.insert(1, ({**common, "quotechar": '"'}, True))
    if line.startswith("'") and f"'{delimiter}'" in line:
        ways.insert(0, ({**common, "quotechar": "'"}, False))
    best = None
    for format, is_escaped in ways:
        fit = _parsed(body, format, is_escaped, is_whole)
        if "quoting" in format and not _is_unquoted(fit):
            continue
        if best is None or (fit.is_even, not fit.fault) > (best.is_even, not best.fault):
            best = fit
        if best.is_even:
            break
    return best


def _parsed(body: str, format: dict[str, Any], is_escaped: bool, is_whole: bool) -> _Fit:
    rows, fault = [], ""
    try:
        lines = map(doubled, _lines(body)) if is_escaped else _lines(body)
        for row in csv.reader(lines, **format):
            rows.append(row)
    except csv.Error as error:
        fault = str(error)
    if not is_whole and (fault.startswith("unexpected end") or not fault):
        rows, fault = rows if fault else rows[:-1] or rows, ""  # the last one is cut
    return _Fit(format["delimiter"], format, is_escaped, [row for row in rows if any(map(str.strip, row))], fault)


def _lines(body: str) -> Iterator[str]:
    yield from re.findall(r"[^\r\n]*(?:\r\n?|\n)|[^\r\n]+", body)


def _is_unquoted(fit: _Fit) -> bool:
    """Whether quotation marks are signs as any other: few fields stand between two of them, and none is opened and not closed."""
    started = [cell for row in fit.rows for cell in row if cell.startswith('"')]
    whole = sum(len(cell) > 1 and cell.endswith('"') for cell in started)
    return 2 * whole <= len(started) and (
        fit.width > 1 and fit.share == 1 or all(cell.count('"') > 1 for cell in started)
    )


def _check_alone(fit: _Fit, body: str, is_whole: bool, names: Collection[str]) -> None:
    """Raises Unreadable where one field a row is not what was meant: below a title, say, there is a table."""
    if not fit.rows or fit.rows[0][0].strip().lower() in names:
        return
    for delimiter in _DELIMITERS:
        rows = _fit(body, delimiter, is_whole).rows
        above = next((place for place, row in enumerate(rows) if len(row) > 1), len(rows))
        table = replace(fit, delimiter=delimiter, rows=rows[above:])
        if above <= _ABOVE and len(table.rows) > 1 and table.is_even and not _is_prose(table):
            raise _titled(above, "1 field", table.width, delimiter)


def _check_title(fit: _Fit, names: Collection[str]) -> None:
    """Raises Unreadable where a spreadsheet has written a title above the names, and empty fields behind it."""
    above = next((place for place, row in enumerate(fit.rows) if all(map(str.strip, row))), len(fit.rows))
    tops = [sum(map(bool, map(str.strip, row))) for row in fit.rows[:above]]
    is_title = fit.width > 1 and 0 < above <= _ABOVE and set(tops) == {1} and fit.rows[0][0].strip()
    if is_title and _has_header(fit.rows[above:], names):
        raise _titled(above, "text in 1 field alone", fit.width, fit.delimiter)


def _titled(above: int, what: str, width: int, delimiter: str) -> Unreadable:
    return Unreadable(
        "not_csv",
        f", row {above} has {what} and those below it have {width} ({_shown(delimiter)}): take out what stands above the names of "
        "the columns",
    )


def _is_prose(fit: _Fit) -> bool:
    """Whether what looks like a delimiter is punctuation: a space follows it everywhere."""
    cells = [cell for row in fit.rows for cell in row[1:]]
    return fit.delimiter in ",;" and all(cell.startswith(" ") or "skipinitialspace" in fit.format for cell in cells)


def _has_header(rows: Sequence[Sequence[str]], names: Collection[str]) -> bool:
    """Whether the first row names the columns: by a known name, by being of another kind than what is below it, by its looks."""
    first, others = [cell.strip() for cell in rows[0]], [row for row in rows[1:] if len(row) == len(rows[0])]
    if any(cell.lower() in names for cell in first):
        return True
    kinds = [content_of([row[place] for row in others]).kind for place in range(len(first))]
    own = ["" if _YEAR.fullmatch(cell) else content_of([cell]).kind for cell in first]
    pairs = [(mine, below) for mine, below in zip(own, kinds, strict=True) if below != TEXT and others]
    if any(mine == TEXT for mine, below in pairs):
        return True
    if any(mine == below for mine, below in pairs):
        return False
    repeated = any(cell and any(row[place] == cell for row in others) for place, cell in enumerate(first))
    return not repeated and not any(len(cell) > _LONG or _SENTENCE.fullmatch(cell) for cell in first)


def _named(first: Sequence[str]) -> list[str]:
    """Returns names for columns: what has none is numbered, what has one twice too."""
    names: list[str] = []
    for place, cell in enumerate(first, start=1):
        name = cell.strip() or f"column_{place}"
        names.append(name if name not in names else f"{name}_{place}")
    return names

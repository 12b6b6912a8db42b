"""Renders the page of a run: one file that opens by double click, without network, server or installation.

Page(title="demo", stages=[StageFigures("seed", 90, 41, {"near_repeat": 49}, …)], records={"rows": […], …})
  ->  b"<!doctype html>…"

No text of a run can become markup. What the browser shows row by row travels as JSON, gzipped and base64-encoded, and
page.js puts it into the page with textContent only; the rest goes through Jinja's autoescape. The content security
policy lets the page's own script and style run, named by their hashes, and nothing else, and forbids every request.
"""

import base64
import gzip
import hashlib
import json
import math
import re
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from fanno_hf.report.stages import StageFigures
from fanno_hf.texts.duration import duration
from fanno_hf.texts.fit import visible

FOLDER = Path(__file__).parent

# what the list of rows shows, filters, sorts by or searches: decoded when the page opens
LISTED = ("id", "stage", "reason", "instruction", "input", "output", "task_type", "characteristic", "style", "origin")
LISTED += ("round", "document", "reward", "pulls", "similarity", "tokens", "response_tokens", "ifd", "answer_loss")
# what only the lineage of a row shows: decoded when the row is opened, with its piece
LINEAGE = ("detail", "text", "passages", "counterexamples", "verdicts", "completion", "finish_reason", "teacher")
LINEAGE += ("prompt_digest", "prompt", "response_prompt", "task_type_asked", "removed")
PIECE = 250  # rows or documents decoded at once
HEADING = 200  # characters shown in the list for a row that has no instruction

_UNENCODABLE = re.compile("[\0\ud800-\udfff]")  # HTML has no NUL, UTF-8 no surrogates


@dataclass(frozen=True)
class Table:
    """A table of the report."""

    name: str  # of its numbers in metrics.json
    title: str  # a few words
    lead: str  # one or two sentences: what it is about, and what a reader should see at once
    head: Sequence[str]  # names of the columns, that of the lines first
    bodies: Sequence[Sequence[tuple[str, Sequence[str]]]]  # groups of lines, each a name and a text for every column
    numbers: Any  # the same as values for JSON


@dataclass(frozen=True)
class Page:
    """Everything that the page shows."""

    title: str  # name of the run
    tiles: Sequence[tuple[str, str]] = ()  # (label, value), e.g. ("pairs", "10,000")
    notes: Sequence[str] = ()  # sentences below them
    stages: Sequence[StageFigures] = ()  # in their order
    tables: Sequence[Table] = ()  # what the data is like, before the figures
    # each with `name`, `title`, `caption`, `alt`, `light` and `dark` (bytes of an SVG, or None) and `note` (the
    # sentence shown in place of a figure that could not be drawn, or None)
    figures: Sequence[Any] = ()
    # name of a data set -> numbers, nested in dicts; the run's own first
    metrics: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    # {"documents": [{id, source, text, cut}], "shared": [messages], "rows": [row]}, where a row has the fields of
    # LISTED and LINEAGE; a missing one counts as null. `reason` is null for a kept pair, `document` and each passage
    # may be an index into `documents`, `prompt` and `response_prompt` are [index into `shared` or null, last message].
    # In a message \0d\0, \0i\0, \0n\0, \0p0\0 and \0c0\0 stand for the row's document, instruction, input,
    # first passage and first counterexample
    records: Mapping[str, Any] = field(default_factory=dict)


def render_page(page: Page) -> bytes:
    """Returns the page as UTF-8; the same `page` gives the same bytes."""
    script = "".join((FOLDER / name).read_text(encoding="utf-8") for name in ("page.js", "lineage.js"))
    style = (FOLDER / "page.css").read_text(encoding="utf-8")
    rows = page.records.get("rows", ())
    layout = {"trim_blocks": True, "lstrip_blocks": True, "undefined": StrictUndefined}
    # what the page says of a run may be somebody else's words
    environment = Environment(loader=FileSystemLoader(FOLDER), autoescape=True, finalize=_visible, **layout)
    environment.filters |= {"count": "{:,}".format, "duration": duration, "number": _number, "base64": _base64}
    environment.filters |= {"share": _share, "size": _size}
    html = environment.get_template("page.html").render(
        page=page,
        script=Markup(script),
        style=Markup(style),
        script_hash=_base64(hashlib.sha256(script.encode()).digest()),
        style_hash=_base64(hashlib.sha256(style.encode()).digest()),
        shown={(row.get("stage"), row.get("reason")) for row in rows},
        metrics=metric_groups(page.metrics),
        payloads=_packed(page),
    )
    return _UNENCODABLE.sub("\ufffd", html).encode()


def _visible(value: Any) -> Any:
    """Returns a text with its control characters written out; our own markup, and what is no text, as it is."""
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


def metric_groups(metrics: Mapping[str, Mapping[str, Any]]) -> dict[str, dict[str, list[Any]]]:
    """Returns {"": {"rows": [7, 9]}, "length": {"words · mean": [14.2, None]}}: a value for each data set, or None."""
    groups: dict[str, dict[str, list[Any]]] = {"": {}}
    for place, values in enumerate(metrics.values()):
        for (first, *rest), value in _leaves(values):
            group, name = (first, " · ".join(rest)) if rest else ("", first)
            groups.setdefault(group, {}).setdefault(name, [None] * len(metrics))[place] = value
    for name in groups.keys() & groups[""].keys():  # null in one data set, a group of numbers in another
        if groups[""][name].count(None) == len(metrics):
            del groups[""][name]
    return {group: lines for group, lines in groups.items() if lines}


def _leaves(values: Mapping[str, Any], path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    for key, value in values.items():
        name = (*path, str(key).replace("_", " "))
        if isinstance(value, Mapping):
            yield from _leaves(value, name)
        elif not isinstance(value, list | tuple):  # lists are drawn as figures
            yield name, value


def _packed(page: Page) -> dict[str, Markup]:
    """Returns id -> content of each element with data; packed in threads, since zlib releases the interpreter."""
    names, values = zip(*_payloads(page), strict=True)
    with ThreadPoolExecutor() as pool:
        return dict(zip(names, map(Markup, pool.map(_pack, values)), strict=True))


def _payloads(page: Page) -> Iterator[tuple[str, Any]]:
    """Yields (id of the element, value): first what the list needs, then the rest in pieces."""
    documents, rows = page.records.get("documents", ()), page.records.get("rows", ())
    yield (
        "records",
        {
            "rows": [{name: row.get(name) for name in LISTED} | {"heading": _heading(row, documents)} for row in rows],
            "sources": [document.get("source") for document in documents],
            "total": sum(sum(s.rejected.values()) for s in page.stages) + (page.stages[-1].kept if page.stages else 0),
            "piece": PIECE,
        },
    )
    yield "shared", page.records.get("shared", ())
    lineage = [{name: row.get(name) for name in LINEAGE} for row in rows]
    for name, values in (("lineage", lineage), ("documents", documents)):
        for start in range(0, len(values), PIECE):
            yield f"{name}-{start // PIECE}", values[start : start + PIECE]


def _heading(row: Mapping[str, Any], documents: Sequence[Mapping[str, Any]]) -> str | None:
    """Returns the heading of a row without an instruction: the beginning of its text."""
    if (row.get("instruction") or "").strip():
        return None
    document = documents[row["document"]].get("text") if row.get("document") is not None else None
    text = row.get("completion") or row.get("text") or document
    return text and text[:HEADING]


def _pack(value: Any) -> str:
    """Returns JSON, gzipped, in base64, which has no special character of HTML."""
    options = {"ensure_ascii": False, "separators": (",", ":"), "default": lambda number: number.item()}
    try:
        text = json.dumps(value, allow_nan=False, **options)
    except ValueError:
        text = json.dumps(_finite(value), **options)
    return _base64(gzip.compress(_UNENCODABLE.sub("\ufffd", text).encode(), 9, mtime=0))


def _finite(value: Any) -> Any:
    """Returns a value with None for NaN and the infinities, which JSON does not have."""
    if isinstance(value, Mapping):
        return {key: _finite(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_finite(item) for item in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


def _share(part: int, whole: int) -> str:
    share = part / whole if whole else 0.0
    return "<0.1%" if 0 < share < 0.0005 else f"{share:.1%}"


def _size(svg: bytes) -> list[tuple[str, str]]:
    """Returns the width and height that reserve a figure's place before it is loaded; nothing if it has none."""
    found = re.search(rb'viewBox="\S+ \S+ ([\d.]+) ([\d.]+)"', svg[:4096])
    sizes = found.groups() if found else ()
    return [(name, f"{float(size):.0f}") for name, size in zip(("width", "height"), sizes, strict=False)]


def _number(value: Any) -> str:
    """Returns a number as "1,234", "0.8312" or "12.35", a missing one as "–", anything else as text."""
    if value is None or (isinstance(value, float) and math.isnan(value)):
        return "–"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    if isinstance(value, int) or abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.4g}" if abs(value) < 1 else f"{value:.2f}"


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()

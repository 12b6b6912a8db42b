"""Jupyter notebooks: the Markdown and the code of their cells, in order, without what the code gave out."""

from collections.abc import Iterator
from typing import Any

from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.encoding import decode
from fanno_hf.sources.json_values import parse
from fanno_hf.sources.markdown import fence, first_heading
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options


def read_notebook(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the notebook as one text; code stands in fences that name the kernel's language."""
    notebook = parse(decode(file.content(), None))
    if not isinstance(notebook, dict) or not isinstance(cells := _cells(notebook), list):
        raise Unreadable("not_a_notebook", " is no notebook: it has no list of cells")
    language = _language(notebook.get("metadata"))
    blocks = (_block(cell, language) for cell in cells if isinstance(cell, dict))
    text = "\n\n".join(filter(None, blocks))
    yield Row(text, title=first_heading(text))


def _cells(notebook: dict) -> Any:
    """Returns the cells; format 3 has them in sheets."""
    sheets = notebook.get("worksheets")
    if "cells" in notebook or not isinstance(sheets, list):
        return notebook.get("cells")
    return [cell for sheet in sheets if isinstance(sheet, dict) for cell in sheet.get("cells") or []]


def _language(metadata: Any) -> str:
    """Returns what the code is written in, or ""."""
    for name, key in (("language_info", "name"), ("kernelspec", "language")):
        part = metadata.get(name) if isinstance(metadata, dict) else None
        if isinstance(part, dict) and isinstance(part.get(key), str):
            return part[key]
    return ""


def _block(cell: dict, language: str) -> str:
    text = cell.get("source", cell.get("input", ""))
    text = "".join(filter(lambda line: isinstance(line, str), text)) if isinstance(text, list) else text
    if not isinstance(text, str) or not text.strip():
        return ""
    kind = cell.get("cell_type")
    if kind == "code":
        own = cell.get("language")  # of format 3
        return fence(text, own if isinstance(own, str) else language)
    if kind == "heading":  # of format 3
        return f"{'#' * cell['level'] if isinstance(cell.get('level'), int) else '#'} {text.strip()}"
    return text.strip() if kind == "markdown" else ""

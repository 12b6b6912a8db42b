"""Reads a file in this process, as those do that `FileSource` starts."""

from pathlib import Path

from fanno_hf.sources.document import Document, Unread
from fanno_hf.sources.options import Options
from fanno_hf.sources.reading import documents_of, leaves, open_file


def read(path: Path, **options) -> tuple[list[Document], list[Unread]]:
    """Returns the documents of a file, and what gave none."""
    chosen = Options(**options)
    found = []
    for leaf in leaves(open_file(path, path.name, chosen), chosen):
        found += [leaf] if isinstance(leaf, Unread) else documents_of(leaf, chosen)
    return [item for item in found if isinstance(item, Document)], [item for item in found if isinstance(item, Unread)]

"""The sample that travels in the package: documents written for this project, some with a planted flaw."""

import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any

from fanno_hf.sources.document import Document


class SampleSource:
    """Yields the sample's documents. Their labels (`flaw`) are for the tests; the pipeline never sees them."""

    def __init__(self, limit: int | None = None):
        self._limit = limit

    def about(self) -> dict[str, Any]:
        """Returns name and licence."""
        return {"name": "sample documents of fanno_hf", "license": "apache-2.0"}

    def documents(self) -> Iterator[Document]:
        """Yields the documents; the source is "sample:<id>"."""
        for row in read_sample()[: self._limit]:
            yield Document(row["text"], f"sample:{row['id']}")


def read_sample() -> list[dict]:
    """Returns the sample's rows with their labels: id, register, language, flaw, repeats, text."""
    lines = files("fanno_hf.sample").joinpath("documents.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(line) for line in lines]

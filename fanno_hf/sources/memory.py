"""Documents that are in memory already, as a notebook holds them: `fanno_hf.run(documents)`.

["Mosses have no roots …", …]                 ->  Document("Mosses have no roots …", "documents:1"), …
Dataset of columns id and text, or a stream   ->  the same, from its text column
"""

from collections.abc import Iterator, Mapping, Sequence
from itertools import chain, islice
from typing import Any

from fanno_hf.errors import FannoError, UserError, raise_if_disk_full
from fanno_hf.hub_token import hub_words
from fanno_hf.sources.data_sets import without_media
from fanno_hf.sources.document import Document
from fanno_hf.sources.text_column import find_text_column, joiner

_HEAD = 1_000  # rows that tell which column holds the text


class MemorySource:
    """Yields the documents it was given, counted from 1.

    Args:
        documents: texts (None is one that is empty), or a `Dataset` or `IterableDataset`.
        text_column: of a data set; found where it is not given.
        join: put between the strings where the column holds lists of them.

    Raises:
        UserError: the documents are something else, or a data set has no text column.
    """

    def __init__(
        self, documents: Any = None, text_column: str | None = None, limit: int | None = None, join: str | None = None
    ):
        self._is_list = isinstance(documents, (list, tuple))
        if documents is None:
            raise UserError(
                "data=memory is for documents that are given in Python, as in fanno_hf.run(documents): on the command line "
                "give data=files data.path=…"
            )
        if self._is_list:
            _check_texts(documents)
        else:
            _check_data_set(documents)
        self._documents, self._text_column, self._limit, self._join = documents, text_column, limit, joiner(join)

    def about(self) -> dict[str, Any]:
        """Returns that they were given, how many where it is known, and the licence that a data set states."""
        count = f"{len(self._documents):,} " if hasattr(self._documents, "__len__") else ""
        license_ = None if self._is_list else self._documents.info.license
        return {"name": f"{count}documents given in Python", "license": license_ or None}

    def documents(self) -> Iterator[Document]:
        """Yields the documents; the source is "documents:<number>"."""
        for number, text in enumerate(islice(self._texts(), self._limit), start=1):
            yield Document(text, f"documents:{number}")

    def _texts(self) -> Iterator[Any]:
        if self._is_list:
            yield from self._documents
            return
        try:
            rows = iter(without_media(self._documents.with_format(None)))  # else a row may be a tensor or a frame
            head = list(islice(rows, _HEAD))
            if head:
                column = find_text_column(head, self._text_column, self._join, "documents")
                yield from map(column.text, chain(head, rows))
        except (FannoError, MemoryError):
            raise
        except Exception as error:  # what a stream is made of is the user's, and may fail in any way
            raise_if_disk_full(error)
            raise UserError(f"documents cannot be read ({type(error).__name__}): {hub_words(error)}") from error


def _check_texts(documents: Sequence[Any]) -> None:
    if not documents:
        raise UserError("documents is an empty list: give texts, a Dataset or a path")
    for place, text in enumerate(documents):
        if not isinstance(text, str | None):
            hint = ", or Dataset.from_list(documents)" if isinstance(text, Mapping) else ""
            raise UserError(f"documents[{place}] is a {type(text).__name__}, not a text: give texts{hint}")


def _check_data_set(documents: Any) -> None:
    from datasets import Dataset, DatasetDict, IterableDataset, IterableDatasetDict

    if isinstance(documents, (DatasetDict, IterableDatasetDict)):
        split = next(iter(documents), "train")
        raise UserError(f"documents is a {type(documents).__name__}: give one split of it, as in documents[{split!r}]")
    if not isinstance(documents, (Dataset, IterableDataset)):
        raise UserError(
            f"documents is a {type(documents).__name__}: give a Dataset, an IterableDataset, a list of texts or a path"
        )

"""Documents from a data set on the Hugging Face Hub (or a folder laid out like one), streamed."""

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from itertools import chain, islice
from pathlib import Path
from typing import Any

from huggingface_hub import DatasetInfo, HfApi

from fanno_hf.errors import FannoError, UserError, raise_if_disk_full
from fanno_hf.hub_token import hub_endpoint, hub_token, hub_words
from fanno_hf.sources.data_sets import without_media
from fanno_hf.sources.document import Document
from fanno_hf.sources.run_files import check_config
from fanno_hf.sources.text_column import find_text_column, joiner

logger = logging.getLogger(__name__)

_HEAD = 1_000  # rows that tell which column holds the text


class HubSource:
    """Streams documents from `load_dataset`.

    Args:
        name: of the data set, e.g. "tiiuae/falcon-refinedweb".
        revision: branch, tag or commit; give a commit to make a run repeatable.
        key: of the configuration that names the data set, for messages.
    """

    def __init__(
        self,
        name: str,
        config: str | None = None,
        split: str = "train",
        revision: str | None = None,
        text_column: str | None = None,
        join: str | None = None,
        limit: int | None = None,
        key: str = "data.name",
    ):
        if not name:
            raise UserError(f"{key} is missing: give the Hub data set, as in {key}=tiiuae/falcon-refinedweb")
        self._name, self._config, self._split, self._revision = name, config, split, revision
        self._text_column, self._join, self._limit, self._key = text_column, joiner(join), limit, key

    @cached_property
    def _info(self) -> DatasetInfo | None:
        """What the Hub says about the revision; all is read from the commit it is now. None for a local folder."""
        if self._is_local:
            return None
        with self._explained():
            return HfApi(endpoint=hub_endpoint(), token=hub_token()).dataset_info(self._name, revision=self._revision)

    def about(self) -> dict[str, Any]:
        """Returns name, config and split; on the Hub the commit that is read, and the licence its card states.

        Raises UserError where the Hub cannot be reached, or has no such data set.
        """
        known = {"name": self._name, "config": self._config, "split": self._split}
        if not self._info:
            return {**known, "name": Path(self._name).name}
        card = self._info.card_data
        return {**known, "revision": self._info.sha, "license": card.get("license") if card else None}

    def check(self) -> str:
        """Returns what is known of a data set without asking the Hub; a folder on this machine must have a first row."""
        if self._is_local:
            next(self.documents(), None)
            return f"the folder {Path(self._name).name}"
        return f"{self._name} on the Hub, which was not asked"

    @property
    def _is_local(self) -> bool:
        return Path(self._name).expanduser().exists()

    def documents(self) -> Iterator[Document]:
        """Yields the documents; the source is "<data set>/<split>:<row>", rows counted from 1.

        Raises UserError where data set, config, split, revision or column is not there, or the Hub cannot be reached.
        """
        rows = self._rows(texts_only=True)
        head = list(islice(rows, _HEAD))
        if not head:
            return
        where = f"{self._name} ({self._split})"
        column = find_text_column([row for _, row in head], self._text_column, self._join, where)
        logger.info("%s: text column %s", where, column.words)
        for name, row in chain(head, rows):
            yield Document(column.text(row), name)

    def rows(self) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yields ("<data set>/<split>:<row>", all columns of the row); raises as `documents` does."""
        return self._rows()

    def _rows(self, *, texts_only: bool = False) -> Iterator[tuple[str, dict[str, Any]]]:
        from datasets import load_dataset

        commit = self._info.sha if self._info else None
        if commit is None:
            check_config(Path(self._name).expanduser(), self._config)
        with self._explained():
            dataset = load_dataset(
                self._name, self._config, split=self._split, revision=commit, streaming=True, token=hub_token()
            )
            if texts_only:
                dataset = without_media(dataset)
            for number, row in enumerate(islice(dataset, self._limit), start=1):
                yield f"{self._name}/{self._split}:{number}", row

    @contextmanager
    def _explained(self) -> Iterator[None]:
        """Says in one sentence what goes wrong with the data set: what others wrote, or a Hub that is away, may end in any
        error of the libraries."""
        try:
            yield
        except (FannoError, MemoryError):
            raise
        except Exception as error:
            raise_if_disk_full(error)
            what = f"{self._key}={self._name} cannot be loaded ({type(error).__name__})"
            raise UserError(f"{what}: {hub_words(error)}") from error

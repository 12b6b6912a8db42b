"""Which column holds the text, when nobody said."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fanno_hf.errors import UserError, did_you_mean

if TYPE_CHECKING:
    from datasets import Dataset, IterableDataset

USUAL_NAMES = ("text", "content", "document", "body", "passage", "page_content", "article", "markdown", "raw_content")


def find_text_column(columns: Mapping[str, bool], wanted: str | None, where: str) -> str:
    """Returns the name of the text column.

    Args:
        columns: name -> whether it holds strings.
        wanted: the configured name, or None to find it: a usual name, else the only column of strings.
        where: file or data set, for the message.

    Raises:
        UserError: there is no such column, or several could be meant; says which columns there are.
    """
    names = ", ".join(map(str, columns)) or "none"
    if wanted:
        if wanted not in columns:
            raise UserError(
                f"{where} has no column '{wanted}' (data.text_column){did_you_mean(wanted, columns) or '.'} Columns: {names}"
            )
        return wanted
    usual = [name for name in USUAL_NAMES if columns.get(name)]
    strings = [name for name, is_text in columns.items() if is_text]
    if usual:
        return usual[0]
    if len(strings) == 1:
        return strings[0]
    raise UserError(
        f"{where} has no column of text that can be told by its name: set data.text_column. Columns: {names}"
    )


def string_columns(dataset: "Dataset | IterableDataset") -> dict[str, bool]:
    """Returns which columns there are and whether they hold strings: as declared, else as in the first row."""
    if dataset.features:
        return {
            name: getattr(kind, "dtype", "") in ("string", "large_string") for name, kind in dataset.features.items()
        }
    return {name: isinstance(value, str) for name, value in next(iter(dataset.take(1)), {}).items()}

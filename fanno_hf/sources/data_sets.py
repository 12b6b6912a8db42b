"""What is common to data sets of the library `datasets`, on the Hub or in memory."""

from typing import Any


def without_media(dataset: Any) -> Any:
    """Returns a `Dataset` or `IterableDataset` without columns of pictures, sound or bytes, which would be unpacked for each row."""
    if not dataset.features:
        return dataset
    return dataset.select_columns([name for name, kind in dataset.features.items() if not _is_media(kind)])


def _is_media(kind: Any) -> bool:
    return hasattr(kind, "decode_example") or getattr(kind, "dtype", "") in ("binary", "large_binary")

"""Makes the records fit the size limit of the page: first with shorter texts, then with fewer rows.

31 MB of documents, a limit of 15 MB  ->  every text cut to 900 characters  ->  14 MB
"""

import gzip
import json
from collections.abc import Mapping
from typing import Any

import numpy as np

from fanno_hf.identity import spread_seed
from fanno_hf.report.records import shortened

Records = Mapping[str, Any]

_TEXTS = ("output", "text", "completion")
_SAMPLE = 200
_BASE64 = 4 / 3


def estimated_size(records: Records) -> float:
    """Estimates the size of the page in bytes: compresses a sample of the records."""
    size = 0.0
    for part in (records["rows"], records["documents"]):
        some = part[:: max(1, len(part) // _SAMPLE)]
        if some:
            packed = len(gzip.compress(json.dumps(some, ensure_ascii=False).encode("utf-8", "replace"), 6))
            size += _BASE64 * packed * len(part) / len(some)
    return size


def cut_for(records: Records, share: float) -> int:
    """Returns the number of characters to cut texts to, so that this share (in (0, 1)) of all characters is left."""
    in_rows = [len(row[name] or "") for row in records["rows"] for name in _TEXTS]
    rest = sum(len(str(row)) for row in records["rows"]) - sum(in_rows)
    lengths = np.sort([len(document["text"]) for document in records["documents"]] + in_rows)
    # characters left if all longer texts are cut to the length of the k-th
    left = np.concatenate([[0], np.cumsum(lengths)[:-1]]) + lengths * np.arange(len(lengths), 0, -1)
    place = int(np.searchsorted(left, share * (left[-1] + rest) - rest, side="right"))
    return min(int(lengths[max(0, place - 1)]), int(lengths[-1]) - 1)


def cut_texts(records: Records, cut: int) -> dict[str, Any]:
    """Returns the records with texts of at most `cut` characters."""
    documents = [
        {**d, "text": shortened(d["text"], cut), "cut": len(d["text"]) > cut + 2} for d in records["documents"]
    ]
    rows = [{**row, **{name: shortened(row[name], cut) for name in _TEXTS}} for row in records["rows"]]
    return {**records, "documents": documents, "rows": rows}


def fewer(records: Records, share: float, random_seed: int) -> dict[str, Any]:
    """Returns the records with this share of their rows, drawn at random, and the documents that these rows name."""
    count = len(records["rows"])
    rng = np.random.default_rng(spread_seed(random_seed, "report", "fitting"))
    rows = [records["rows"][place] for place in np.sort(rng.choice(count, int(count * share), replace=False))]
    named = {row["document"] for row in rows} | {which for row in rows for which, _ in row["passages"]}
    kept = sorted(place for place in named if isinstance(place, int))
    places = {old: new for new, old in enumerate(kept)}
    for number, row in enumerate(rows):
        passages = [[places.get(which, which), score] for which, score in row["passages"]]
        rows[number] = {**row, "document": places.get(row["document"]), "passages": passages}
    return {**records, "documents": [records["documents"][place] for place in kept], "rows": rows}

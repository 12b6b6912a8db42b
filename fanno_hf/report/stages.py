"""Reads what a run says about its stages: funnel, tokens, time, cost, windows, communities."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.report.passages import Passages, project
from fanno_hf.report.shown import drawn, read_table
from fanno_hf.settings import Price
from fanno_hf.vectors.embedder import Embedder


@dataclass(frozen=True)
class StageFigures:
    """One group of bars in the funnel, and one line in the table of tokens, time and cost."""

    name: str
    rows_in: int
    kept: int
    rejected: Mapping[str, int]
    requests: int
    from_journal: int
    prompt_tokens: int
    completion_tokens: int
    seconds: float
    cost: float | None


def stage_figures(manifest: Mapping[str, Any], price: Price) -> list[StageFigures]:
    """Returns rows, tokens, time and cost of each finished stage."""
    return [
        StageFigures(
            name=stage,
            cost=_cost(entry, price),
            **{key: entry[key] for key in ("rows_in", "kept", "rejected", "requests", "from_journal")},
            **{key: entry[key] for key in ("prompt_tokens", "completion_tokens", "seconds")},
        )
        for stage in STAGES
        if (entry := manifest["stages"].get(stage))
    ]


def _cost(entry: Mapping[str, Any], price: Price) -> float | None:
    """Returns the cost of a stage's time and tokens; None if no price is given."""
    parts = {
        "hour": entry["seconds"] / 3600,
        "prompt_tokens": entry["prompt_tokens"] / 1e6,
        "completion_tokens": entry["completion_tokens"] / 1e6,
    }
    known = [getattr(price, name) * amount for name, amount in parts.items() if getattr(price, name) is not None]
    return float(sum(known)) if known else None


def read_map(folder: RunFolder, embedder: Embedder, most: int, random_seed: int) -> Passages | None:
    """Lays out at most `most` of the passages that prescreen kept; None if there are none.

    A passage represents its community: itself and those rejected as `same_community`.
    """
    table = read_table(folder, "prescreen")
    if not most or table is None:
        return None
    rows = table.select(drawn(len(table), most, random_seed, "map"))
    left: Counter[int] = Counter()
    if (rejected := read_table(folder, "rejected_prescreen")) is not None:
        pairs = zip(rejected["reason"], rejected["community"], strict=True)
        left.update(community for reason, community in pairs if reason == "same_community")
    texts = list(rows["text"])
    return Passages(
        coordinates=project(embedder.encode(texts), random_seed),
        members=np.array([1 + left[community] for community in rows["community"]], dtype=np.int64),
        labels=[" ".join(text.split()[:6]) for text in texts],
        of=len(table),
    )

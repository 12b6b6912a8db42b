"""Reads what a run says about its stages: funnel, tokens, time, cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fanno_hf.pipeline.plan import STAGES
from fanno_hf.settings import Price


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
    parts = (
        (price.hour, entry["seconds"] / 3600),
        (price.prompt_tokens, entry["prompt_tokens"] / 1e6),
        (price.completion_tokens, entry["completion_tokens"] / 1e6),
    )
    known = [rate * amount for rate, amount in parts if rate is not None]
    return float(sum(known)) if known else None

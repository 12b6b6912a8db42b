"""Reads what a run says about its stages: funnel, tokens, time, cost."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fanno_hf.costs import tokens_cost
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
    """Returns rows, tokens, time and cost of each finished stage; `price`: where one is given, it replaces the run's own."""
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


def currency_of(manifest: Mapping[str, Any], price: Price) -> str:
    """Returns the name of the money in which `stage_figures` counts."""
    paid = [entry["price"] for entry in manifest["stages"].values() if entry.get("price")]
    return price.currency if price.is_given or not paid else paid[-1]["currency"]


def _cost(entry: Mapping[str, Any], price: Price) -> float | None:
    """Returns the cost of a stage's tokens and time: by `price`, else what run.json says; None where neither is known."""
    if not price.is_given:
        return entry.get("cost")
    tokens = (entry["prompt_tokens"], entry.get("cached_tokens", 0), entry["completion_tokens"])
    return tokens_cost(price, *tokens) + (price.hour or 0.0) * entry["seconds"] / 3600

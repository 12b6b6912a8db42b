"""What becomes of documents one at a time: personal data masked, cut into passages, judged by rules.

{"text": "<2,000 words>", "source": "a.txt", …}  ->  4 rows {"text": …, "num_tokens": 210, "phase": null, …}, one of which has
    the phase "text rules" and the reason "markup"

`Screening` needs no teacher and no other document, so it works in any process.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import pyarrow as pa

from fanno_hf.columns import DOCUMENT, OUTCOME, POSITION, Reason
from fanno_hf.identity import content_id
from fanno_hf.rules.garbled import garbled_reason
from fanno_hf.rules.personal_data import count_placeholders
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.text import empty_reason, length_reason, markup_reason, prompt_injection_reason
from fanno_hf.settings import NearDuplicates, Prescreen
from fanno_hf.steps.masking import mask_document
from fanno_hf.steps.rows import arrow_schema
from fanno_hf.texts.near_duplicates import exact_keys, sketch
from fanno_hf.texts.places import name_passages
from fanno_hf.texts.segment import Passage, TokenCounter, split_passages

PHASES = ("empty", "text rules")
"""Where rows leave, in order."""
PASSAGE = {
    **{name: DOCUMENT[name] for name in ("document_id", "text", "source", "title", "heading", "num_tokens", "masked")},
    **POSITION,
}
CUT = {**PASSAGE, "private": "string", **OUTCOME}
"""Passages before rules look at them, and the first kind of personal data that was masked in each."""
SCREENED = {**PASSAGE, **OUTCOME}
"""Passages, those that are kept with null in the columns of OUTCOME."""


class Screening:
    """Screens documents, each for itself.

    Args:
        settings: of the stage.
        counter: tells the tokens of a text.
        judged: whether rules look at the passages; else all of them are kept.

    Raises:
        UserError: an expression of `prompt_injections` does not compile.
    """

    def __init__(self, settings: Prescreen, counter: TokenCounter, judged: bool = True):
        self._settings, self._counter, self._judged = settings, counter, judged
        patterns = settings.prompt_injections if settings.drop_prompt_injections else []
        self._injections = compile_patterns("stages.prescreen.prompt_injections", patterns)

    def cut(self, documents: pa.Table) -> pa.Table:
        """Returns the passages of documents (columns of RAW_DOCUMENT), with the columns of CUT, and documents without text."""
        return _table(self._cut(documents.to_pylist()), CUT)

    def judge(self, passages: pa.Table) -> pa.Table:
        """Returns passages (columns of CUT) with the columns of SCREENED: what rules object to, too."""
        return _table(self._judge(passages.to_pylist()), SCREENED)

    def _cut(self, documents: Sequence[Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        settings = self._settings
        min_tokens = min(settings.min_tokens, settings.max_tokens)
        for document in documents:
            if reason := empty_reason(document["text"]):
                given = {name: document[name] for name in ("text", "source", "title", "position")}
                yield {**given, **_outcome(PHASES[0], reason)}
                continue
            placeholders: Set[str] = frozenset()
            if settings.enabled:
                document, given = mask_document(document, settings.personal_data)
                placeholders = frozenset(given)
            passages = split_passages(document["text"], self._counter, settings.max_tokens, min_tokens)
            starts = [passage.start for passage in passages]
            sources = name_passages(document["source"], starts, document["places"])
            for passage, source in zip(passages, sources, strict=True):
                yield {**self._row(document, passage, placeholders), "source": source}

    def _row(self, document: Mapping[str, Any], passage: Passage, placeholders: Set[str]) -> dict[str, Any]:
        row = {name: document[name] for name in ("title", "position")}
        row |= {"document_id": content_id(passage.text), "text": passage.text}
        row |= {"heading": passage.heading, "num_tokens": passage.num_tokens}
        if self._settings.enabled:
            counted = count_placeholders(passage.text, placeholders)
            row["masked"] = sum(counted.values())
            row["private"] = next((kind for kind in self._settings.personal_data.kinds if kind in counted), None)
        return row

    def _judge(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        for row in rows if self._settings.enabled and self._judged else ():
            if not row["phase"] and (reason := self._reason(row)):
                row |= _outcome(PHASES[1], reason)
        return rows

    def _reason(self, row: Mapping[str, Any]) -> Reason | None:
        """The cheap rules, cheapest first; personal data last. Its text is masked by then, so that no rejected row has it."""
        settings, text = self._settings, row["text"]
        drops = settings.personal_data.action == "drop"
        return (
            length_reason(row["num_tokens"], settings.min_tokens, settings.max_tokens)
            or markup_reason(text, **dict(settings.markup))
            or garbled_reason(text, **dict(settings.garbled))
            or repetition_reason(text, **dict(settings.repetition))
            or prompt_injection_reason(text, self._injections)
            or (("personal_data", row["private"]) if drops and row["private"] else None)
        )


def sketches(texts: Sequence[str], settings: NearDuplicates, random_seed: int) -> dict[str, Sequence]:
    """Returns what texts are compared by: the columns of SKETCH."""
    found: dict[str, Sequence] = {"exact_key": [key.tobytes() for key in exact_keys(texts)]}
    if settings.threshold is None:
        return {**found, "band_keys": [None] * len(texts), "shingles": [None] * len(texts)}
    keys, sizes = sketch(texts, settings.threshold, settings.ngram, settings.num_perm, random_seed)
    return {**found, "band_keys": [bands.tobytes() for bands in keys], "shingles": sizes.tolist()}


def _table(rows: Iterable[Mapping[str, Any]], columns: Mapping[str, Any]) -> pa.Table:
    return pa.Table.from_pylist(list(rows), arrow_schema(columns))


def _outcome(phase: str, reason: Reason) -> dict[str, str]:
    return dict(zip(OUTCOME, (phase, *reason), strict=True))

"""What becomes of documents one at a time: personal data masked, cut into passages, judged by rules.

{"text": "<2,000 words>", "source": "a.txt", …}  ->  4 rows {"text": …, "num_tokens": 210, "phase": null, …}, one of which has
    the phase "text rules" and the reason "markup"

`Screening` needs no teacher and no other document, so it works in any process.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence, Set
from typing import Any

import pyarrow as pa

from fanno_hf.columns import DOCUMENT, OUTCOME, POSITION, RAW_DOCUMENT, SKETCH, Reason
from fanno_hf.identity import content_id
from fanno_hf.rules.garbled import garbled_reason
from fanno_hf.rules.personal_data import count_placeholders
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.rules.repetition import repetition_reason
from fanno_hf.rules.text import empty_reason, length_reason, markup_reason, prompt_injection_reason
from fanno_hf.settings import NearDuplicates, Prescreen
from fanno_hf.steps.masking import mask_document
from fanno_hf.steps.rows import arrow_schema
from fanno_hf.texts.minhash import TOGETHER
from fanno_hf.texts.near_duplicates import exact_keys, sketch
from fanno_hf.texts.places import name_passages
from fanno_hf.texts.sections import Section, find_sections
from fanno_hf.texts.segment import Passage, TokenCounter, split_passages

PHASES = ("empty", "text rules", "decontamination")
"""Where rows leave, in order."""
PASSAGE = {
    **{name: DOCUMENT[name] for name in ("document_id", "text", "source", "title", "heading", "num_tokens", "masked")},
    **POSITION,
}
SECTION = {"start": "int64", "places": RAW_DOCUMENT["places"], "placeholders": ["string"]}
"""Of a section of a large document: where it begins, the places of the document, and what stands for personal data in it. A passage
that was cut from one has `start` alone, other passages have none of them."""
SCREENED = {**PASSAGE, **SKETCH, **OUTCOME, **SECTION}
"""Passages: those that are kept with null in the columns of OUTCOME, the others in those of SKETCH. And sections."""
_SCHEMA = arrow_schema(SCREENED)


class Screening:
    """Screens documents, each for itself.

    Args:
        settings: of the stage.
        counter: tells the tokens of a text.
        random_seed: of what passages are compared by.
        judged: whether rules look at the passages; else all of them are kept.
        contamination: tells why a text that contains a piece of a benchmark leaves; None where none is named.

    Raises:
        UserError: an expression of `prompt_injections` does not compile.
    """

    def __init__(
        self,
        settings: Prescreen,
        counter: TokenCounter,
        random_seed: int,
        *,
        judged: bool = True,
        contamination: Callable[[str], Reason | None] | None = None,
    ):
        self._settings, self._counter, self._judged = settings, counter, judged
        self._contamination = contamination
        self._random_seed = random_seed
        patterns = settings.prompt_injections if settings.drop_prompt_injections else []
        self._injections = compile_patterns("stages.prescreen.prompt_injections", patterns)

    def screen(self, documents: pa.Table) -> pa.Table:
        """Returns the passages of documents (columns of RAW_DOCUMENT), and the sections of those that are large: columns of SCREENED."""
        return self._table(row for document in documents.to_pylist() for row in self._screen(document))

    def screen_sections(self, sections: pa.Table) -> pa.Table:
        """Returns the passages of sections, with the columns of SCREENED; `source` is still that of the document."""
        return self._table(row for section in sections.to_pylist() for row in self._screen_section(section))

    def _screen(self, document: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yields the rows of a document."""
        if reason := empty_reason(document["text"]):
            given = {name: document[name] for name in ("text", "source", "title", "position")}
            yield {**given, **_outcome(PHASES[0], reason)}
            return
        placeholders: Sequence[str] = ()
        if self._settings.enabled:
            document, placeholders = mask_document(document, self._settings.personal_data)
        sections = find_sections(document["text"], self._settings.max_tokens)
        if len(sections) > 1:
            yield from _rows_of(document, placeholders, sections)
            return
        rows, starts = self._passages(document, frozenset(placeholders))
        for row, source in zip(rows, name_passages(document["source"], starts, document["places"]), strict=True):
            yield {**row, "source": source}

    def _screen_section(self, section: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
        """Yields the rows of a section."""
        rows, starts = self._passages(section, frozenset(section["placeholders"]))
        for row, start in zip(rows, starts, strict=True):
            heading = row["heading"] or section["heading"]
            yield {**row, "source": section["source"], "heading": heading, "start": section["start"] + start}

    def _passages(self, text: Mapping[str, Any], placeholders: Set[str]) -> tuple[list[dict[str, Any]], list[int]]:
        """Returns the passages of a document or section, judged, and where each begins in it."""
        settings = self._settings
        min_tokens = min(settings.min_tokens, settings.max_tokens)
        passages = split_passages(text["text"], self._counter, settings.max_tokens, min_tokens)
        rows = [self._row(text, passage, placeholders) for passage in passages]
        return rows, [passage.start for passage in passages]

    def _row(self, document: Mapping[str, Any], passage: Passage, placeholders: Set[str]) -> dict[str, Any]:
        row = {name: document[name] for name in ("title", "position")}
        row |= {"document_id": content_id(passage.text), "text": passage.text}
        row |= {"heading": passage.heading, "num_tokens": passage.num_tokens}
        private = None
        if self._settings.enabled:
            counted = count_placeholders(passage.text, placeholders)
            row["masked"] = sum(counted.values())
            private = next((kind for kind in self._settings.personal_data.kinds if kind in counted), None)
        return {**row, **self._judge(row, private)} if self._judged else row

    def _judge(self, row: Mapping[str, Any], private: str | None) -> dict[str, str]:
        """Returns the columns of OUTCOME for a passage that leaves; nothing for one that is kept."""
        if self._settings.enabled and (reason := self._reason(row, private)):
            return _outcome(PHASES[1], reason)
        if self._contamination and (reason := self._contamination(row["text"])):
            return _outcome(PHASES[2], reason)
        return {}

    def _reason(self, row: Mapping[str, Any], private: str | None) -> Reason | None:
        """The cheap rules, cheapest first; `private`, a kind of personal data, last. Its text is masked by then, so that no rejected
        row has it."""
        settings, text = self._settings, row["text"]
        drops = settings.personal_data.action == "drop"
        return (
            length_reason(row["num_tokens"], settings.min_tokens, settings.max_tokens)
            or markup_reason(text, **dict(settings.markup))
            or garbled_reason(text, **dict(settings.garbled))
            or repetition_reason(text, **dict(settings.repetition))
            or prompt_injection_reason(text, self._injections)
            or (("personal_data", private) if drops and private else None)
        )

    def _table(self, found: Iterable[dict[str, Any]]) -> pa.Table:
        """Returns rows as a table, with what those that are kept are compared by."""
        rows = list(found)
        kept = [row for row in rows if "document_id" in row and not row.get("phase")] if self._settings.enabled else []
        compared = _sketches([row["text"] for row in kept], self._settings.near_duplicates, self._random_seed)
        for row, by in zip(kept, compared, strict=True):
            row |= by
        return pa.Table.from_pylist(rows, _SCHEMA)


def _sketches(texts: Sequence[str], settings: NearDuplicates, random_seed: int) -> Iterator[dict[str, Any]]:
    """Yields what each text is compared by: the columns of SKETCH."""
    for start in range(0, len(texts), TOGETHER):
        part = texts[start : start + TOGETHER]
        found = {"exact_key": [key.tobytes() for key in exact_keys(part)]}
        if settings.threshold is not None:
            keys, sizes, signed = sketch(part, settings.threshold, settings.ngram, settings.num_perm, random_seed)
            found |= {"band_keys": [bands.tobytes() for bands in keys], "shingles": sizes.tolist()}
            found |= {"signature": [values.tobytes() for values in signed]}
        yield from (dict(zip(found, values, strict=True)) for values in zip(*found.values(), strict=True))


def _rows_of(
    document: Mapping[str, Any], placeholders: Sequence[str], sections: Sequence[Section]
) -> Iterator[dict[str, Any]]:
    """Yields the sections of a document as rows."""
    given = {name: document[name] for name in ("source", "title", "position", "places")}
    ends = [*(section.start for section in sections[1:]), len(document["text"])]
    for (start, heading), end in zip(sections, ends, strict=True):
        text = document["text"][start:end]
        yield {**given, "text": text, "heading": heading, "start": start, "placeholders": placeholders}


def _outcome(phase: str, reason: Reason) -> dict[str, str]:
    return dict(zip(OUTCOME, (phase, *reason), strict=True))

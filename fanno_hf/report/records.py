"""The rows in the page's browser: kept pairs, and some rejected rows of each reason, each with its lineage.

respond row + its passage, tags, counterexamples, prompts  ->  {"stage": "respond", "reason": None, "document": 7, …}

A prompt is rendered again from the templates in run.json, and shown only if their digest is the row's. Signs replace
long texts that the page has elsewhere: "\\0d\\0" stands for the document (see `Page`).
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from fanno_hf.columns import full_text
from fanno_hf.identity import content_id, spread_seed
from fanno_hf.instructing.ask import instruction_prompt, prompt_variables
from fanno_hf.instructing.prompts import Messages, Prompt, neutralise
from fanno_hf.instructing.tags import KINDS
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.report.shown import Row, Shown, read_counterexamples, read_passages, read_table
from fanno_hf.settings import Prompts
from fanno_hf.steps.answering import answer_variables, response_prompt

_COPIED = (
    *("instruction", "input", "task_type", "characteristic", "style", "origin", "round", "reward", "pulls"),
    *("finish_reason", "teacher", "prompt_digest", "response_tokens", "detail", "task_type_asked"),
    *("ifd", "answer_loss"),
)
_SHORTEST = 40  # characters; a sign replaces texts in prompts that have as many or more


def page_records(
    shown: Shown,
    similarities: Sequence[float],
    folder: RunFolder,
    *,
    rejected: int,
    cut: int,
    random_seed: int,
    prompts: Mapping[str, Any],
) -> dict[str, Any]:
    """Returns `Page.records`.

    Args:
        similarities: of each kept row to the nearest other one; of a single row minus infinity.
        rejected: largest number of rejected rows of each stage and reason.
        cut: characters that longer texts are cut to.
        prompts: the configured templates; for a run from the Hub only these are rendered.
    """
    dropped = list(_rejected(folder, rejected, random_seed))
    wanted = [row for _, row in dropped if row.get("document_id") and "counterexamples" in row]
    passages = {**read_passages(folder, wanted), **shown.passages}
    others = {**read_counterexamples(folder, wanted), **shown.counterexamples}
    entries = {stage: entry for stage, entry in folder.manifest["stages"].items() if _is_ours(entry, prompts)}
    lineage = _Lineage(entries, passages, others, cut)
    rows = [
        lineage.record(shown.stage, row) | {"similarity": round(float(value), 4)}
        for row, value in zip(shown.rows, similarities, strict=True)
    ]
    rows += [lineage.record(stage, row) for stage, row in dropped]
    return {"documents": lineage.documents, "shared": lineage.shared, "rows": rows}


def shortened(value: Any, cut: int) -> Any:
    """Cuts a text to `cut` characters and an ellipsis; any other value is returned unchanged."""
    return f"{value[:cut]} …" if isinstance(value, str) and len(value) > cut + 2 else value


def _rejected(folder: RunFolder, most: int, random_seed: int) -> Iterable[tuple[str, Row]]:
    """Yields (stage, row) of at most `most` rejected rows of each stage and reason, drawn at random, in their order."""
    for stage in STAGES:
        if (table := read_table(folder, f"rejected_{stage}")) is None:
            continue
        places = defaultdict(list)
        for place, reason in enumerate(table["reason"]):
            places[reason].append(place)
        rng = np.random.default_rng(spread_seed(random_seed, "report", "rejected", stage))
        chosen = [rng.permutation(found)[:most] for found in places.values()] if most else []
        for row in table.select(np.sort(np.concatenate(chosen)) if chosen else []).to_list():
            yield stage, row


class _Lineage:
    """Turns rows into records and collects the documents and turns of prompts that they share."""

    def __init__(self, entries: Mapping[str, Any], passages: Mapping[str, Row], others: Mapping[str, Row], cut: int):
        self._entries, self._passages, self._others, self._cut = entries, passages, others, cut
        self.documents: list[dict[str, Any]] = []
        self.shared: list[Messages] = []
        self._places: dict[str, int] = {}
        self._turns: dict[str, int] = {}
        self._handing_on: dict[str, bool] = {}
        # each made once, for all rows
        self._ask_prompt, self._answer_prompt = cache(self._ask_prompt), cache(self._answer_prompt)
        self._prompts = cache(self._prompts)
        self._tag_texts, self._is_plain = cache(self._tag_texts), cache(lambda text: neutralise(text) == text)

    def record(self, stage: str, row: Row) -> dict[str, Any]:
        passage = self._passages.get(row.get("document_id"))
        found = zip(row.get("passages") or (), row.get("passage_scores") or (), strict=False)
        return {
            **{name: self._short(row.get(name)) for name in _COPIED},
            "id": row.get("instruction_id") or row.get("document_id") or "",
            "stage": stage,
            "reason": row.get("reason"),
            "output": self._short(row.get("response")),
            "document": self._document(passage["text"], passage["source"]) if passage else None,
            "text": None if passage else self._short(row.get("text")),
            "passages": [[self._document(text), round(float(score), 4)] for text, score in found],
            "counterexamples": [[name, self._other(name)] for name in row.get("counterexamples") or ()],
            "verdicts": [
                [verdict["name"], verdict["probability"]]
                for verdict in (*(row.get("verdicts") or ()), *(row.get("response_verdicts") or ()))
            ],
            "removed": ", ".join(row.get("removed") or ()) or None,
            "tokens": row.get("num_tokens"),
            "completion": self._short(row.get("completion")) if row.get("reason") else None,
            "prompt": self._safely(self._asked, row, passage),
            "response_prompt": self._safely(self._answered, row, passage),
        }

    def _short(self, value: Any) -> Any:
        return shortened(value, self._cut)

    def _other(self, name: str) -> str:
        return full_text(self._others[name]) if name in self._others else ""

    def _document(self, text: str, source: str | None = None) -> int:
        """Returns the index of a text among the documents; adds it if it is new."""
        if text not in self._places:
            self._places[text] = len(self.documents)
            name = content_id(text)
            source = source or self._passages.get(name, {}).get("source")
            document = {"id": name, "source": source, "text": self._short(text), "cut": len(text) > self._cut}
            self.documents.append(document)
        return self._places[text]

    @staticmethod
    def _safely(render: Callable[[Row, Row | None], list | None], row: Row, passage: Row | None) -> list | None:
        """Returns the rendered prompt, or None if rendering fails, as with other templates in run.json."""
        try:
            return render(row, passage)
        except Exception:  # a template may raise anything
            return None

    def _asked(self, row: Row, passage: Row | None) -> list | None:
        if passage is None or row.get("origin") not in ("seed", "augment"):
            return None
        prompt = self._ask_prompt(row["origin"])
        if row.get("prompt_digest") not in (None, prompt.digest):
            return None
        texts = self._tag_texts(row["origin"])
        asked_for = {**row, "task_type": row.get("task_type_asked") or row["task_type"]}
        asked = {
            **{name: passage.get(name) for name in ("text", "title", "heading")},
            "tag_texts": [texts[kind][asked_for[kind]] for kind in KINDS.values()],
            "shown": [self._others[name] for name in row["counterexamples"] or ()],
        }
        variables = prompt_variables(asked, list(texts["task_type"].values()), self._prompts(row["origin"]))
        return self._sent(prompt, variables, {"document": self._sign("d", passage["text"])})

    def _ask_prompt(self, stage: str) -> Prompt:
        """Returns the prompt by which a stage asked, from what run.json keeps of its configuration."""
        config = self._entries[stage]["config"]
        think_different = stage == "augment" and config["stages"]["augment"]["think_different"]
        return instruction_prompt(self._prompts(stage), think_different=think_different)

    def _prompts(self, stage: str) -> Prompts:
        return Prompts.model_validate(self._entries[stage]["config"]["prompts"])

    def _tag_texts(self, stage: str) -> Mapping[str, Mapping[str, str]]:
        """Returns kind -> name of a tag -> its text, as the stage had them."""
        tags = self._entries[stage]["tags"]
        return {kind: {tag["name"]: tag["text"] for tag in tags[many]} for many, kind in KINDS.items()}

    def _answered(self, row: Row, passage: Row | None) -> list | None:
        if "response" not in row:
            return None
        passages = row.get("passages") or []
        prompt = self._answer_prompt(bool(passages))
        if row.get("response_prompt_digest") not in (None, prompt.digest):
            return None
        variables = answer_variables({**{name: (passage or {}).get(name) for name in ("title", "heading")}, **row})
        signs = {"instruction": self._sign("i", row["instruction"])}
        if passages:
            variables["passages"] = passages
            signs["passages"] = [self._sign(f"p{place}", text) for place, text in enumerate(passages)]
        return self._sent(prompt, variables, signs)

    def _answer_prompt(self, grounded: bool) -> Prompt:
        prompts = self._entries["respond"]["config"]["prompts"]
        return response_prompt(Prompts.model_validate(prompts), grounded=grounded)

    def _sign(self, name: str, text: str) -> str:
        """Returns the sign that replaces a text in a prompt; a short one, or one sent otherwise, with a special token
        broken up, stays."""
        return f"\0{name}\0" if len(text) >= _SHORTEST and self._is_plain(text) else text

    def _sent(self, prompt: Prompt, variables: Mapping[str, Any], signs: Mapping[str, Any]) -> list:
        """Returns [index of the earlier turns in `shared`, the last message with signs for its long texts]."""
        if prompt.digest not in self._handing_on:
            self._handing_on[prompt.digest] = _hands_on(prompt, variables, signs)
        *before, last = prompt.messages(**{**variables, **(signs if self._handing_on[prompt.digest] else {})})
        if before and prompt.digest not in self._turns:
            self._turns[prompt.digest] = len(self.shared)
            self.shared.append(before)
        return [self._turns.get(prompt.digest), last["content"]]


def _is_ours(entry: Mapping[str, Any], prompts: Mapping[str, Any]) -> bool:
    """Tells whether the templates of a stage may be rendered: made on this machine, or equal to the configured ones.

    Any other template from the Hub could fill the memory.
    """
    used = entry["config"].get("prompts", {})
    return "from" not in entry or all(prompts.get(name) == templates for name, templates in used.items())


def _hands_on(prompt: Prompt, variables: Mapping[str, Any], signs: Mapping[str, Any]) -> bool:
    """Tells whether a template inserts these variables unchanged, so that signs may replace them."""
    signed = prompt.messages(**{**variables, **signs})[-1]["content"]
    for name, sign in signs.items():
        pairs = zip(sign, variables[name], strict=True) if isinstance(sign, list) else [(sign, variables[name])]
        for mark, text in pairs:
            signed = signed.replace(mark, text)
    return signed.strip() == prompt.messages(**variables)[-1]["content"]

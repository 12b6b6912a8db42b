"""What `stage=preview` shows of a passage's way, in the terminal and on a page.

    Way([Step("prescreen", {…}), Step("seed", {…}, [(request, completion), …]), Step("respond", …)], pair)
        ->  Part("prompt", "Write one request …"), Part("completion", "Kind: advice …"), Part("rules", "kept"), …

Documents and completions are hostile: a terminal gets none of their control characters and sees where a text begins and ends,
and on the page all are escaped.
"""

import json
import shutil
import sys
import textwrap
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from tqdm import tqdm

from fanno_hf.teacher.base import Completion, Request
from fanno_hf.texts.fit import visible


@dataclass(frozen=True)
class Step:
    """What one stage made of a row."""

    stage: str
    row: Mapping[str, Any]  # as the stage keeps it, or drops it: then with phase, reason and detail
    exchanges: Sequence[tuple[Request, Completion]] = ()  # what was asked, in order

    @property
    def is_dropped(self) -> bool:
        """Whether the row ends here."""
        return bool(self.row.get("reason"))


@dataclass(frozen=True)
class Way:
    """The way of one passage through the stages; the last step is where it ended."""

    steps: Sequence[Step]
    pair: Mapping[str, Any] | None = None  # columns of PAIR; None where there is none


@dataclass(frozen=True)
class Part:
    """One thing that is shown: a text of somebody else's, or a fact in a line of ours."""

    label: str
    text: str
    is_text: bool = True
    is_prompt: bool = False  # long: the page shows it when it is asked to
    is_general: bool = False  # the same for all passages: shown once


def parts_of(step: Step) -> Iterator[Part]:
    """Yields what there is to show of a step, in the order in which it happened."""
    row = step.row
    yield from {"prescreen": _screened, "seed": _asked, "respond": _answered}[step.stage](step)
    if row.get("verdicts" if step.stage != "respond" else "response_verdicts"):
        yield from _judged(step)
    if step.is_dropped:
        yield Part("DROPPED", f"{row['reason']}: {row['detail']} (at: {row['phase']})", is_text=False)
    else:
        yield Part("kept", "", is_text=False)


def _screened(step: Step) -> Iterator[Part]:
    if step.is_dropped:  # else it is in the prompt that follows
        yield Part("text", step.row["text"] or "")


def _asked(step: Step) -> Iterator[Part]:
    row = step.row
    yield from _exchanged(step)
    if row["instruction"] is None:  # no answer to parse
        return
    kind = (
        row["task_type"]
        if row["task_type"] == row["task_type_asked"]
        else f"{row['task_type']} (asked for: {row['task_type_asked']})"
    )
    yield Part("kind", f"{kind}, {row['characteristic']}, {row['style']}", is_text=False)
    yield Part("instruction", row["instruction"])
    if row["input"]:
        yield Part("input", row["input"])
    if row["removed"] or row["characters_removed"]:
        what = "; ".join(row["removed"] or ())
        yield Part("taken off", f"{row['characters_removed']} characters: {what}", is_text=False)
    yield from _obeyed(row)


def _answered(step: Step) -> Iterator[Part]:
    row = step.row
    if scores := row["passages"] and row["passage_scores"]:
        cosines = ", ".join(f"{score:.3f}" for score in scores)
        yield Part(
            "passages", f"{len(scores)}, similarity to the instruction {cosines} (its own first)", is_text=False
        )
    yield from _exchanged(step)
    if row["response"] is None:
        return
    is_whole = row["response"] == _completions(step)[-1].text
    yield Part("response", "the completion, word for word" if is_whole else row["response"], is_text=not is_whole)
    yield from _obeyed(row)


def _obeyed(row: Mapping[str, Any]) -> Iterator[Part]:
    """That the rules object to nothing; where they do, the row is dropped and says so."""
    if row.get("phase") not in ("rules", "decontamination"):
        yield Part("rules", "no objection", is_text=False)


def _exchanged(step: Step) -> Iterator[Part]:
    """The prompt, and what came back: twice where a cut-off answer was asked for again."""
    mine = [(request, answer) for request, answer in step.exchanges if not request.judge]
    for request, _ in mine[:1]:
        *earlier, last = request.messages
        if earlier:
            turns = "\n\n".join(f"{turn['role']}:\n{turn['content']}" for turn in earlier)
            yield Part(f"earlier turns of every {step.stage} prompt", turns, is_prompt=True, is_general=True)
        yield Part("prompt", last["content"], is_prompt=True)
        if request.schema:
            label = f"JSON schema beside every {step.stage} prompt, where the server takes one"
            yield Part(label, json.dumps(request.schema, indent=2), is_prompt=True, is_general=True)
    for request, answer in mine:
        notes = [f"{answer.completion_tokens} tokens"]
        notes += [f"cut off at max_tokens={request.max_tokens}"] * (answer.finish_reason == "length")
        notes += ["the prompt was too long and lost a part of its document"] * answer.shortened
        if answer.error is None:
            yield Part(f"completion, {', '.join(notes)}", answer.text)


def _completions(step: Step) -> list[Completion]:
    return [answer for request, answer in step.exchanges if not request.judge]


def _judged(step: Step) -> Iterator[Part]:
    judged = [(request, answer) for request, answer in step.exchanges if request.judge]
    for request, answer in judged[:1]:
        text = f"{request.messages[-1]['content']}\n\n-> {answer.text}"
        yield Part(f"how verdicts are asked for in {step.stage}", text, is_prompt=True, is_general=True)
    verdicts = step.row["response_verdicts" if step.stage == "respond" else "verdicts"]
    found = [
        f"{v['name']} {'undecided' if v['probability'] is None else format(v['probability'], '.3f')}" for v in verdicts
    ]
    yield Part("verdicts", ", ".join(found), is_text=False)


class Previewed:
    """What was shown so far: printed as it comes, and a page in the end."""

    def __init__(self, title: str):
        self.title, self.notes = title, []
        self.ways: list[Way] = []
        self._sections: list[dict[str, Any]] = []
        self._known: set[str] = set()  # labels of what is shown once

    def say(self, note: str) -> None:
        """Prints a line about all of it."""
        self.notes.append(visible(note))
        _print(visible(note))

    def add(self, way: Way) -> None:
        """Prints the way of one passage."""
        self.ways.append(way)
        document = way.steps[0].row
        title = f"{len(self.ways)}  {document['source']}"
        if document["num_tokens"] is not None:
            title += f", {document['num_tokens']} tokens"
        steps = [
            (step.stage, [part for part in map(_safe, parts_of(step)) if self._is_new(part)]) for step in way.steps
        ]
        section = {"title": _line(title), "steps": steps, "pair": way.pair and way.pair["id"]}
        section["dropped"] = way.steps[-1].row["reason"] if way.pair is None else None
        self._sections.append(section)
        _print("\n".join(_lines(section)))

    def _is_new(self, part: Part) -> bool:
        if not part.is_general:
            return True
        is_new = part.label not in self._known
        self._known.add(part.label)
        return is_new

    def html(self) -> bytes:
        """Returns the page: one file without scripts."""
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
        )
        page = environment.get_template("preview.html")
        return page.render(title=visible(self.title), notes=self.notes, sections=self._sections).encode()


def _safe(part: Part) -> Part:
    return replace(part, label=_line(part.label), text=visible(part.text) if part.is_text else _line(part.text))


def _line(text: str) -> str:
    """Returns a text as one line."""
    return " ".join(visible(text).split())


def _lines(section: Mapping[str, Any]) -> Iterator[str]:
    """Yields the lines of a way: texts of others behind a bar, so that none of them can pass for one of ours."""
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else None
    yield f"\n━━ {section['title']}"
    for stage, parts in section["steps"]:
        yield stage
        for part in parts:
            yield f"  {part.label}" + (f"  {part.text}" if part.text and not part.is_text else "")
            if part.is_text:
                yield from (f"  │ {line}" for text in part.text.split("\n") for line in _wrapped(text, width))
    yield f"pair {section['pair']}" if section["pair"] else f"no pair: {section['dropped']}"


def _wrapped(line: str, width: int | None) -> list[str]:
    if width is None:
        return [line]
    return textwrap.wrap(line, max(20, width - 5), drop_whitespace=False, break_on_hyphens=False) or [""]


def _print(text: str) -> None:
    """Prints at once, above the bars of what is at work, and what the terminal's encoding lacks as escapes."""
    encoding = sys.stdout.encoding or "utf-8"
    tqdm.write(text.encode(encoding, "backslashreplace").decode(encoding), file=sys.stdout)
    sys.stdout.flush()

"""The measures, each from what was answered or loaded to the figures of one model.

judgements of "student" against "base"  ->  {"weighted": Figure(0.61, (0.55, 0.67)), "length_controlled": …}
"""

import json
import logging
import re
from collections.abc import Sequence
from typing import Any

import numpy as np

from fanno_hf.evaluating.answers import Answer
from fanno_hf.evaluating.grades import Grade, summarise
from fanno_hf.evaluating.harness import Task, figure_of, run_task
from fanno_hf.evaluating.instructions import Instruction
from fanno_hf.evaluating.kept import FOLDER, Kept
from fanno_hf.evaluating.models import Local
from fanno_hf.evaluating.table import Figure, Line
from fanno_hf.evaluating.winrate import Interval, Judgement, interval, weighted_mean, win_rate
from fanno_hf.identity import digest, spread_seed
from fanno_hf.output.folder import RunFolder
from fanno_hf.settings import Settings
from fanno_hf.sources.pairs import Pair
from fanno_hf.students.losses import Losses, losses

logger = logging.getLogger(__name__)


def loss_line(model: Local, pairs: Sequence[Pair], kept: Kept, settings: Settings) -> tuple[Line, list[str], str]:
    """Returns the losses of a model on pairs, notes on pairs without one, and what differs where its tokens do."""
    samples, seed = settings.evaluate.judged.bootstrap, spread_seed(settings.random_seed, "evaluate", "loss", "draw")

    def measure() -> dict[str, Any]:
        logger.info("evaluate: %s: loss on %d answers", model.name, len(pairs))
        found = losses(pairs, model.load(), settings.evaluate.batch_size, _counting(model.name, len(pairs)))
        return _loss_figures(found, seed, samples)

    found = kept.measure(["loss", 2, model.identity, list(pairs), seed, samples], measure)
    of, too_long = len(pairs), found["too_long"]
    broken, notes = of - found["measured"] - too_long, []
    if too_long:
        notes.append(f"{model.name}: {too_long} of {of} pairs are longer than its context and have no loss")
    if broken:
        notes.append(f"{model.name}: the loss of {broken} of {of} pairs is no number, and is left out")
    if not found["measured"]:
        return {"loss_token": Figure(words="no number" if broken else "too long")}, notes, found["cut"]
    with np.errstate(over="ignore"):
        perplexity = Figure(float(np.exp(found["per_token"])))
    line = {
        "loss_token": Figure(found["per_token"], found["per_token_interval"]),
        "perplexity": perplexity if np.isfinite(perplexity.value) else Figure(words="infinite"),
        "loss_answer": Figure(found["per_answer"], found["per_answer_interval"]),
    }
    return line, notes, found["cut"]


def _counting(name: str, of: int):
    done = 0

    def advance(count: int) -> None:
        nonlocal done
        tenth, done = 10 * done // of, done + count
        if 10 * done // of > tenth:
            logger.info("evaluate: %s: loss: %d of %d answers", name, done, of)

    return advance


def _loss_figures(found: Losses, seed: Sequence[int], samples: int) -> dict[str, Any]:
    known = np.isfinite(found.loss)
    tokens, loss = found.tokens[known].astype(float), found.loss[known]
    per_token: Interval | None = interval(
        len(loss), lambda weights: weights @ (tokens * loss) / (weights @ tokens), seed, samples
    )
    return {
        "measured": len(loss),
        "too_long": found.too_long,
        "cut": digest(found.tokens.tolist())[:16],
        "per_token": float(np.average(loss, weights=tokens)) if len(loss) else None,
        "per_token_interval": per_token,
        "per_answer": float(loss.mean()) if len(loss) else None,
        "per_answer_interval": interval(len(loss), weighted_mean(loss), seed, samples),
    }


def judged_line(judgements: Sequence[Judgement | None], settings: Settings) -> tuple[Line, str]:
    """Returns the figures of a model against a reference, and a note where answers or verdicts are missing."""
    seed = spread_seed(settings.random_seed, "evaluate", "judged")
    found = win_rate([one for one in judgements if one], seed, settings.evaluate.judged.bootstrap)
    line = {
        "weighted": Figure(found.weighted, found.weighted_interval),
        "length_controlled": Figure(found.length_controlled, found.length_controlled_interval),
        "discrete": Figure(found.discrete, found.discrete_interval),
        "outcomes": Figure(words=f"{found.wins} / {found.ties} / {found.losses}"),
        "disagreeing": Figure(found.disagreeing),
        "first_place": Figure(found.first_place),
        "undecided": Figure(float(found.undecided)),
    }
    missing = len(judgements) - found.instructions
    return line, f"{missing} of {len(judgements)} instructions have no answer from one side" if missing else ""


def length_line(answers: Sequence[Sequence[Answer]]) -> tuple[Line, list[str]]:
    """Returns how long the answers of a model are, and notes on those that are missing or were cut off."""
    given = [turns[0] for turns in answers if not turns[0].error]
    line = {"characters": Figure(float(np.mean([len(answer.text) for answer in given])))} if given else {}
    return line, _notes_on(given, len(answers), "evaluate.judged.max_tokens")


def _notes_on(given: Sequence[Answer], asked: int, key: str) -> list[str]:
    """Returns a note where answers are missing, and one where some were cut off; `key`: what to raise then."""
    cut = sum(answer.finish_reason == "length" for answer in given)
    notes = (
        [f"{asked - len(given)} of {asked} answers are missing: it refused or failed"] if len(given) < asked else []
    )
    return notes + ([f"{cut} of {len(given)} answers were cut off: raise {key}"] if cut else [])


def graded_line(
    grades: Sequence[Grade], questions: Sequence[Instruction], answers: Sequence[Sequence[Answer]], settings: Settings
) -> tuple[Line, dict[str, float], list[str]]:
    """Returns the grades of a model, their means by category, and notes on what has none."""
    seed = spread_seed(settings.random_seed, "evaluate", "graded")
    found = summarise(grades, seed, settings.evaluate.judged.bootstrap)
    line = {"grade": Figure(found.mean, found.interval, words="" if grades else "no answer")}
    line |= {
        name: Figure(found.turns[turn])
        for turn, name in ((1, "first_turn"), (2, "second_turn"))
        if turn in found.turns
    }
    given = [answer for turns in answers for answer in turns if not answer.error]
    notes = _notes_on(given, sum(2 if one.second else 1 for one in questions), "evaluate.graded.max_tokens")
    if found.undecided:
        notes.append(f"{found.undecided} of {found.answers} answers have no grade: the judge was undecided")
    return line, dict(found.categories), [f"graded: {note}" for note in notes]


def benchmark_line(model: Local, tasks: Sequence[Task], kept: Kept, settings: Settings, folder: RunFolder) -> Line:
    """Runs the tasks on a model, each once, and returns its figures; what the harness says is in evaluation/harness."""
    most, found = settings.evaluate.max_examples, {}
    for task in tasks:

        def measure(task: Task = task) -> dict[str, Any]:
            logger.info("evaluate: %s: %s", model.name, task.name)
            return run_task(task, model.load(), settings.evaluate.batch_size, most)

        found[task.name] = kept.measure(["harness", model.identity, task.to_json(), most], measure)
    text = json.dumps(found, indent=2, ensure_ascii=False) + "\n"
    folder.write(FOLDER / "harness" / f"{file_name(model.name)}.json", text.encode("utf-8", "replace"))
    return {task.name: Figure(*figure_of(task, found[task.name])) for task in tasks}


def file_name(name: str) -> str:
    """Returns a name for a file: the name itself where any disk takes it and tells it apart, else what is like it with a digest."""
    if re.fullmatch(r"[a-z0-9_][a-z0-9._-]{0,99}", name):
        return name
    alike = "".join(ch if ch.isascii() and (ch.isalnum() or ch in "._-") else "-" for ch in name[:60])
    return f"{alike.lstrip('.')}-{digest(name)[:8]}"

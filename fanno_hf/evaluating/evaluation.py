"""`stage=evaluate`: what models are worth, side by side.

    the base, each student, any server  ─►  answers ─► judgements ─► figures ─┐
                                        ─►  loss on answers of people ────────┼─►  a table, a line a model
                                        ─►  benchmarks ───────────────────────┘

runs/demo/evaluation/  table.md, table.json, answers.parquet, judgements.parquet, grades.parquet, harness/, measured.json

What models and judge answered is in the run's journal: a stopped evaluation goes on, and one whose inputs did not change asks nothing.
"""

import logging
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, closing, nullcontext
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.evaluating import files
from fanno_hf.evaluating.answers import Answer, answer_all, check_answered
from fanno_hf.evaluating.doors import Doors
from fanno_hf.evaluating.inputs import FILE, Inputs, read_inputs
from fanno_hf.evaluating.instructions import outputs_of
from fanno_hf.evaluating.judging import Judge
from fanno_hf.evaluating.kept import Kept
from fanno_hf.evaluating.measuring import benchmark_line, graded_line, judged_line, length_line, loss_line
from fanno_hf.evaluating.models import KEY, Model, find_models, kin
from fanno_hf.evaluating.table import Figure, render
from fanno_hf.identity import digest
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.place import run_folder
from fanno_hf.settings import Settings
from fanno_hf.teacher.service import Teacher
from fanno_hf.training.current import is_current, made_of

logger = logging.getLogger(__name__)

EVALUATION_VERSION = 2
"""Raised whenever the same configuration and input would give another table than before."""
_DECIDES_NOTHING = {"models", "batch_size", "tasks_folder"}  # what they name is part of the fingerprint by its content


@dataclass
class _Found:
    """What came of the models so far, by name."""

    lines: dict[str, dict[str, Figure]]
    answers: dict[str, list[list[Answer]]] = field(default_factory=dict)  # to the instructions
    talks: dict[str, list[list[Answer]]] = field(default_factory=dict)  # to the questions, in two turns
    judgements: list[dict[str, Any]] = field(default_factory=list)
    grades: list[dict[str, Any]] = field(default_factory=list)
    categories: dict[str, Mapping[str, float]] = field(default_factory=dict)
    cuts: dict[str, str] = field(default_factory=dict)  # what differs where a model cuts the answers into other tokens
    notes: list[str] = field(default_factory=list)

    @property
    def is_complete(self) -> bool:
        """Whether no answer is missing that another try might bring."""
        every = (turns for told in (self.answers, self.talks) for rows in told.values() for turns in rows)
        return not any(answer.error.startswith("teacher_failed") for turns in every for answer in turns)


def evaluate(settings: Settings) -> str:
    """Measures the models and returns the table.

    Raises:
        UserError: a model, a judge or a data set is not what it should be, or what a measure needs is not installed.
        FannoError: a model does not fit into memory, or too many verdicts say nothing.
    """
    path = run_folder(settings.run)
    models, inputs = find_models(settings, path), read_inputs(settings)  # a mistyped name leaves no folder behind
    reference = _reference(settings, models) if inputs.instructions else None
    with closing(RunFolder(path)) as folder, ExitStack() as stack:
        doors = Doors(settings, folder.path)
        judge = stack.enter_context(doors.judge()) if inputs.needs_judge else None
        identities = [_identity(model, doors, stack) for model in models]
        stale = [model.name for model in models if model.is_local and not is_current(Path(model.source), folder)]
        fingerprint = digest([_fingerprint(settings, inputs, models, identities, judge), stale])
        if not settings.force and (table := files.finished(folder, fingerprint)) is not None:
            logger.info("evaluate: up to date (%d models)", len(models))
            return table
        found = _Found({model.name: {} for model in models})
        if judge:
            _warn_of_kin(judge.identity, models, identities, found)
        _warn_of_same(models, identities, found)
        _warn_of_stale(stale, found)
        kept = Kept(folder, anew=settings.force)
        for model in models:
            _measure(model, inputs, doors, kept, folder, settings, found)
        _warn_of_tokens(found)
        if judge:
            _judge(Judge(judge, settings.evaluate.prompts, settings.top_logprobs), inputs, reference, settings, found)
        about = {"fingerprint": fingerprint, "reference": reference, "judge": judge and judge.identity}
        about["models"] = [_about(model, identity) for model, identity in zip(models, identities, strict=True)]
        about["measured_with"] = _measured_with(settings, inputs, about, found)
        return _write(folder, about, inputs, found)


def _reference(settings: Settings, models: Sequence[Model]) -> str:
    """Returns the name of what answers are judged against. Raises UserError where there is no such model, or none besides it."""
    wanted, names = settings.evaluate.judged.reference, [model.name for model in models]
    key = f"evaluate.judged.reference={wanted}"
    if wanted != FILE and wanted not in names:
        raise UserError(
            f"{key} is none of {KEY} ({', '.join(names)}){did_you_mean(wanted, names) or ''}: name one of them, or {FILE} for the outputs "
            "that the instructions come with"
        )
    if names == [wanted]:
        raise UserError(
            f"{key} is the only one of {KEY}: name another model to judge, or leave judged out of the measures"
        )
    return wanted


def _identity(model: Model, doors: Doors, stack: ExitStack) -> str:
    """Returns what a model is; a server that was not told its model is asked."""
    if model.is_local:
        return model.identity
    if model.backend.identity is None:
        with doors.open(model.name, model.backend) as teacher:
            return teacher.identity
    return model.backend.identity


def _fingerprint(
    settings: Settings, inputs: Inputs, models: Sequence[Model], identities: Sequence[str], judge: Teacher | None
) -> str:
    """Returns the digest of everything that decides the table."""
    chosen = {key: value for key, value in settings.resolved["evaluate"].items() if key not in _DECIDES_NOTHING}
    chosen["loss"], chosen["judged"], chosen["graded"] = None, {**chosen["judged"], "instructions": None}, None
    named = [[model.name, identity] for model, identity in zip(models, identities, strict=True)]
    parts = [chosen, inputs.digest, settings.evaluate.graded.max_tokens, settings.top_logprobs, settings.random_seed]
    return digest([EVALUATION_VERSION, named, judge and judge.identity, *parts])


def _about(model: Model, identity: str) -> dict[str, str]:
    """Returns name, identity and, of a student, what it was made of."""
    made = made_of(Path(model.source)) if model.is_local else ""
    return {"name": model.name, "identity": identity} | ({"made_of": made} if made else {})


def _measured_with(settings: Settings, inputs: Inputs, about: Mapping[str, Any], found: _Found) -> dict[str, str]:
    """Returns for each measure what differs where its figures cannot be compared with those of another run."""
    chosen, parts = settings.evaluate, {}
    judge = [about["judge"], settings.top_logprobs, chosen.prompts.model_dump()]
    if inputs.pairs:
        parts["loss"] = [inputs.pairs, sorted(set(found.cuts.values()))]
    if inputs.instructions:
        reference = next((one["identity"] for one in about["models"] if one["name"] == about["reference"]), FILE)
        parts["judged"] = [[one.to_json() for one in inputs.instructions], chosen.judged.max_tokens, judge, reference]
    if inputs.questions:
        parts["graded"] = [[one.to_json() for one in inputs.questions], chosen.graded.max_tokens, judge]
    return {name: digest(part)[:16] for name, part in parts.items()}


def _warn_of_stale(stale: Sequence[str], found: _Found) -> None:
    for name in stale:
        note = f"{name} was trained on other pairs than the run has now: run stage=train again."
        logger.warning("evaluate: %s", note)
        found.notes.append(note)


def _warn_of_kin(judge: str, models: Sequence[Model], identities: Sequence[str], found: _Found) -> None:
    if names := kin(judge, models, identities):
        note = f"The judge ({judge}) is kin to {', '.join(names)}: judges prefer what is like them; take another judge= for figures to trust."
        logger.warning("evaluate: %s", note)
        found.notes.append(note)


def _warn_of_same(models: Sequence[Model], identities: Sequence[str], found: _Found) -> None:
    """A model is known by its name and version, so that two servers of one model give the same answers."""
    for place, (model, identity) in enumerate(zip(models, identities, strict=True)):
        if (first := identities.index(identity)) < place:
            note = f"{models[first].name} and {model.name} are the same model ({identity}), and have the same answers."
            logger.warning("evaluate: %s", note)
            found.notes.append(note)


def _warn_of_tokens(found: _Found) -> None:
    """A loss is that of a token: those of longer tokens are higher."""
    if len(set(found.cuts.values())) > 1:
        alike: dict[str, list[str]] = {}
        for name, cut in found.cuts.items():
            alike.setdefault(cut, []).append(name)
        groups = " / ".join(", ".join(names) for names in alike.values())
        note = f"These models cut answers into different tokens ({groups}): their losses and perplexities cannot be compared."
        logger.warning("evaluate: %s", note)
        found.notes.append(note)


def _measure(
    model: Model,
    inputs: Inputs,
    doors: Doors,
    kept: Kept,
    folder: RunFolder,
    settings: Settings,
    found: _Found,
) -> None:
    """Asks one model everything, and measures its losses and benchmarks where it is on this machine."""
    line, chosen = found.lines[model.name], settings.evaluate
    with model.held() if model.is_local else nullcontext():
        if inputs.needs_judge:
            with doors.open(model.name, model.backend) as teacher:
                if inputs.instructions:
                    told = answer_all(teacher, inputs.instructions, chosen.judged.max_tokens, model.name)
                    found.answers[model.name] = told
                    check_answered(told, model.name)
                    lengths, notes = length_line(told)
                    line.update(lengths)
                    found.notes += [f"{model.name}: {note}" for note in notes]
                if inputs.questions:
                    told = answer_all(teacher, inputs.questions, chosen.graded.max_tokens, model.name, turns=2)
                    found.talks[model.name] = told
                    check_answered(told, model.name)
        if not model.is_local:
            if inputs.pairs or inputs.tasks:
                found.notes.append(
                    f"{model.name} is a server: loss and benchmarks are measured of models of this machine."
                )
            return
        if inputs.pairs:
            losses, notes, found.cuts[model.name] = loss_line(model, inputs.pairs, kept, settings)
            line.update(losses)
            found.notes += notes
        if inputs.tasks:
            line.update(benchmark_line(model, inputs.tasks, kept, settings, folder))


def _judge(judge: Judge, inputs: Inputs, reference: str | None, settings: Settings, found: _Found) -> None:
    """Has every model's answers judged against the reference's, and graded."""
    chosen = settings.evaluate
    if reference == FILE:
        theirs = [Answer(text) for text in outputs_of(inputs.instructions, "evaluate.judged.reference")]
    elif reference:
        theirs = [turns[0] for turns in found.answers[reference]]
    for name, told in found.answers.items():
        if name == reference:
            found.lines[name]["weighted"] = Figure(words="reference")
            continue
        mine, limit = [turns[0] for turns in told], chosen.judged.undecided_limit
        judgements = judge.compare(inputs.instructions, mine, theirs, name, limit)
        line, note = judged_line(judgements, settings)
        found.lines[name].update(line)
        found.notes += [f"{name}: {note}"] if note else []
        found.judgements += files.judgement_rows(name, reference, inputs.instructions, judgements)
    for name, told in found.talks.items():
        grades = judge.grade(inputs.questions, told, name, chosen.graded.undecided_limit)
        line, categories, notes = graded_line(grades, inputs.questions, told, settings)
        found.lines[name].update(line)
        found.categories[name] = categories
        found.notes += [f"{name}: {note}" for note in notes]
        found.grades += files.grade_rows(name, grades)
    if judge.shortened:
        found.notes.append(
            f"{judge.shortened} verdicts were given on answers that were cut: the judge's context did not hold them."
        )


def _write(folder: RunFolder, about: Mapping[str, Any], inputs: Inputs, found: _Found) -> str:
    """Writes all that was found and returns the table with its notes."""
    rows = [row for name, told in found.answers.items() for row in files.answer_rows(name, inputs.instructions, told)]
    rows += [row for name, told in found.talks.items() for row in files.answer_rows(name, inputs.questions, told)]
    files.write_rows(folder, "answers", files.ANSWERS, rows)
    files.write_rows(folder, "judgements", files.JUDGEMENTS, found.judgements)
    files.write_rows(folder, "grades", files.GRADES, found.grades)
    shown = "\n".join([render(found.lines), *(f"\n{note}" for note in found.notes)]) + "\n"
    figures = {name: {key: cell.to_json() for key, cell in line.items()} for name, line in found.lines.items()}
    numbers = {**about, "is_complete": found.is_complete, "figures": figures}
    numbers |= {"grades_by_category": found.categories, "notes": found.notes}
    files.write_table(folder, numbers, shown)
    return shown

"""A run: which stages to do, whether they are up to date, and what is written down about them."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from dataclasses import asdict, dataclass
from functools import partial
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING, Any

import fanno_hf
from fanno_hf.engine.on_ray import engaged
from fanno_hf.engine.screening import forget_parts
from fanno_hf.errors import StageEmpty, UserError
from fanno_hf.hub.fetch import fetch
from fanno_hf.hub.publish import Publisher, push_in_passing
from fanno_hf.identity import digest
from fanno_hf.instructing.prompts import check_prompts
from fanno_hf.output.exports import renew_exports
from fanno_hf.output.folder import FORMAT, RunFolder
from fanno_hf.output.manifest import set_entry
from fanno_hf.output.pairs import pairs
from fanno_hf.output.place import check_loadable, run_folder
from fanno_hf.output.report_files import write_card
from fanno_hf.output.unread import renew_unread, unread_counts, write_unread
from fanno_hf.pipeline.plan import STAGES, Stage, input_digest, load, stages_before
from fanno_hf.pipeline.room import warn_of_small_context
from fanno_hf.pipeline.said import log_stage
from fanno_hf.pipeline.services import Shard, about_documents, read_documents, services
from fanno_hf.pipeline.shards import Shards, asked_shard, do_shard, screen, shard_folder
from fanno_hf.pipeline.versions import versions
from fanno_hf.settings import Settings
from fanno_hf.sources.document import Unread
from fanno_hf.steps.context import Context, StageOutput
from fanno_hf.steps.funnel import TEACHER
from fanno_hf.steps.rows import column, empty

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)

DATA_VERSION = 7
"""Raised whenever the same configuration and input would give other rows than before (see CHANGELOG, Data)."""


def execute(settings: Settings) -> RunFolder:
    """Does the stages that `stage` asks for and returns the run folder, closed; where one fails, what was done stays done."""
    asked = settings.stage
    shard = asked_shard(settings)
    path = run_folder(settings.run)
    check_loadable(settings.run)
    _refuse_itself(settings.prescreen.against, path)
    publisher = Publisher(settings.hub, path.resolve().name) if settings.hub.push and not shard else None
    with closing(RunFolder(shard_folder(path, shard) if shard else path)) as folder:
        if publisher:
            publisher.prepare()
        if settings.hub.origin:
            _fetch(settings, folder)
        if shard:
            _do_shard(settings, shard, folder)
            return folder
        with services(settings, folder.path, folder.scratch) as alone, engaged(alone, folder.path) as context:
            for stage in STAGES.values() if asked == "all" else (STAGES[asked],):
                stopped = _do(stage, context, folder)
                if stage.name == "prescreen":
                    forget_parts(folder.path)
                if context.engine:
                    context.engine.rest()
                write_card(folder, settings.hub.license)
                if publisher:
                    push_in_passing(publisher, folder)
                if stopped:
                    raise stopped
        if publisher:
            publisher.publish(folder)
    return folder


def _fetch(settings: Settings, folder: RunFolder) -> None:
    """Takes the stages before one from the Hub."""
    stage, origin = STAGES.get(settings.stage), settings.hub.origin
    if stage is None or not stage.reads:
        raise UserError(
            f"hub.from={origin} gives the stages before one, and stage={settings.stage} has none: name the stage that "
            "goes on from there, as in stage=augment"
        )
    before = stages_before(stage.name)
    fetch(origin, before, stage.reads, folder, settings.hub.retries, replace=settings.force)


def _refuse_itself(against: Sequence[Any], path: Path) -> None:
    """A run that is held against its own rows repeats them all."""
    for entry in against:
        name = entry.get("path") if isinstance(entry, Mapping) else entry
        if isinstance(name, str) and Path(name).expanduser().resolve() == path.resolve():
            raise UserError(
                f"stages.prescreen.against={name} is this very run: name an earlier one, or give another run="
            )


def _do_shard(settings: Settings, shard: Shard, folder: RunFolder) -> None:
    with services(settings, folder.path, folder.scratch) as context:
        documents = read_documents(settings, folder.scratch, shard)
        fingerprint = _shard_fingerprint(_decisive(STAGES["prescreen"], context))
        do_shard(documents.open(), documents.sha256, fingerprint, context, folder)
        write_unread(folder, documents.unread)


def _shard_fingerprint(decisive: Mapping[str, Any]) -> str:
    return digest([DATA_VERSION, "shard", decisive])


def _do(stage: Stage, context: Context, folder: RunFolder) -> StageEmpty | None:
    """Does one stage unless it is up to date, and writes down what it did. Returns the error of one that kept no row."""
    decisive = _decisive(stage, context)
    inputs = _inputs(stage, decisive, context, folder)
    fingerprint = _fingerprint(stage, decisive, inputs.sha256)
    entry = folder.manifest["stages"].get(stage.name)
    if entry and not context.settings.force and _is_up_to_date(entry, fingerprint, stage, folder):
        if not entry["kept"]:
            return StageEmpty(entry["stopped"])
        if stage.name == "prescreen" and renew_unread(folder, entry, inputs.unread):
            set_entry(folder.manifest, stage.name, entry)
            folder.write_manifest()
        logger.info("%s: up to date (%d rows)", stage.name, entry["kept"])
        return None
    # before a request is paid for
    context.embedder.check_installed()
    check_prompts(context.settings.resolved["prompts"])
    context.teacher.take_usage()
    started, spent = time.monotonic(), context.teacher.costs.tokens
    given = inputs.rows()
    warn_of_small_context(stage.name, given[0].kept if stage.name == "prescreen" else given[0], context)
    output, stopped = _output(stage, given, context)
    usage = context.teacher.take_usage()
    tables = _write_tables(stage, output, folder)
    if stage.name == "prescreen":
        write_unread(folder, inputs.unread)
    seconds = round(time.monotonic() - started, 2)
    entry = {
        "fingerprint": fingerprint,
        "input": inputs.sha256,
        **tables,
        **_counts(output),
        **({"stopped": str(stopped)} if stopped else {}),
        **asdict(usage),
        "seconds": seconds,
        **_cost(context, spent, seconds),
        **_about(stage, context, folder, inputs.unread),
        **decisive,
    }
    folder.manifest.update(format=FORMAT, fanno_hf=fanno_hf.__version__, packages=versions())
    set_entry(folder.manifest, stage.name, entry)
    if stage.has_pairs:
        renew_exports(folder)
    folder.write_manifest()
    log_stage(stage.name, entry)
    return stopped


def _output(stage: Stage, given: Sequence[Any], context: Context) -> tuple[StageOutput, StageEmpty | None]:
    """Does a stage. Returns its rows, and the error of one that kept none."""
    try:
        return load(stage.function)(*given, context), None
    except StageEmpty as error:
        return StageOutput(empty(stage.columns), error.rejected), error


def _write_tables(stage: Stage, output: StageOutput, folder: RunFolder) -> dict[str, str | None]:
    """Writes what a stage leaves; returns the digest of each table by its key in run.json. One without rows has no file."""
    rows = {"output": output.kept, "output_rejected": output.rejected, "output_history": output.history}
    if stage.has_pairs:
        rows["pairs"] = pairs(output.kept)
    return {table.key: folder.write_rows(table.name, rows[table.key]) for table in stage.tables}


def finished(stage: Stage, context: Context, folder: RunFolder) -> "Dataset | None":
    """Returns the rows that a stage kept, where a run of these settings and documents would find it up to date;
    else None."""
    entry = folder.manifest["stages"].get(stage.name)
    if not entry or not entry["kept"]:
        return None
    decisive = _decisive(stage, context)
    fingerprint = _fingerprint(stage, decisive, _inputs(stage, decisive, context, folder).sha256)
    if not _is_up_to_date(entry, fingerprint, stage, folder):
        return None
    return folder.read_rows(stage.name, stage.columns, context.scratch)


def _fingerprint(stage: Stage, decisive: Mapping[str, Any], input_sha256: str) -> str:
    return digest([DATA_VERSION, stage.name, decisive, input_sha256])


def _is_up_to_date(entry: Mapping[str, Any], fingerprint: str, stage: Stage, folder: RunFolder) -> bool:
    """The same settings and input, complete files, and no row that the teacher failed on."""
    return (
        entry["fingerprint"] == fingerprint
        and not entry["rejected"].get("teacher_failed")
        and not entry.get("failed_rewards")
        and all(folder.has_rows(table.name, entry[table.key]) for table in stage.tables)
    )


def _counts(output: StageOutput) -> dict[str, Any]:
    reasons = Counter(column(output.rejected, "reason"))
    return {
        "rows_in": len(output.kept) + len(output.rejected),
        "kept": len(output.kept),
        "rejected": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        **({"undecided": undecided} if (undecided := _undecided(output)) else {}),
        **output.notes,
    }


def _undecided(output: StageOutput) -> dict[str, int]:
    """Returns how many rows the teacher said neither yes nor no about, by question; about one without an answer it said nothing."""
    name = "response_verdicts" if "response_verdicts" in output.kept.column_names else "verdicts"
    answered = (
        row
        for row, reason in zip(column(output.rejected, name), column(output.rejected, "reason"), strict=True)
        if reason not in TEACHER
    )
    verdicts = (verdict for row in chain(column(output.kept, name), answered) for verdict in row or ())
    return dict(Counter(verdict["name"] for verdict in verdicts if verdict["probability"] is None).most_common())


@dataclass(frozen=True)
class _Inputs:
    """What a stage reads."""

    rows: Callable[[], list[Any]]
    sha256: str
    unread: Sequence[Unread] = ()  # of prescreen: files that gave no text


def _inputs(stage: Stage, decisive: Mapping[str, Any], context: Context, folder: RunFolder) -> _Inputs:
    if stage.name == "prescreen":
        if Shards.exist(folder.path):
            shards = Shards(folder.path, _shard_fingerprint(decisive))
            logger.info("prescreen: from %s; data.* is not read", shards)
            return _Inputs(lambda: [shards.gather(context)], shards.source, shards.unread())
        read = read_documents(context.settings, folder.scratch)
        screened = partial(screen, fingerprint=_shard_fingerprint(decisive), context=context)
        return _Inputs(lambda: [screened(read.open(), read.sha256)], read.sha256, read.unread)
    entries = [folder.manifest["stages"].get(name) for name in stage.reads]
    for name, entry in zip(stage.reads, entries, strict=True):
        if entry and not entry["kept"]:
            raise UserError(f"stage={stage.name} reads the rows of {name}, and there are none. {entry['stopped']}")
        if not entry or not folder.has_rows(name, entry["output"]):
            raise UserError(
                f"stage={stage.name} reads the rows of {name}, and {folder.path} has none that are complete: "
                f"run stage={name} first, or stage=all"
            )
    return _Inputs(
        lambda: [folder.read_rows(name, STAGES[name].columns) for name in stage.reads], input_digest(entries)
    )


def _decisive(stage: Stage, context: Context) -> dict[str, Any]:
    """Returns what decides a stage's rows besides its input; nothing else (no URL, concurrency or log level)."""
    digests = {name: digest(context.settings.resolved[name]) for name in stage.groups}
    if context.benchmarks:
        digests["decontaminate"] = context.benchmarks.digest
    if stage.name == "prescreen" and context.against:
        digests["against"] = context.against.digest
    return {
        "config": stage.settings(context.settings),
        "digests": digests,
        "teacher": context.teacher.identity,
        **(
            {}
            if context.teacher.judge_identity == context.teacher.identity
            else {"judge": context.teacher.judge_identity}
        ),
        "embedder": context.embedder.identity,
        "tokenizer": context.counter.identity,
    }


def _about(stage: Stage, context: Context, folder: RunFolder, unread: Sequence[Unread]) -> dict[str, Any]:
    """Returns what run.json says for its readers, and what decides no row: the command, the documents' source, the tags."""
    config, found = context.settings.resolved, {}
    if config.get("command"):
        found["command"] = config["command"]
    if stage.name == "prescreen" and not Shards.exist(folder.path):
        found["documents"] = about_documents(context.settings)
    return {**found, **unread_counts(unread), **{name: config[name] for name in stage.recorded}}


def _cost(context: Context, spent: float, seconds: float) -> dict[str, Any]:
    """Returns what a stage cost and by which price; nothing where no price is given. `spent`: on tokens before it."""
    costs, judge = context.teacher.costs, context.settings.judge.price
    cost = costs.of(costs.tokens - spent, seconds)
    if cost is None:
        return {}
    price = context.settings.teacher.price.model_dump() | {"currency": costs.currency}
    return {"cost": round(cost, 6), "price": price, **({"judge_price": judge.model_dump()} if judge.is_given else {})}

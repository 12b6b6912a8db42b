"""A run: which stages to do, whether they are up to date, and what is written down about them."""

import logging
import time
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict
from importlib import metadata
from pathlib import Path
from typing import Any

import fanno_hf
from fanno_hf.bandit import read_weights
from fanno_hf.commands.export import pairs
from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.hub.fetch import fetch
from fanno_hf.hub.publish import Publisher, push_in_passing
from fanno_hf.identity import digest
from fanno_hf.output.folder import FORMAT, RunFolder, run_folder
from fanno_hf.output.funnel import funnel_table
from fanno_hf.output.report_files import write_card
from fanno_hf.pipeline.plan import COLUMNS, READS, STAGES
from fanno_hf.pipeline.services import Shard, about_documents, read_documents, services
from fanno_hf.pipeline.shards import Shards, do_shard, parse_shard, shard_folder
from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import screen_alone, screen_together
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import seed
from fanno_hf.steps.context import Context, StageOutput

logger = logging.getLogger(__name__)

DATA_VERSION = 3
"""Raised whenever the same configuration and input would give other rows than before (see CHANGELOG, Data)."""

TASKS = ("export", "report", "publish", "diff", "doctor", "estimate")
"""What `stage=` may ask for besides stages; `__main__` knows who does it."""

_PACKAGES = ("datasets", "huggingface_hub", "sentence-transformers", "faiss-cpu", "torch", "numpy", "pyarrow")


def execute(config: Mapping[str, Any]) -> RunFolder:
    """Does the stages that `stage` asks for and returns the run folder, closed.

    Args:
        config: the resolved configuration.

    Raises:
        FannoError: with one clear line; what was done stays done.
    """
    asked = config["stage"]
    if asked not in (*STAGES, "all"):
        known = ("all", *STAGES, *TASKS)
        raise UserError(f"stage={asked} is unknown{did_you_mean(str(asked), known) or '.'} Known: {', '.join(known)}")
    shard = parse_shard(config["shard"])
    if shard and asked != "prescreen":
        raise UserError(f"shard={config['shard']} is for stage=prescreen alone, not for stage={asked}")
    path = Path(run_folder(config["run"]))
    _refuse_itself(config["stages"]["prescreen"]["against"], path)
    publisher = Publisher(config["hub"], path.resolve().name) if config["hub"]["push"] and not shard else None
    folder = RunFolder(shard_folder(path, shard) if shard else path)
    try:
        if publisher:
            publisher.prepare()
        if config["hub"]["from"]:
            _fetch(config, asked, folder)
        if shard:
            _do_shard(config, shard, folder)
            return folder
        with services(config, folder.path, folder.scratch) as context:
            for stage in STAGES if asked == "all" else (asked,):
                _do(stage, context, folder)
                write_card(config, folder)
                if publisher:
                    push_in_passing(publisher, folder)
        if publisher:
            publisher.publish(folder)
    finally:
        folder.close()
    return folder


def _fetch(config: Mapping[str, Any], stage: str, folder: RunFolder) -> None:
    """Takes the stages before one from the Hub."""
    if stage not in READS or not READS[stage]:
        raise UserError(
            f"hub.from={config['hub']['from']} gives the stages before one, and stage={stage} has none: name the stage that "
            "goes on from there, as in stage=augment"
        )
    before = STAGES[: STAGES.index(stage)]
    fetch(config["hub"]["from"], before, READS[stage], folder, config["hub"]["retries"], replace=config["force"])


def _refuse_itself(against: Sequence[Any], path: Path) -> None:
    """A run that is held against its own rows repeats them all."""
    for entry in against:
        name = entry.get("path") if isinstance(entry, Mapping) else entry
        if isinstance(name, str) and Path(name).expanduser().resolve() == path.expanduser().resolve():
            raise UserError(
                f"stages.prescreen.against={name} is this very run: name an earlier one, or give another run="
            )


def _do_shard(config: Mapping[str, Any], shard: Shard, folder: RunFolder) -> None:
    """Pre-screens one part of the documents."""
    with services(config, folder.path, folder.scratch) as context:
        documents, source = read_documents(config["data"], folder.scratch, shard)
        do_shard(documents, source, _shard_fingerprint(_settings("prescreen", context)), context, folder)


def _shard_fingerprint(settings: Mapping[str, Any]) -> str:
    return digest([DATA_VERSION, "shard", settings])


def _do(stage: str, context: Context, folder: RunFolder) -> None:
    """Does one stage unless it is up to date, and writes down what it did."""
    settings = _settings(stage, context)
    inputs, input_digest = _inputs(stage, settings, context, folder)
    fingerprint = digest([DATA_VERSION, stage, settings, input_digest])
    entry = folder.manifest["stages"].get(stage)
    if entry and not context.config["force"] and _is_up_to_date(entry, fingerprint, stage, folder):
        logger.info("%s: up to date (%d rows)", stage, entry["kept"])
        return
    context.teacher.take_usage()
    started = time.monotonic()
    output = _RUN[stage](*inputs(), context)
    usage = context.teacher.take_usage()
    sha256 = folder.write_rows(stage, output.kept)
    folder.manifest.update(format=FORMAT, fanno_hf=fanno_hf.__version__, packages=_versions())
    folder.manifest["stages"][stage] = {
        "fingerprint": fingerprint,
        "input": input_digest,
        "output": sha256,
        "output_rejected": folder.write_rows(f"rejected_{stage}", output.rejected),
        **({"output_history": folder.write_rows(f"history_{stage}", output.history)} if output.history else {}),
        **_counts(output),
        **asdict(usage),
        "seconds": round(time.monotonic() - started, 2),
        **_about(stage, context),
        **settings,
    }
    if stage == "respond":
        folder.manifest["stages"][stage]["pairs"] = folder.write_rows("default", pairs(output.kept))
    folder.write_manifest()
    _log_stage(stage, folder.manifest["stages"][stage])


def _is_up_to_date(entry: Mapping[str, Any], fingerprint: str, stage: str, folder: RunFolder) -> bool:
    """The same settings and input, complete files, and no row that the teacher failed on."""
    return (
        entry["fingerprint"] == fingerprint
        and not entry["rejected"].get("teacher_failed")
        and not entry.get("failed_rewards")
        and folder.has_rows(stage, entry["output"])
        and folder.has_rows(f"rejected_{stage}", entry["output_rejected"])
        and all(folder.has_rows(name, entry[key]) for name, key in _more(stage))
    )


def _more(stage: str) -> list[tuple[str, str]]:
    """The other tables of a stage, and their keys in run.json."""
    history = [(f"history_{stage}", "output_history")] if stage in ("augment", "respond") else []
    return [*history, ("default", "pairs")] if stage == "respond" else history


def _counts(output: StageOutput) -> dict[str, Any]:
    reasons = Counter(output.rejected["reason"])
    return {
        "rows_in": len(output.kept) + len(output.rejected),
        "kept": len(output.kept),
        "rejected": dict(sorted(reasons.items(), key=lambda item: (-item[1], item[0]))),
        **output.notes,
    }


_RUN: dict[str, Callable[..., StageOutput]] = {
    "prescreen": screen_together,
    "seed": seed,
    "augment": augment,
    "respond": respond,
}


def _inputs(
    stage: str, settings: Mapping[str, Any], context: Context, folder: RunFolder
) -> tuple[Callable[[], list[Any]], str]:
    """Returns what the stage reads, as a function that reads it, and its digest."""
    if stage == "prescreen":
        if Shards.exist(folder.path):
            shards = Shards(folder.path, _shard_fingerprint(settings))
            logger.info("prescreen: from %s; data.* is not read", shards)
            return lambda: [shards.gather(context)], shards.source
        documents, source = read_documents(context.config["data"], folder.scratch)
        return lambda: [screen_alone(documents, context)], source
    upstream = READS[stage]
    entries = [folder.manifest["stages"].get(name) for name in upstream]
    for name, entry in zip(upstream, entries, strict=True):
        if not entry or not folder.has_rows(name, entry["output"]):
            raise UserError(
                f"stage={stage} reads the rows of {name}, and {folder.path} has none that are complete: "
                f"run stage={name} first, or stage=all"
            )
    return (
        lambda: [folder.read_rows(name, COLUMNS[name]) for name in upstream],
        digest([entry["output"] for entry in entries]),
    )


def _settings(stage: str, context: Context) -> dict[str, Any]:
    """Everything that decides a stage's rows besides its input; nothing else (no URL, concurrency or log level)."""
    config = context.config
    used = {"stages": [stage], "prompts": [stage], "groups": []}
    if stage in ("seed", "augment"):
        used["prompts"].append("instruction")
        used["groups"] = ["tags", "rules"]
    if stage == "augment":
        used["prompts"].append("seed")
        if "response_length" in read_weights(config["stages"]["augment"]["reward"]):
            used["stages"].append("respond")
            used["prompts"].append("respond")
    if stage == "respond":
        used["groups"] = ["rules"]
    return {
        "config": {
            "stages": {name: config["stages"][name] for name in used["stages"]},
            "prompts": {name: config["prompts"][name] for name in used["prompts"]},
            "random_seed": config["random_seed"],
            "top_logprobs": config["top_logprobs"],
        },
        "digests": {name: digest(config[name]) for name in used["groups"]} | context.references.identity(stage),
        "teacher": context.teacher.identity,
        "embedder": context.embedder.identity,
        "tokenizer": context.counter.identity,
    }


def _about(stage: str, context: Context) -> dict[str, Any]:
    """What a reader of run.json wants to know that decides no row: the command, where documents came from, the tags."""
    config, found = context.config, {}
    if config.get("command"):
        found["command"] = config["command"]
    if stage == "prescreen" and not Shards.exist(Path(run_folder(config["run"]))):
        found["documents"] = about_documents(config["data"])
    if stage in ("seed", "augment"):
        found["tags"] = config["tags"]
    return found


def _versions() -> dict[str, str]:
    return {name: metadata.version(name) for name in _PACKAGES}


def _log_stage(stage: str, entry: Mapping[str, Any]) -> None:
    if entry["shortened"]:
        logger.warning("%s: %d prompts were too long and lost a part of their document", stage, entry["shortened"])
    logger.info(
        "%s: %d of %d rows kept in %.0f s; %d requests sent, %d from the journal, %d + %d tokens\n%s",
        *(stage, entry["kept"], entry["rows_in"], entry["seconds"], entry["requests"], entry["from_journal"]),
        *(entry["prompt_tokens"], entry["completion_tokens"]),
        funnel_table({"stages": {stage: entry}}),
    )

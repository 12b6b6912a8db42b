"""The data set card of a run, README.md: written from run.json, here and on the Hub.

Its head tells `load_dataset` which files belong to which config; its body says what was made, from what, by whom, how to
load it, how to make it again, and where its limits are. A run may have been begun by somebody else (`hub.from`): what its run.json
says becomes neither Markdown nor HTML, and no key of the head.
"""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from functools import cache, lru_cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCardData
from jinja2 import Environment, StrictUndefined, Template

from fanno_hf.identity import digest
from fanno_hf.output.manifest import caveats
from fanno_hf.output.markdown import code, fence, plain, printable
from fanno_hf.output.table import funnel_table
from fanno_hf.output.usage import usage_of_all
from fanno_hf.pipeline.plan import STAGES, tables_of
from fanno_hf.texts.fit import visible

_SIZES = {1_000: "n<1K", 10_000: "1K<n<10K", 100_000: "10K<n<100K", 1_000_000: "100K<n<1M", 10_000_000: "1M<n<10M"}


def render_card(
    manifest: Mapping[str, Any],
    name: str,
    *,
    license_: str | None = None,
    figures: Sequence[Mapping[str, str]] = (),
    repo_id: str | None = None,
    revision: str | None = None,
    hub_head: Mapping[str, Any] | None = None,
) -> str:
    """Returns the card as Markdown with its YAML head.

    Args:
        license_: of the pairs; None takes what the documents' source stated, and nothing where it stated none.
        figures: name, alt and caption of those in figures/.
        repo_id, revision: where it is published; None for the folder on this machine.
        hub_head: the keys `configs` and `dataset_info` as the pushes left them; None for the folder.
    """
    size, what = _rows(manifest)
    head = _head(manifest, name, license_, hub_head)
    body = _template().render(
        name=name,
        size=f"{size:,}",
        what=what,
        caveats=caveats({**manifest, "stale": {}} if repo_id else manifest),
        version=_version(manifest),
        where=f'"{repo_id}"' if repo_id else "folder",
        revision=revision,
        examples=_examples(manifest),
        configs=[table.name for table in tables_of(manifest)],
        origin=_origin(manifest, license_),
        funnel=funnel_table(manifest, code),
        figures=figures,
        commands="\n".join(_commands(manifest)),
        digests=[_digests(stage, entry) for stage, entry in manifest["stages"].items()],
        parameters=_parameters(manifest),
    )
    return f"---\n{head}\n---\n\n{body.strip()}\n"


def _head(manifest: Mapping[str, Any], name: str, license_: str | None, hub_head: Mapping[str, Any] | None) -> str:
    """Returns the YAML of the head; the arguments are those of `render_card`."""
    size, _ = _rows(manifest)
    return DatasetCardData(
        license=license_ or _stated_license(manifest),
        pretty_name=printable(name),
        task_categories=["text-generation"],
        tags=["synthetic", "fanno"],
        size_categories=[next((name for limit, name in _SIZES.items() if size < limit), "n>10M")],
        **(hub_head if hub_head is not None else {"configs": _local_configs(manifest)}),
    ).to_yaml()


@cache
def _template() -> Template:
    """Compiles card.md, which is filled in after every stage."""
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters |= {"plain": plain, "code": code, "fence": fence}
    return environment.from_string(files("fanno_hf.output").joinpath("card.md").read_text(encoding="utf-8"))


def _local_configs(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the configs, each with the digest of its rows as description. `load_dataset` names its cache by this head and
    the folder's last name only: without the digest it would return the rows of an earlier run, or of a folder of that name."""
    return [
        {
            "config_name": table.name,
            "description": f"sha256 {table.sha256}",
            "data_files": [{"split": "train", "path": f"{table.folder}/train-*.parquet"}],
            **({"default": True} if table.name == "default" else {}),
        }
        for table in tables_of(manifest)
    ]


def _rows(manifest: Mapping[str, Any]) -> tuple[int, str]:
    """Returns how many rows the last finished stage kept, and what they are."""
    done = [stage for stage in STAGES if stage in manifest["stages"]]
    what = {"prescreen": "passages", "seed": "seed instructions", "augment": "instructions"}
    if not done:
        return 0, "rows"
    return manifest["stages"][done[-1]]["kept"], what.get(done[-1], "instruction-response pairs")


def _documents(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    """Returns what the source of the documents stated when it was read."""
    return manifest["stages"].get("prescreen", {}).get("documents") or {}


def _examples(manifest: Mapping[str, Any]) -> list[tuple[str, bool]]:
    """Returns (variable, whether its config must be named) for the examples of loading."""
    names = {table.name for table in tables_of(manifest)}
    first = [("pairs", False)] if "default" in names else []
    # of a run that stopped: the rows that say why
    first += [(f"rejected_{stage}", True) for stage, entry in manifest["stages"].items() if not entry["kept"]]
    return [*first, *((name, True) for name in ("augment", "seed", "prescreen") if name in names)][:2]


def _version(manifest: Mapping[str, Any]) -> str | None:
    """Returns the version of fanno_hf, which stands in a command; None where it does not look like one."""
    version = str(manifest.get("fanno_hf"))
    return version if re.fullmatch(r"\d[\w.+!-]{0,40}", version, re.ASCII) else None


def _stated_license(manifest: Mapping[str, Any]) -> str | list[str] | None:
    """Returns the licence that the source of the documents stated, for the head; None where it is not a licence's name."""
    stated = _documents(manifest).get("license")
    names = stated if isinstance(stated, list) else [stated]
    valid = all(isinstance(name, str) and re.fullmatch(r"[a-z0-9][a-z0-9.-]{0,60}", name) for name in names)
    return stated if names and valid else None


def _origin(manifest: Mapping[str, Any], license_: str | None) -> list[tuple[str, str]]:
    """Returns (label, Markdown) of each line of the table."""
    documents, stages = _documents(manifest), manifest["stages"].values()
    parts = [str(documents[key]) for key in ("name", "config", "split") if documents.get(key)]
    stated = documents.get("license")
    rows = [("documents", code(", ".join(parts)) or "not recorded")]
    if documents.get("revision"):
        rows.append(("revision of the documents", code(documents["revision"])))
    shown = ", ".join(map(str, stated)) if isinstance(stated, list) else stated
    rows.append(("licence of the documents", code(shown or "") or "not stated by their source"))
    if license_ and license_ != stated:
        rows.append(("licence of the pairs", f"{code(license_)}, as set by who made them"))
    rows += [(label, ", ".join(map(code, sorted({e[key] for e in stages})))) for label, key in _SERVICES]
    rows.append(("random seed", ", ".join(sorted({str(e["config"]["random_seed"]) for e in stages}))))
    rows += _approximate(manifest)
    packages = ", ".join(code(f"{name} {version}") for name, version in manifest.get("packages", {}).items())
    return [*rows, ("packages", packages)]


def _approximate(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Returns what is not as exact as it looks, since the server told less than others do."""
    total, rows = usage_of_all(manifest), []
    if count := total["verdicts_from_text"]:
        rows.append(("verdicts from text", f"0 or 1 ({count:,} of them): the server gave no log-probabilities"))
    if count := total["estimated"]:
        rows.append(("token counts", f"estimated for {count:,} answers: the server told none"))
    return rows


_SERVICES = (("teacher and revision", "teacher"), ("embedder and revision", "embedder"), ("tokenizer", "tokenizer"))


def _commands(manifest: Mapping[str, Any]) -> list[str]:
    """Returns the commands that make the run again: of others' run.json only what starts fanno_hf and nothing else."""
    version = _version(manifest)
    install = (
        f'pip install "fanno_hf=={version}"' if version else "pip install fanno_hf   # which one was not recorded"
    )
    found = dict.fromkeys(entry["command"] for entry in manifest["stages"].values() if entry.get("command"))
    shown = [command for command in found if _is_ours(command)]
    return [install, *(shown or ["python -m fanno_hf   # the options were not recorded"])]


def _is_ours(command: str) -> bool:
    """Whether a command is one of ours as `shown_command` quotes it: no shell does more with it than to start fanno_hf."""
    try:
        words = shlex.split(command)
    except ValueError:
        return False
    return words[:3] == ["python", "-m", "fanno_hf"] and shlex.join(words) == command and command.isprintable()


def _digests(stage: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = [digest(entry["config"].get("prompts")), *(entry["digests"].get(key) for key in ("tags", "rules"))]
    return (stage, *(code(value[:16]) if value else "" for value in found))


def _parameters(manifest: Mapping[str, Any]) -> str:
    stages = {stage: entry["config"]["stages"][stage] for stage, entry in manifest["stages"].items()}
    return "".join(_as_yaml(json.dumps({stage: without_paths(config)})) for stage, config in stages.items()).strip()


@lru_cache(maxsize=16)  # the card is written after each stage, with those before it
def _as_yaml(content: str) -> str:
    """Returns a JSON value as YAML."""
    return yaml.safe_dump(_visible(json.loads(content)), sort_keys=False, allow_unicode=True, width=110)


def _visible(value: Any) -> Any:
    """Returns a JSON-able value with every control character written out: YAML keeps some of them as they are."""
    if isinstance(value, Mapping):
        return {_visible(key): _visible(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_visible(item) for item in value]
    return visible(value) if isinstance(value, str) else value


def without_paths(value: Any) -> Any:
    """Returns a JSON-able value with every path of this machine cut down to its last part."""
    if isinstance(value, Mapping):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str) and value.startswith(("/", "~", "\\", "file:")) and len(value) > 1:
        return Path(value).name
    return value

"""The data set card of a run, README.md: written from run.json, here and on the Hub.

Its head tells `load_dataset` which files belong to which config; its body says what was made, from what, by whom, how to
load it, how to make it again, and where its limits are.
"""

from collections.abc import Mapping, Sequence
from functools import cache
from importlib.resources import files
from pathlib import Path
from typing import Any

import yaml
from huggingface_hub import DatasetCardData
from jinja2 import Environment, StrictUndefined, Template

from fanno_hf.identity import digest
from fanno_hf.output.table import funnel_table
from fanno_hf.output.usage import usage_of_all
from fanno_hf.pipeline.plan import STAGES, tables_of

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
    head = DatasetCardData(
        license=license_ or _documents(manifest).get("license"),
        pretty_name=name,
        task_categories=["text-generation"],
        tags=["synthetic", "fanno"],
        size_categories=[next((name for limit, name in _SIZES.items() if size < limit), "n>10M")],
        **(hub_head if hub_head is not None else {"configs": _local_configs(manifest)}),
    )
    body = _template().render(
        name=name,
        size=f"{size:,}",
        what=what,
        version=manifest.get("fanno_hf"),
        where=f'"{repo_id}"' if repo_id else "folder",
        revision=revision,
        examples=_examples(manifest),
        configs=[table.name for table in tables_of(manifest)],
        origin=_origin(manifest, license_),
        funnel=funnel_table(manifest),
        figures=figures,
        commands=_commands(manifest),
        digests=[_digests(stage, entry) for stage, entry in manifest["stages"].items()],
        parameters=_parameters(manifest),
    )
    return f"---\n{head.to_yaml()}\n---\n\n{body.strip()}\n"


@cache
def _template() -> Template:
    """Compiles card.md, which is filled in after every stage."""
    environment = Environment(undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True, autoescape=False)
    environment.filters["md"] = _plain
    return environment.from_string(files("fanno_hf.output").joinpath("card.md").read_text(encoding="utf-8"))


def _local_configs(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Returns the configs, each with the digest of its rows as description. `load_dataset` names its cache by this head and
    the folder's last name only: without the digest it would return the rows of an earlier run, or of a folder of that name."""
    return [
        {
            "config_name": table.name,
            "description": f"sha256 {table.sha256}",
            "data_files": [{"split": "train", "path": f"{table.folder}/*.parquet"}],
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
    return [*first, *((name, True) for name in ("augment", "seed", "prescreen") if name in names)][:2]


def _origin(manifest: Mapping[str, Any], license_: str | None) -> list[tuple[str, str]]:
    documents, stages = _documents(manifest), manifest["stages"].values()
    parts = [str(documents[key]) for key in ("name", "config", "split") if documents.get(key)]
    stated = documents.get("license")
    rows = [("documents", ", ".join(parts) or "not recorded")]
    if documents.get("revision"):
        rows.append(("revision of the documents", documents["revision"]))
    rows.append(("licence of the documents", str(stated or "not stated by their source")))
    if license_ and license_ != stated:
        rows.append(("licence of the pairs", f"{license_}, as set by who made them"))
    rows += [(label, ", ".join(sorted({e[key] for e in stages}))) for label, key in _SERVICES]
    rows.append(("random seed", ", ".join(sorted({str(e["config"]["random_seed"]) for e in stages}))))
    rows += _approximate(manifest)
    packages = ", ".join(f"{name} {version}" for name, version in manifest.get("packages", {}).items())
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
    """Returns the commands of the stages, each once."""
    found = dict.fromkeys(entry["command"] for entry in manifest["stages"].values() if entry.get("command"))
    return list(found) or ["python -m fanno_hf   # the options were not recorded"]


def _digests(stage: str, entry: Mapping[str, Any]) -> tuple[str, ...]:
    found = [digest(entry["config"].get("prompts")), *(entry["digests"].get(key) for key in ("tags", "rules"))]
    return (stage, *(f"`{value[:16]}`" if value else "" for value in found))


def _parameters(manifest: Mapping[str, Any]) -> str:
    stages = {stage: entry["config"]["stages"][stage] for stage, entry in manifest["stages"].items()}
    return yaml.safe_dump(without_paths(stages), sort_keys=False, allow_unicode=True, width=110).strip()


def without_paths(value: Any) -> Any:
    """Returns a JSON-able value with every path of this machine cut down to its last part."""
    if isinstance(value, Mapping):
        return {key: without_paths(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [without_paths(item) for item in value]
    if isinstance(value, str) and value.startswith(("/", "~", "\\", "file:")) and len(value) > 1:
        return Path(value).name
    return value


def _plain(text: Any) -> str:
    """Returns a text for one cell of a Markdown table; markup in it is escaped."""
    text = " ".join(str(text).split())
    for sign, harmless in (("&", "&amp;"), ("<", "&lt;"), ("|", "\\|"), ("[", "\\["), ("`", "'")):
        text = text.replace(sign, harmless)
    return text

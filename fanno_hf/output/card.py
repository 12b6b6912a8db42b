"""The run folder's README.md: says what is in it, and tells `load_dataset` which files belong to which config."""

from collections.abc import Mapping
from typing import Any

STAGES = ("prescreen", "seed", "augment", "respond")


def configs_of(manifest: Mapping[str, Any]) -> list[tuple[str, str, str]]:
    """Returns (config, folder, sha256 of its file) of everything that has rows, the final pairs first as "default"."""
    stages = manifest["stages"]
    found = [("default", "data", stages.get("respond", {}).get("pairs"))]
    found += [(stage, stage, stages.get(stage, {}).get("output")) for stage in STAGES]
    found += [(f"rejected_{s}", f"rejected/{s}", stages.get(s, {}).get("output_rejected")) for s in STAGES]
    found += [(f"history_{s}", f"history/{s}", stages.get(s, {}).get("output_history")) for s in STAGES]
    return [config for config in found if config[2]]


def render_card(manifest: Mapping[str, Any], name: str) -> str:
    """Returns the card as Markdown with its YAML head.

    Each config carries the digest of its rows as its description: `load_dataset` names its cache by this head and by
    the folder's last name alone, and would else give the rows of an earlier run, or of another folder of that name.
    """
    configs = "".join(
        f"- config_name: {config}\n  description: sha256 {sha256}\n"
        f"  data_files:\n  - split: train\n    path: {folder}/*.parquet\n"
        + ("  default: true\n" if config == "default" else "")
        for config, folder, sha256 in configs_of(manifest)
    )
    teachers = sorted({entry["teacher"] for entry in manifest["stages"].values()})
    return (
        f"---\ntags:\n- synthetic\n- fanno\nconfigs:\n{configs}---\n\n# {name}\n\n"
        f"Instruction-response pairs made from unlabelled documents by "
        f"[FANNO](https://arxiv.org/abs/2408.01323) with fanno_hf {manifest.get('fanno_hf')}; teacher: "
        f"{', '.join(teachers)}.\n\n{funnel_table(manifest)}\n\n"
        'Each stage is a config of its own (`load_dataset(<this folder>, "seed")`), and so are the rows it rejected, with '
        "reasons (`rejected_seed`). `run.json` has the settings, digests and counts.\n"
    )


def funnel_table(manifest: Mapping[str, Any]) -> str:
    """Returns the funnel as a Markdown table: rows in, kept, and why the others left."""
    lines = [("stage", "in", "kept", "rejected"), ("---", "---:", "---:", "---")]
    for stage in STAGES:
        if entry := manifest["stages"].get(stage):
            reasons = ", ".join(f"{reason} {count}" for reason, count in entry["rejected"].items()) or "none"
            lines.append((stage, str(entry["rows_in"]), str(entry["kept"]), reasons))
    widths = [max(len(line[column]) for line in lines) for column in range(3)]
    rows = []
    for name, rows_in, kept, reasons in lines:
        rows.append(f"| {name:{widths[0]}} | {rows_in:>{widths[1]}} | {kept:>{widths[2]}} | {reasons} |")
    return "\n".join(rows)

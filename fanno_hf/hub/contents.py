"""What a push puts on a branch, and what it takes away.

run.json {…, "against": ["/home/me/runs/old"], "hub": {…}}  ->  the same as others may see it: ["old"], no commit
"""

import json
import re
from collections.abc import Container, Iterable, Mapping
from pathlib import PurePosixPath
from typing import Any

import yaml

from fanno_hf.checksum import seal
from fanno_hf.errors import UserError
from fanno_hf.output.card import without_paths
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import TABLES, Table, tables_of

# what a repository may have before a run comes to it
_ANYWHERE = (".gitattributes", "README.md", "LICENSE", "LICENSE.md", "LICENSE.txt")


def foreign_file(paths: Iterable[str]) -> str | None:
    """Returns the first file of a branch that is data, and not a run's; None where there is none."""
    if "run.json" in paths:
        return None
    folders = "|".join(table.folder for table in TABLES)
    ours = re.compile(f"(?:{folders})/train-[^/]*[.]parquet")
    return next((path for path in paths if path not in _ANYWHERE and not ours.fullmatch(path)), None)


def check_files(folder: RunFolder) -> None:
    """Raises UserError where a file of rows is not the one that run.json names: its table must not leave the branch."""
    for table in tables_of(folder.manifest):
        if not folder.has_rows(table.name, table.sha256):
            raise UserError(
                f"{folder.path / table.folder} is missing, or is not what run.json names: run stage={table.stage} again"
            )


def shared_manifest(manifest: Mapping[str, Any]) -> bytes:
    """Returns run.json as others may see it: no path of this machine, nothing that is here only, and no commit, which its
    place tells already.

    `shared` says that its digests are those of the rows as fanno_hf writes them, and not of the files that the Hub writes.
    """
    stages = {}
    for stage, entry in manifest["stages"].items():
        shared = {key: value for key, value in entry.items() if key not in ("hub", "from", "exports")}
        config = {**shared["config"], "stages": without_paths(shared["config"]["stages"])}
        stages[stage] = {**shared, "config": config}
    content = {**manifest, "shared": True, "stages": stages}
    content.pop("stale", None)
    seal(content)
    text = json.dumps(content, indent=2, ensure_ascii=False) + "\n"
    return text.encode("utf-8", "replace")


def pushed_head(readme: str, names: Iterable[str]) -> dict[str, Any]:
    """The keys `configs` and `dataset_info` of a card as `push_to_hub` left them, without configs that are gone; none of a
    head that is no YAML."""
    parts = re.split(r"^---[ \t]*$", readme, maxsplit=2, flags=re.MULTILINE)
    try:
        head = yaml.safe_load(parts[1]) if len(parts) == 3 else {}
    except (yaml.YAMLError, ValueError, RecursionError):
        head = {}
    found, names = {}, list(names)
    for key in ("configs", "dataset_info"):
        value = head.get(key) if isinstance(head, dict) else None
        listed = value if isinstance(value, list) else [value]
        entries = [e for e in listed if isinstance(e, dict) and e.get("config_name") in names]
        found[key] = entries[0] if key == "dataset_info" and len(entries) == 1 else entries
    return found


def stale_files(paths: Iterable[str], gone: Iterable[Table], files: Container[str]) -> list[str]:
    """Returns the files of configs that are no more, and those of an earlier report that the new one does not have."""
    folders = {table.folder for table in gone}
    report = ("report.html", "metrics.json")
    return [
        path
        for path in paths
        if (str(PurePosixPath(path).parent) in folders and PurePosixPath(path).name.startswith("train-"))
        or (path not in files and (path.startswith("figures/") or path in report))
    ]

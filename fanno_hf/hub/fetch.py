"""The stages before one from a revision on the Hub: what another machine did, pinned to a commit.

stage=augment hub.from=me/fanno@demo/seed  ->  prescreen and seed in the run folder, as their machine wrote them
"""

import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.checksum import CHANGED
from fanno_hf.columns import FILLED
from fanno_hf.errors import UserError, raise_if_disk_full
from fanno_hf.hub.access import Hub, split_origin
from fanno_hf.hub_token import hub_words
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.manifest import FORMAT, read_manifest
from fanno_hf.pipeline.plan import STAGES, Table, tables_of

if TYPE_CHECKING:
    from datasets import Dataset

logger = logging.getLogger(__name__)


def fetch(
    origin: str,
    stages: Sequence[str],
    needed: Sequence[str],
    folder: RunFolder,
    retries: int,
    *,
    key: str = "hub.from",
    replace: bool = False,
) -> None:
    """Writes the rows of those `stages` that a revision has into a run folder, and in run.json from which commit they are.

    `origin` is "<repository>@<branch, tag or commit>"; it must have the stages in `needed`. A stage that is there already,
    with the same rows, stays as it is; one with other rows may be replaced if `replace` is set.
    Raises UserError where the repository, the revision or a stage is not there, FannoError where the Hub cannot be reached.
    """
    repo_id, revision = split_origin(key, origin)
    hub = Hub(retries)
    what = f"{key}={origin}"
    commit = hub.call(what, hub.api.dataset_info, repo_id, revision=revision).sha
    manifest = _read_manifest(hub, what, repo_id, commit)
    if lacking := [stage for stage in needed if stage not in manifest["stages"]]:
        raise UserError(f"{what} has no stage {lacking[0]}; it has: {', '.join(manifest['stages']) or 'none'}")
    pinned = {"repo_id": repo_id, "revision": revision, "commit": commit}
    for stage in (stage for stage in stages if stage in manifest["stages"]):
        entry, held = manifest["stages"][stage], folder.manifest["stages"].get(stage, {})
        tables = [table for table in tables_of(manifest) if table.stage == stage]
        if held and all(held.get(t.key) == t.sha256 and folder.has_rows(t.name, t.sha256) for t in tables):
            held.setdefault("from", pinned)
            continue
        if held and held.get("from", {}).get("repo_id") != repo_id and not replace:
            raise UserError(
                f"{what}: {folder.path} has other rows of {stage} already: give another run=, or force=true to replace them"
            )
        for table in tables:
            entry[table.key] = _take(hub, what, table, pinned, folder)
        folder.manifest["stages"][stage] = {**entry, "from": pinned}
        folder.manifest.get("stale", {}).pop(stage, None)
        logger.info("%s: %d rows from %s, commit %s", stage, entry["kept"], repo_id, commit[:12])
    for name in {"fanno_hf", "packages"} & set(manifest):
        folder.manifest.setdefault(name, manifest[name])
    folder.manifest["format"] = FORMAT
    folder.write_manifest()


def _take(hub: Hub, what: str, table: Table, pinned: Mapping[str, str], folder: RunFolder) -> str | None:
    """Writes a table into the folder and returns the digest of their file."""
    rows = hub.call(
        f"{what}: reading {table.name}", _load, hub, pinned["repo_id"], table.name, pinned["commit"], folder
    )
    wanted = STAGES[table.stage].columns if table.key == "output" else ()
    if lacking := sorted(set(wanted) - set(rows.column_names)):
        raise UserError(f"{what}: {table.name} has no column {lacking[0]}, as a run of fanno_hf has")
    if empty := [name for name in FILLED if name in wanted and rows.data.column(name).null_count]:
        raise UserError(f"{what}: {table.name} has rows without {empty[0]}, as a run of fanno_hf never has")
    sha256 = folder.write_rows(table.name, rows)
    if sha256 != table.sha256:
        logger.warning("%s: the rows of %s are not those that its run.json names", what, table.name)
    return sha256


def _load(hub: Hub, repo_id: str, config: str, commit: str, folder: RunFolder) -> "Dataset":
    from datasets import load_dataset
    from datasets.exceptions import DatasetsError

    # a cache of its own: where the Hub fails, `load_dataset` hands out whatever it holds of any other commit
    cache = str(folder.scratch / "hub" / commit)
    try:
        return load_dataset(repo_id, config, split="train", revision=commit, token=hub.token, cache_dir=cache)
    except DatasetsError as error:
        raise_if_disk_full(error)
        words = hub_words(error)
        raise UserError(
            f"{repo_id}@{commit[:12]}: the config {config} cannot be read ({words or type(error).__name__})"
        ) from error


def _read_manifest(hub: Hub, what: str, repo_id: str, commit: str) -> dict[str, Any]:
    """Returns the run.json of a commit, checked."""
    files = hub.call(what, hub.api.list_repo_files, repo_id, revision=commit, repo_type="dataset")
    if "run.json" not in files:
        refs = hub.call(what, hub.api.list_repo_refs, repo_id, repo_type="dataset")
        names = ", ".join(sorted(ref.name for ref in [*refs.branches, *refs.tags])[:20])
        raise UserError(f"{what} is no run of fanno_hf; revisions there: {names}: give one, as in {repo_id}@demo")
    path = hub.call(what, hub.api.hf_hub_download, repo_id, "run.json", revision=commit, repo_type="dataset")
    manifest, fault = read_manifest(Path(path), what)
    if fault is not None:
        is_ours = fault.endswith(CHANGED)
        said = "has been changed since fanno_hf wrote it" if is_ours else "is not that of a run of fanno_hf"
        raise UserError(f"{what}: its run.json {said} ({fault})")
    return manifest

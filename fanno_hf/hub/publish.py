"""A run's stages as configs of one data set repository, each push a commit, each stage a tag.

runs/demo  ->  me/fanno on the branch "demo": data/ seed/ rejected/seed/ … README.md run.json, tags demo/seed, demo/augment …

Rows go first, each config by `push_to_hub`; then the card and run.json in one commit; then the tags, which so name a
commit that holds everything. Whatever is interrupted is completed by repeating it: what the Hub holds already makes no
commit.
"""

import json
import logging
import re
from collections.abc import Callable, Iterable
from contextlib import closing
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

from huggingface_hub import CommitOperationAdd, CommitOperationDelete
from huggingface_hub.errors import RemoteEntryNotFoundError

from fanno_hf.errors import FannoError, UserError
from fanno_hf.hub.access import Hub, check_repo_id, is_revision
from fanno_hf.hub.contents import check_files, foreign_file, pushed_head, shared_manifest, stale_files
from fanno_hf.hub_token import require_token, shown_endpoint
from fanno_hf.output.card import render_card
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.manifest import caveats
from fanno_hf.output.place import run_folder
from fanno_hf.output.report_files import figures_of, report_files
from fanno_hf.pipeline.plan import TABLES, Table, tables_of
from fanno_hf.settings import Hub as HubSettings
from fanno_hf.settings import Settings

logger = logging.getLogger(__name__)

_T = TypeVar("_T")
_REPO = {"repo_type": "dataset"}
_RESERVED = re.compile("HEAD|refs/.*|[0-9a-f]{40}")  # git's own, and what would be taken for a commit


class Publisher:
    """Pushes one run to a branch of a data set repository.

    Raises UserError where a name is wrong or there is no token; nothing has been sent by then.
    """

    def __init__(self, settings: HubSettings, run: str):
        if not settings.repo_id:
            raise UserError("hub.repo_id is missing: give the data set to push to, as in hub.repo_id=me/fanno")
        require_token(f"hub.repo_id={settings.repo_id}")
        self._run = re.sub(r"[^\w.-]+", "-", run).strip("-.") or "run"
        if "/" not in check_repo_id("hub.repo_id", settings.repo_id):
            raise UserError(
                f"hub.repo_id={settings.repo_id} lacks its owner: give owner/name, as in hub.repo_id=me/fanno"
            )
        self.repo_id, self.branch = settings.repo_id, settings.revision or self._run
        if not is_revision(self.branch) or _RESERVED.fullmatch(self.branch):
            raise UserError(f"hub.revision={self.branch} is no name for a branch: give one, as in hub.revision=main")
        self._target = f"{self.repo_id}@{self.branch}"
        self._hub, self._private, self._license = Hub(settings.retries), settings.private, settings.license
        self._api = self._hub.api

    def _call(self, doing: str, function: Callable[..., _T], *args: Any, **kwargs: Any) -> _T:
        return self._hub.call(f"{self._target}: {doing}", function, *args, **kwargs)

    def prepare(self) -> None:
        """Makes the repository and the branch where they are missing; raises FannoError, early, if the token may not write."""
        repo_id, branch, what = self.repo_id, self.branch, f"hub.repo_id={self.repo_id}"
        make = partial(self._api.create_repo, repo_id, private=self._private, exist_ok=True, **_REPO)
        self._hub.call(f"{what}: making it", make)
        info = self._hub.call(what, self._api.dataset_info, repo_id)
        if self._private and not info.private:
            logger.warning(
                "hub.private=true, but %s is there already and public: everybody sees what is pushed", repo_id
            )
        self._refuse_foreign_files("main" if branch != "main" else branch)
        if branch != "main":
            make = partial(self._api.create_branch, repo_id, branch=branch, exist_ok=True, **_REPO)
            self._hub.call(f"{what}: making the branch {branch}", make)

    def _refuse_foreign_files(self, start: str) -> None:
        """Raises UserError where the branch, or the one it would be made from, holds data that is not a run's: a card
        and tables of ours would take its place."""
        refs = self._call("reading its branches", self._api.list_repo_refs, self.repo_id, **_REPO)
        names = {ref.name for ref in refs.branches}
        branch = self.branch if self.branch in names else start
        list_files = partial(self._api.list_repo_files, self.repo_id, revision=branch, **_REPO)
        paths = self._call("listing its files", list_files) if branch in names else []
        if foreign := foreign_file(paths):
            raise UserError(
                f"hub.repo_id={self.repo_id}: the branch {branch} holds other data ({foreign}): give another "
                "hub.repo_id, or a hub.revision of its own in a repository whose main is empty"
            )

    def publish(self, folder: RunFolder) -> str:
        """Pushes every stage that is done and not there yet, writes the commits down in run.json and returns the last.

        Raises FannoError, with what failed; what was pushed stays, and a repetition completes it.
        """
        manifest = folder.manifest
        if not manifest["stages"]:
            raise UserError(f"{folder.path} has no stage that is done: run stage=all first")
        if not tables_of(manifest):
            raise UserError(f"{folder.path} has no rows to publish. {' '.join(caveats(manifest))}")
        check_files(folder)
        for sentence in caveats(manifest):
            logger.warning("%s: %s", folder.path, sentence)
        there, paths = self._there()
        for table in tables_of(manifest):
            if there.get(table.name) != table.sha256 or not any(p.startswith(f"{table.folder}/") for p in paths):
                self._push_rows(table, folder)
        commit = self._call("pushing the card", self._push_card, folder, there)
        for stage in manifest["stages"]:
            self._tag(stage, commit, folder)
        folder.write_manifest()
        return commit

    def _there(self) -> tuple[dict[str, str], list[str]]:
        """Returns the digest of each config that the branch holds, as its run.json tells, and its files."""
        head, paths = self._call("listing its files", self._list)
        try:
            held = tables_of(json.loads(self._call("reading run.json", self._read, "run.json", head) or "{}"))
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
            held = []  # there is none, or it is another program's: everything is pushed
        return {table.name: table.sha256 for table in held}, paths

    def _list(self) -> tuple[str, list[str]]:
        """Returns the branch's commit and its files."""
        head = self._api.dataset_info(self.repo_id, revision=self.branch).sha
        return head, self._api.list_repo_files(self.repo_id, revision=head, **_REPO)

    def _push_rows(self, table: Table, folder: RunFolder) -> None:
        rows = folder.read_rows(table.name)
        logger.info("%s: pushing %s (%d rows)", self._target, table.name, len(rows))
        self._call(
            f"pushing {table.name}",
            rows.push_to_hub,
            self.repo_id,
            config_name=table.name,
            split="train",
            data_dir=table.folder,
            revision=self.branch,
            private=self._private,
            token=self._hub.token,
            commit_message=f"{self._run}: {table.name} ({len(rows)} rows)",
        )

    def _push_card(self, folder: RunFolder, held: Iterable[str]) -> str:
        """Commits card, run.json and report, and removes the configs that the branch held (by its run.json) and the run
        does not have; returns the commit's oid."""
        (head, paths), manifest = self._list(), folder.manifest
        names = {table.name for table in tables_of(manifest)}
        gone = [table for table in TABLES if table.name in held and table.name not in names]
        if others := sorted({table.stage for table in gone} - set(manifest["stages"])):
            logger.warning("%s held %s of another run; earlier commits still have it", self._target, ", ".join(others))
        card = render_card(
            manifest,
            self._run,
            license_=self._license,
            figures=figures_of(folder),
            repo_id=self.repo_id,
            revision=self.branch,
            hub_head=pushed_head(self._read("README.md", head), names),
        )
        files = {"README.md": card.encode("utf-8", "replace"), "run.json": shared_manifest(manifest)}
        files |= report_files(folder)
        operations = [CommitOperationAdd(name, content) for name, content in files.items()]
        operations += [CommitOperationDelete(path) for path in stale_files(paths, gone, files if held else paths)]
        return self._api.create_commit(
            self.repo_id,
            operations,
            commit_message=f"{self._run}: card of {', '.join(manifest['stages'])}",
            revision=self.branch,
            parent_commit=head,
            **_REPO,
        ).oid

    def _read(self, name: str, commit: str) -> str:
        """Reads a file of a commit; empty where there is none."""
        try:
            path = self._api.hf_hub_download(self.repo_id, name, revision=commit, **_REPO)
        except RemoteEntryNotFoundError:
            return ""
        return Path(path).read_text(encoding="utf-8", errors="replace")

    def _tag(self, stage: str, commit: str, folder: RunFolder) -> None:
        """Lets `<run>/<stage>` name the commit of the stage's rows, and writes it down."""
        entry, tag = folder.manifest["stages"][stage], f"{self._run}/{stage}"
        known = {"repo_id": self.repo_id, "revision": self.branch, "rows": entry["output"]}
        before = entry.get("hub", {})
        kept = before.get("commit") if known.items() <= before.items() else None  # of these rows on this branch
        pinned = self._call(f"setting the tag {tag}", self._set_tag, tag, commit, kept)
        entry["hub"] = {**known, "commit": pinned, "tag": tag}

    def _set_tag(self, tag: str, commit: str, kept: str | None) -> str:
        """Lets a tag name a commit, unless it names the one that is kept; returns which it names. May be repeated."""
        refs = self._api.list_repo_refs(self.repo_id, **_REPO)
        tagged = {ref.name: ref.target_commit for ref in refs.tags}.get(tag)
        if tagged and tagged in (commit, kept):
            return tagged
        if tagged:
            self._api.delete_tag(self.repo_id, tag=tag, **_REPO)
        # not exist_ok: any conflict would then count as a tag that is there
        self._api.create_tag(self.repo_id, tag=tag, revision=commit, **_REPO)
        logger.info("%s: %s is commit %s", self._target, tag, commit[:12])
        return commit


def push_in_passing(publisher: Publisher, folder: RunFolder) -> None:
    """Publishes while a run goes on: a Hub that is away costs a warning, not the run."""
    try:
        publisher.publish(folder)
    except FannoError as error:
        logger.warning("%s. The run goes on, and tries again at its end", error)


def publish(settings: Settings) -> str:
    """`stage=publish`: pushes what a run has done and says where it is; a repetition completes what was begun."""
    with closing(RunFolder(run_folder(settings.run))) as folder:
        publisher = Publisher(settings.hub, folder.path.resolve().name)
        publisher.prepare()
        commit = publisher.publish(folder)
    repo_id, branch = publisher.repo_id, publisher.branch
    tags = ", ".join(entry["hub"]["tag"] for entry in folder.manifest["stages"].values() if "hub" in entry)
    return (
        f"{shown_endpoint()}/datasets/{repo_id}/tree/{branch} is at commit {commit}; tags: {tags}\n"
        f'load_dataset("{repo_id}", "{tables_of(folder.manifest)[0].name}", revision="{commit}")'
    )

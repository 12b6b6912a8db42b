"""The double of the Hub, with the real clients: what they push is what they load, and every fault reaches them."""

import hashlib
import http.client
import json
import os
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path

import httpx2
import pytest
import yaml
from datasets import Dataset, load_dataset
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import (
    CommitOperationAdd,
    CommitOperationCopy,
    CommitOperationDelete,
    HfApi,
    HfFileSystem,
    hf_hub_download,
)
from huggingface_hub.errors import (
    EntryNotFoundError,
    HfHubHTTPError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)

from tests.doubles.hub import HubServer, pointed_at

ROOT = Path(__file__).resolve().parent.parent.parent
TOKEN = "hf_double"
REPO = "tester/prompts"
BRANCH = "demo/seed"
ROWS = Dataset.from_dict({"text": ["Mosses drink.", "Tides turn."], "position": [0, 1]})
README = b"---\ntags:\n- moss\n---\n# Prompts\n"


@pytest.fixture
def hub():
    with HubServer(token=TOKEN) as running:
        yield running
        assert running.unknown == []


@pytest.fixture
def waits(hub, monkeypatch, tmp_path):
    """The seconds the clients would have waited; they talk to the double."""
    return pointed_at(hub, monkeypatch, tmp_path, token=TOKEN)


@pytest.fixture
def api(waits):
    """A client of a Hub with one public repository."""
    client = HfApi()
    client.create_repo(REPO, repo_type="dataset")
    return client


def push(config="seed", revision=BRANCH, **options):
    return ROWS.push_to_hub(REPO, config, revision=revision, private=True, **options)


def load(config="seed", revision=BRANCH):
    return load_dataset(REPO, config, revision=revision, split="train")


def commit(api, files, revision="main", **options):
    """Commits files: a path and its content, or None to delete it."""
    operations = [
        CommitOperationDelete(path) if content is None else CommitOperationAdd(path, content)
        for path, content in files.items()
    ]
    options = {"commit_message": "By the test", "repo_type": "dataset", "revision": revision, **options}
    return api.create_commit(REPO, operations, **options)


def configs(hub, revision=BRANCH):
    """The configurations that the README of a revision declares, by their names."""
    card = yaml.safe_load(hub.files(REPO, revision)["README.md"].decode().split("---\n")[1])
    return {config.pop("config_name"): config for config in card["configs"]}


def exchange(hub, method, path, headers=()):
    with closing(http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=20)) as connection:
        connection.request(method, path, headers={"Authorization": f"Bearer {TOKEN}", **dict(headers)})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


class TestPush:
    def test_creates_the_repository(self, hub, waits):
        push()
        assert hub.repositories() == {REPO: True}

    def test_creates_the_branch_with_one_commit(self, hub, waits):
        oid = push().oid
        assert [one.oid for one in hub.commits(REPO, BRANCH)] == [oid, hub.branches(REPO)["main"]]

    def test_uploads_what_it_commits_as_large_files(self, hub, waits):
        push()
        assert set(hub.files(REPO, BRANCH)) == {".gitattributes", "README.md", "seed/train-00000-of-00001.parquet"}
        assert hub.count("upload", 200) == hub.count("verify", 200) == 1

    def test_shows_the_token_to_nobody_but_the_hub(self, hub, waits):
        push()
        tokens = {one.route for one in hub.requests if one.headers.get("authorization") != f"Bearer {TOKEN}"}
        assert tokens == {"upload"}

    @pytest.mark.parametrize("reference", ["branch", "tag", "commit"])
    def test_is_loaded_by_any_reference(self, hub, waits, reference):
        oid = push().oid
        HfApi().create_tag(REPO, tag="demo/v1", revision=BRANCH, repo_type="dataset")
        loaded = load(revision={"branch": BRANCH, "tag": "demo/v1", "commit": oid}[reference])
        assert loaded.to_dict() == ROWS.to_dict()

    def test_is_loaded_from_another_folder(self, hub, waits):
        push(data_dir="rejected/seed")
        assert "rejected/seed/train-00000-of-00001.parquet" in hub.files(REPO, BRANCH)
        assert load().to_dict() == ROWS.to_dict()

    def test_is_loaded_as_it_was_then(self, hub, waits):
        then = push().oid
        Dataset.from_dict({"text": ["Another."], "position": [2]}).push_to_hub(REPO, "seed", revision=BRANCH)
        assert load(revision=then).to_dict() == ROWS.to_dict()

    def test_again_makes_no_commit(self, hub, waits):
        first = push().oid
        assert push().oid == first
        assert hub.count("commit") == 1

    def test_again_uploads_nothing(self, hub, waits):
        push()
        push()
        assert hub.count("upload") == 1

    def test_of_configurations_merges_them_in_the_readme(self, hub, waits):
        push("seed")
        push("augment")
        assert list(configs(hub)) == ["augment", "seed"]

    def test_keeps_the_body_of_the_readme(self, hub, api):
        commit(api, {"README.md": README})
        push()
        assert hub.files(REPO, BRANCH)["README.md"].decode().startswith("---\ntags:\n- moss\n")
        assert hub.files(REPO, BRANCH)["README.md"].decode().endswith("---\n# Prompts\n")

    def test_with_fewer_shards_deletes_the_others(self, hub, waits):
        push(num_shards=2)
        push(num_shards=1)
        assert [path for path in hub.files(REPO, BRANCH) if path.startswith("seed/")] == [
            "seed/train-00000-of-00001.parquet"
        ]

    def test_to_a_branch_in_two_threads_keeps_both(self, hub, waits):
        push("first")

        def push_until_it_works(config):
            while True:
                try:
                    return push(config)
                except HfHubHTTPError as error:
                    if error.response.status_code != 412:
                        raise

        threads = [threading.Thread(target=push_until_it_works, args=(config,)) for config in ("second", "third")]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert list(configs(hub)) == ["first", "second", "third"]

    def test_of_a_name_without_owner_goes_to_the_user(self, hub, waits):
        ROWS.push_to_hub("alone", "seed")
        ROWS.push_to_hub("alone", "augment")
        assert list(hub.repositories()) == ["tester/alone"]

    def test_of_no_such_repository_is_not_loaded(self, hub, waits):
        with pytest.raises(DatasetNotFoundError, match="doesn't exist on the Hub"):
            load()

    def test_of_no_such_revision_is_not_loaded(self, hub, waits):
        push()
        with pytest.raises(DatasetNotFoundError, match="Revision 'missing'"):
            load(revision="missing")


class TestCommit:
    def test_of_the_same_readme_is_none(self, hub, api):
        first = commit(api, {"README.md": README}).oid
        assert commit(api, {"README.md": README}).oid == first
        assert hub.count("commit") == 1

    def test_of_the_same_large_file_is_none(self, hub, api):
        first = commit(api, {"a.parquet": b"PAR1"}).oid
        assert commit(api, {"a.parquet": b"PAR1"}).oid == first

    def test_is_the_same_wherever_it_is_made(self, hub):
        with HubServer() as other:
            oids = []
            for one in (hub, other):
                one.create(REPO)
                oids.append(one.commit(REPO, "main", {"README.md": README}))
        assert oids[0] == oids[1]

    def test_with_a_stale_parent_is_refused(self, hub, api):
        stale = hub.branches(REPO)["main"]
        commit(api, {"a.txt": b"a"})
        with pytest.raises(HfHubHTTPError) as caught:
            commit(api, {"b.txt": b"b"}, parent_commit=stale)
        assert caught.value.response.status_code == 412

    def test_with_the_newest_parent_is_made(self, hub, api):
        commit(api, {"a.txt": b"a"}, parent_commit=hub.branches(REPO)["main"])
        assert hub.files(REPO)["a.txt"] == b"a"

    def test_keeps_message_and_description(self, hub, api):
        commit(api, {"a.txt": b"a"}, commit_message="Stage seed", commit_description="Done")
        assert hub.commits(REPO)[0].message == "Stage seed\n\nDone"
        assert [one.title for one in api.list_repo_commits(REPO, repo_type="dataset")] == [
            "Stage seed",
            "initial commit",
        ]

    def test_of_big_text_goes_to_the_large_files(self, hub, api):
        commit(api, {"big.txt": b"x" * (1 << 20) + b"x", "small.txt": b"x"})
        assert [one.path for one in api.list_repo_tree(REPO, repo_type="dataset") if getattr(one, "lfs", None)] == [
            "big.txt"
        ]

    def test_of_an_empty_file(self, hub, api):
        commit(api, {"a.parquet": b""})
        assert hub.files(REPO)["a.parquet"] == b""

    @pytest.mark.parametrize(("path", "left"), [("a/1.txt", {"a/2.txt"}), ("a/", set())])
    def test_deletes(self, hub, api, path, left):
        commit(api, {"a/1.txt": b"1", "a/2.txt": b"2"})
        commit(api, {path: None})
        assert set(hub.files(REPO)) == {".gitattributes", *left}

    def test_of_a_deletion_of_nothing_is_refused(self, hub, api):
        with pytest.raises(EntryNotFoundError, match="doesn't exist"):
            commit(api, {"missing.txt": None})

    @pytest.mark.parametrize("source", ["a.txt", "a.parquet"])
    def test_copies(self, hub, api, source):
        commit(api, {source: b"content"})
        operation = CommitOperationCopy(source, "copy")
        api.create_commit(REPO, [operation], commit_message="Copy", repo_type="dataset")
        assert hub.files(REPO)["copy"] == b"content"

    def test_of_what_was_not_uploaded_is_refused(self, hub, api):
        operation = CommitOperationAdd("a.parquet", b"PAR1")
        operation._upload_mode, operation._is_uploaded = "lfs", True
        with pytest.raises(HfHubHTTPError, match="does not exist"):
            api.create_commit(REPO, [operation], commit_message="Lies", repo_type="dataset")

    def test_of_broken_metadata_is_refused(self, hub, api):
        with pytest.raises(ValueError, match="Invalid metadata"):
            commit(api, {"README.md": b"---\ntags: [\n---\n"})

    def test_to_no_branch_is_refused(self, hub, api):
        with pytest.raises(RevisionNotFoundError):
            commit(api, {"a.txt": b"a"}, revision="missing")


class TestReferences:
    def test_are_listed(self, hub, api):
        api.create_branch(REPO, branch=BRANCH, repo_type="dataset")
        api.create_tag(REPO, tag="demo/v1", revision=BRANCH, repo_type="dataset")
        refs, oid = api.list_repo_refs(REPO, repo_type="dataset"), hub.branches(REPO)["main"]
        assert [(one.name, one.target_commit) for one in refs.branches] == [("main", oid), (BRANCH, oid)]
        assert [(one.ref, one.target_commit) for one in refs.tags] == [("refs/tags/demo/v1", oid)]

    def test_begin_where_they_are_told(self, hub, api):
        first = hub.branches(REPO)["main"]
        commit(api, {"a.txt": b"a"})
        api.create_branch(REPO, branch=BRANCH, revision=first, repo_type="dataset")
        assert hub.branches(REPO)[BRANCH] == first

    @pytest.mark.parametrize(("kind", "name"), [("branch", BRANCH), ("tag", "demo/v1")])
    def test_are_made_once(self, hub, api, kind, name):
        create = getattr(api, f"create_{kind}")
        create(REPO, **{kind: name}, repo_type="dataset")
        with pytest.raises(HfHubHTTPError) as caught:
            create(REPO, **{kind: name}, repo_type="dataset")
        assert caught.value.response.status_code == 409

    @pytest.mark.parametrize(("kind", "name"), [("branch", BRANCH), ("tag", "demo/v1")])
    def test_may_exist(self, hub, api, kind, name):
        for _ in range(2):
            getattr(api, f"create_{kind}")(REPO, **{kind: name}, repo_type="dataset", exist_ok=True)

    @pytest.mark.parametrize(("kind", "name"), [("branch", BRANCH), ("tag", "demo/v1")])
    def test_are_deleted(self, hub, api, kind, name):
        getattr(api, f"create_{kind}")(REPO, **{kind: name}, repo_type="dataset")
        getattr(api, f"delete_{kind}")(REPO, **{kind: name}, repo_type="dataset")
        assert name not in hub.branches(REPO) | hub.tags(REPO)

    @pytest.mark.parametrize("delete", ["branch", "tag"])
    def test_that_are_missing_are_not_deleted(self, hub, api, delete):
        with pytest.raises(RevisionNotFoundError):
            getattr(api, f"delete_{delete}")(REPO, **{delete: "missing"}, repo_type="dataset")


class TestRepository:
    def test_exists_once(self, hub, api):
        with pytest.raises(HfHubHTTPError) as caught:
            api.create_repo(REPO, repo_type="dataset")
        assert caught.value.response.status_code == 409

    def test_may_exist(self, hub, api):
        assert api.create_repo(REPO, repo_type="dataset", exist_ok=True).repo_id == REPO

    def test_is_described(self, hub, api):
        oid = commit(api, {"README.md": README, "a.parquet": b"PAR1"}).oid
        info = api.dataset_info(REPO, files_metadata=True)
        assert (info.id, info.sha, info.private, info.tags, info.card_data.tags) == (
            REPO,
            oid,
            False,
            ["moss"],
            ["moss"],
        )
        assert {one.rfilename: one.size for one in info.siblings if one.rfilename[0] != "."} == {
            "README.md": len(README),
            "a.parquet": 4,
        }

    def test_becomes_private(self, hub, api):
        api.update_repo_settings(REPO, private=True, repo_type="dataset")
        assert hub.repositories() == {REPO: True}

    def test_is_deleted(self, hub, api):
        api.delete_repo(REPO, repo_type="dataset")
        assert not api.repo_exists(REPO, repo_type="dataset")

    def test_may_have_the_name_of_a_route(self, hub, api):
        hub.create("tester/refs")
        assert api.dataset_info("tester/refs").id == "tester/refs"

    def test_lists_folders(self, hub, api):
        commit(api, {"a/b/1.txt": b"1", "2.txt": b"2"})
        listed = api.list_repo_tree(REPO, repo_type="dataset")
        assert [one.path for one in listed] == [".gitattributes", "2.txt", "a"]

    def test_lists_a_folder_with_what_is_in_it(self, hub, api):
        commit(api, {"a/b/1.txt": b"1", "2.txt": b"2"})
        listed = api.list_repo_tree(REPO, "a", recursive=True, repo_type="dataset")
        assert [one.path for one in listed] == ["a/b", "a/b/1.txt"]

    def test_tells_which_commit_changed_a_file_last(self, hub, api):
        first = commit(api, {"a.txt": b"1"}).oid
        commit(api, {"b.txt": b"2"})
        info = api.get_paths_info(REPO, ["a.txt"], expand=True, repo_type="dataset")
        assert info[0].last_commit.oid == first

    def test_tells_what_large_files_hold(self, hub, api):
        commit(api, {"a.parquet": b"PAR1"})
        assert api.get_paths_info(REPO, ["a.parquet", "missing"], repo_type="dataset")[0].lfs == {
            "size": 4,
            "sha256": hashlib.sha256(b"PAR1").hexdigest(),
            "pointer_size": 126,
        }

    def test_has_no_such_folder(self, hub, api):
        with pytest.raises(EntryNotFoundError):
            list(api.list_repo_tree(REPO, "missing", repo_type="dataset"))

    def test_has_no_such_file(self, hub, api):
        with pytest.raises(EntryNotFoundError):
            hf_hub_download(REPO, "missing.txt", repo_type="dataset")

    def test_has_no_such_revision(self, hub, api):
        with pytest.raises(RevisionNotFoundError):
            hf_hub_download(REPO, "README.md", repo_type="dataset", revision="missing")

    @pytest.mark.parametrize(
        ("wanted", "status", "content"),
        [
            ("bytes=2-4", 206, b"234"),
            ("bytes=7-", 206, b"789"),
            ("bytes=-2", 206, b"89"),
            ("bytes=8-99", 206, b"89"),
            ("bytes=10-", 416, None),
            ("", 200, b"0123456789"),
        ],
    )
    def test_sends_ranges(self, hub, wanted, status, content):
        hub.create(REPO)
        hub.commit(REPO, "main", {"a.bin": b"0123456789"})
        got, headers, body = exchange(hub, "GET", f"/datasets/{REPO}/resolve/main/a.bin", {"Range": wanted})
        assert got == status
        assert content is None or (body == content and headers["X-Repo-Commit"] == hub.branches(REPO)["main"])

    def test_tells_about_large_files_before_they_are_sent(self, hub):
        hub.create(REPO)
        hub.commit(REPO, "main", {"a.bin": b"0123456789"})
        _, headers, body = exchange(hub, "HEAD", f"/datasets/{REPO}/resolve/main/a.bin")
        sha = hashlib.sha256(b"0123456789").hexdigest()
        names = ("ETag", "X-Linked-Etag", "X-Linked-Size", "Content-Length")
        assert [headers[name] for name in names] == [f'"{sha}"', f'"{sha}"', "10", "10"]

    def test_is_read_in_pieces(self, hub, api):
        commit(api, {"a.bin": b"0123456789"})
        with HfFileSystem().open(f"datasets/{REPO}/a.bin", block_size=4) as file:
            file.seek(3)
            assert file.read(2) == b"34"


class TestToken:
    @pytest.fixture
    def private(self, hub):
        hub.create(REPO, private=True)
        hub.commit(REPO, "main", {"README.md": README})

    def use(self, hub, monkeypatch, tmp_path, token):
        pointed_at(hub, monkeypatch, tmp_path, token=token)
        return HfApi()

    def test_is_asked_for_before_anything_is_created(self, hub, monkeypatch, tmp_path):
        with pytest.raises(HfHubHTTPError) as caught:
            self.use(hub, monkeypatch, tmp_path, None).create_repo(REPO, repo_type="dataset")
        assert caught.value.response.status_code == 401
        assert hub.repositories() == {}

    def test_that_is_wrong_is_refused(self, hub, private, monkeypatch, tmp_path):
        self.use(hub, monkeypatch, tmp_path, "hf_wrong")
        with pytest.raises(HfHubHTTPError) as caught:
            push()
        assert caught.value.response.status_code == 403

    def test_hides_what_is_private(self, hub, private, monkeypatch, tmp_path):
        with pytest.raises(RepositoryNotFoundError):
            self.use(hub, monkeypatch, tmp_path, None).dataset_info(REPO)

    def test_hides_it_from_load_dataset(self, hub, private, monkeypatch, tmp_path):
        self.use(hub, monkeypatch, tmp_path, None)
        with pytest.raises(DatasetNotFoundError, match="doesn't exist on the Hub or cannot be accessed"):
            load()

    def test_is_not_asked_for_to_read_what_is_public(self, hub, monkeypatch, tmp_path):
        hub.create(REPO)
        assert self.use(hub, monkeypatch, tmp_path, None).dataset_info(REPO).id == REPO

    def test_tells_who_it_is(self, hub, waits):
        assert HfApi().whoami()["name"] == "tester"

    def test_that_is_wrong_tells_nothing(self, hub, monkeypatch, tmp_path):
        with pytest.raises(HfHubHTTPError, match="HF_TOKEN environment variable is invalid"):
            self.use(hub, monkeypatch, tmp_path, "hf_wrong").whoami()

    def test_may_be_given_by_argument(self, hub, monkeypatch, tmp_path):
        self.use(hub, monkeypatch, tmp_path, None)
        push(token=TOKEN)
        assert hub.repositories() == {REPO: True}


# what a client does so that a request takes this route, in a repository with a.txt on main
ONCE = {
    "create": lambda api: api.create_repo("tester/other", repo_type="dataset"),
    "info": lambda api: api.dataset_info(REPO),
    "refs": lambda api: api.list_repo_refs(REPO, repo_type="dataset"),
    "branch": lambda api: api.create_branch(REPO, branch=BRANCH, repo_type="dataset"),
    "tag": lambda api: api.create_tag(REPO, tag="v1", repo_type="dataset"),
    "commit": lambda api: commit(api, {"b.txt": b"b"}),
    "paths_info": lambda api: api.get_paths_info(REPO, ["a.txt"], repo_type="dataset"),
    "whoami": lambda api: api.whoami(),
    "delete": lambda api: api.delete_repo(REPO, repo_type="dataset"),
}
SEVERAL_TIMES = {
    "preupload": lambda api: commit(api, {"b.txt": b"b"}),
    "lfs_batch": lambda api: commit(api, {"b.parquet": b"PAR1"}),
    "upload": lambda api: commit(api, {"b.parquet": b"PAR1"}),
    "verify": lambda api: commit(api, {"b.parquet": b"PAR1"}),
    "tree": lambda api: list(api.list_repo_tree(REPO, repo_type="dataset")),
    "commits": lambda api: api.list_repo_commits(REPO, repo_type="dataset"),
    "head": lambda api: hf_hub_download(REPO, "a.txt", repo_type="dataset"),
}


def status_of(error):
    """The status that an error is about, which may be the reason of another."""
    while not isinstance(error, HfHubHTTPError):
        error = error.__cause__
    return error.response.status_code


class TestFault:
    @pytest.fixture
    def client(self, hub, api):
        hub.commit(REPO, "main", {"a.txt": b"0123456789"})
        return api

    @pytest.mark.parametrize("status", [412, 429, 500, 503])
    @pytest.mark.parametrize("route", ONCE)
    def test_is_seen_at_once(self, hub, client, waits, route, status):
        hub.fault(route, status)
        with pytest.raises(HfHubHTTPError) as caught:
            ONCE[route](client)
        assert (status_of(caught.value), waits) == (status, [])

    @pytest.mark.parametrize("route", SEVERAL_TIMES)
    def test_is_seen_when_it_lasts(self, hub, client, waits, route):
        hub.fault(route, 503, times=7)
        with pytest.raises((HfHubHTTPError, RuntimeError, OSError)) as caught:
            SEVERAL_TIMES[route](client)
        assert (status_of(caught.value), waits) == (503, [1, 2, 4, 8, 8])

    @pytest.mark.parametrize("status", [429, 500, 503, "lost"])
    @pytest.mark.parametrize("route", [route for route in SEVERAL_TIMES if route != "head"])
    def test_that_passes_is_waited_for(self, hub, client, waits, route, status):
        hub.fault(route, status)
        SEVERAL_TIMES[route](client)
        assert waits == [1]

    def test_waits_as_long_as_it_says(self, hub, client, waits):
        hub.fault("preupload", 429, retry_after=7)
        SEVERAL_TIMES["preupload"](client)
        assert waits == [8]

    def test_leaves_its_message(self, hub, client):
        hub.fault("commit", 503)
        with pytest.raises(HfHubHTTPError) as caught:
            ONCE["commit"](client)
        assert (caught.value.server_message, caught.value.request_id[:7]) == ("Service Unavailable", "Root=1-")

    def test_comes_after_those_that_are_skipped(self, hub, client):
        hub.fault("commit", 503, skip=1)
        commit(client, {"1.txt": b"1"})
        with pytest.raises(HfHubHTTPError):
            commit(client, {"2.txt": b"2"})

    def test_leaves_nothing_behind(self, hub, client):
        before = hub.branches(REPO)
        hub.fault("commit", 503)
        with pytest.raises(HfHubHTTPError):
            ONCE["commit"](client)
        assert hub.branches(REPO) == before

    @pytest.mark.parametrize(("after", "commits"), [(False, 2), (True, 3)])
    def test_loses_the_request_or_only_the_answer(self, hub, client, after, commits):
        hub.fault("commit", "lost", after=after)
        with pytest.raises(httpx2.RemoteProtocolError):
            ONCE["commit"](client)
        assert len(hub.commits(REPO)) == commits

    def test_after_the_work_is_done_answers_with_its_status(self, hub, client):
        hub.fault("commit", 500, after=True)
        with pytest.raises(HfHubHTTPError):
            ONCE["commit"](client)
        assert hub.files(REPO)["b.txt"] == b"b"

    def test_that_loses_the_answer_to_a_push_is_healed_by_the_next(self, hub, waits):
        hub.fault("commit", "lost", after=True)
        with pytest.raises(httpx2.RemoteProtocolError):
            push()
        assert push().oid == hub.branches(REPO)[BRANCH]
        assert hub.count("commit") == 1

    @pytest.mark.parametrize("status", [409, 412, 429, 503])
    def test_of_the_commit_ends_a_push(self, hub, waits, status):
        hub.fault("commit", status)
        with pytest.raises(HfHubHTTPError) as caught:
            push()
        assert (status_of(caught.value), waits) == (status, [])

    def test_by_another_writer_leaves_what_he_wrote(self, hub, api):
        push()
        hub.conflict(REPO, BRANCH, "notes.txt", b"mine")
        with pytest.raises(HfHubHTTPError) as caught:
            push("augment")
        assert caught.value.response.status_code == 412
        push("augment")
        assert hub.files(REPO, BRANCH)["notes.txt"] == b"mine"
        assert [one.message for one in hub.commits(REPO, BRANCH)][:2] == ["Upload dataset", "By somebody else"]

    def test_that_cuts_an_upload_is_overcome(self, hub, client):
        hub.fault("upload", "truncated")
        SEVERAL_TIMES["upload"](client)
        assert [one.status for one in hub.requests if one.route == "upload"] == [0, 200]

    def test_that_cuts_every_upload_leaves_no_file(self, hub, client):
        hub.fault("upload", "truncated", times=6)
        with pytest.raises(RuntimeError, match=r"Error while uploading 'b\.parquet'"):
            SEVERAL_TIMES["upload"](client)
        assert "b.parquet" not in hub.files(REPO)

    def test_that_cuts_a_download_is_overcome(self, hub, client):
        hub.fault("resolve", "truncated")
        assert Path(hf_hub_download(REPO, "a.txt", repo_type="dataset")).read_bytes() == b"0123456789"
        assert hub.count("resolve") == 2

    def test_that_cuts_every_download_is_seen(self, hub, client):
        hub.fault("resolve", "truncated", times=6)
        with pytest.raises(httpx2.RemoteProtocolError, match="received 5 bytes, expected 10"):
            hf_hub_download(REPO, "a.txt", repo_type="dataset")

    @pytest.mark.parametrize(
        ("route", "status"), [("head", 503), ("head", 429), ("resolve", "lost"), ("resolve", "truncated")]
    )
    def test_that_passes_is_overcome_by_loading(self, hub, waits, route, status):
        push()
        hub.fault(route, status)
        assert load().to_dict() == ROWS.to_dict()

    @pytest.mark.parametrize(("route", "status"), [("head", "lost"), ("resolve", 503), ("tree", 412)])
    def test_ends_loading(self, hub, waits, route, status):
        push()
        hub.fault(route, status)
        with pytest.raises((httpx2.RemoteProtocolError, HfHubHTTPError)):
            load()

    def test_that_ends_loading_is_hidden_by_what_is_cached_of_another_commit(self, hub, waits):
        push()
        load()
        new = Dataset.from_dict({"text": ["New."], "position": [2]}).push_to_hub(REPO, "seed", revision=BRANCH).oid
        hub.fault("head", 503, times=7)
        assert load(revision=new).to_dict() == ROWS.to_dict()  # not what was asked for

    def test_by_conflict_while_a_repository_is_created_is_tried_again(self, hub, waits):
        hub.fault("create", 409, times=2)
        HfApi().create_repo(REPO, repo_type="dataset")
        assert hub.count("create") == 3

    @pytest.mark.parametrize(("route", "status"), [("comit", 503), ("commit", "truncated")])
    def test_must_make_sense(self, hub, route, status):
        with pytest.raises(ValueError, match="no fault"):
            hub.fault(route, status)


class TestServer:
    def test_refuses_an_upload_with_another_content(self, hub, api):
        operation = CommitOperationAdd("a.parquet", b"PAR1")
        operation.upload_info.sha256 = bytes(32)
        with pytest.raises(RuntimeError) as caught:
            api.create_commit(REPO, [operation], commit_message="Lies", repo_type="dataset")
        assert status_of(caught.value) == 400

    def test_says_what_it_does_not_know(self):
        with HubServer() as other:
            status, _, body = exchange(other, "GET", "/api/spaces/a/b")
            assert (status, json.loads(body)) == (501, {"error": "The double of the Hub does not know this route"})
            assert other.unknown == [("GET", "/api/spaces/a/b")]

    def test_keeps_bodies(self, hub, waits):
        HfApi().create_repo(REPO, repo_type="dataset", private=True)
        received = hub.requests[-1]
        assert (received.method, received.path, received.status) == ("POST", "/api/repos/create", 200)
        assert json.loads(received.body)["visibility"] == "private"

    def test_without_a_token_lets_everybody_in(self, monkeypatch, tmp_path):
        with HubServer() as other:
            pointed_at(other, monkeypatch, tmp_path)
            push()
            assert other.repositories() == {REPO: True}

    def test_ends_with_its_context(self, hub, api):
        with HubServer() as other:
            pass
        with pytest.raises(OSError):
            exchange(other, "GET", "/api/whoami-v2")

    def test_ends_for_clients_that_are_connected(self, monkeypatch, tmp_path):
        with HubServer() as other:
            pointed_at(other, monkeypatch, tmp_path)
            HfApi().create_repo(REPO, repo_type="dataset")
        with pytest.raises(httpx2.TransportError):
            HfApi().dataset_info(REPO)

    def test_is_found_by_other_processes(self, hub, waits, tmp_path):
        push()
        code = (
            f"import datasets; print(datasets.load_dataset({REPO!r}, 'seed', revision={BRANCH!r}, split='train')[0])"
        )
        environment = {**os.environ, **hub.environment(tmp_path / "home", TOKEN)}
        done = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True)
        assert done.stdout == f"{ROWS[0]}\n", done.stderr

    def test_runs_by_hand_until_its_input_ends(self):
        command = [sys.executable, "-m", "tests.doubles.hub"]
        with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
            url = json.loads(process.stdout.readline())["url"]
            host = url.removeprefix("http://")
            with closing(http.client.HTTPConnection(host, timeout=20)) as connection:
                connection.request("GET", "/api/whoami-v2")
                assert connection.getresponse().status == 200
            process.stdin.close()
            assert process.wait(timeout=20) == 0

"""What the Hub double must do because the real Hub does it, shown with the real clients.

What our own code makes of it is in tests/hub.
"""

import hashlib
import http.client
import json
from contextlib import closing

import httpx2
import pytest
from datasets import Dataset, load_dataset
from datasets.exceptions import DatasetNotFoundError
from huggingface_hub import CommitOperationAdd, HfApi, hf_hub_download
from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, RepositoryNotFoundError, RevisionNotFoundError

from tests.doubles.hub import HubServer, pointed_at

TOKEN = "hf_double"
REPO = "tester/prompts"
BRANCH = "demo/seed"
ROWS = Dataset.from_dict({"text": ["Mosses drink.", "Tides turn."], "position": [0, 1]})


@pytest.fixture
def hub():
    with HubServer(token=TOKEN) as running:
        yield running
        assert running.unknown == []


@pytest.fixture
def api(hub, monkeypatch, tmp_path):
    """A client of a Hub with one public repository; `api.waits` are the seconds that clients would have waited."""
    waits = pointed_at(hub, monkeypatch, tmp_path, token=TOKEN)
    client = HfApi()
    client.create_repo(REPO, repo_type="dataset")
    client.waits = waits
    return client


def push():
    return ROWS.push_to_hub(REPO, "seed", revision=BRANCH)


def load(revision=BRANCH):
    return load_dataset(REPO, "seed", revision=revision, split="train")


def commit(api, path, content=b"PAR1", **options):
    options = {"commit_message": "By the test", "repo_type": "dataset", **options}
    return api.create_commit(REPO, [CommitOperationAdd(path, content)], **options)


def exchange(hub, method, path, headers=()):
    with closing(http.client.HTTPConnection(hub.url.removeprefix("http://"), timeout=20)) as connection:
        connection.request(method, path, headers={"Authorization": f"Bearer {TOKEN}", **dict(headers)})
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def status_of(error):
    """The status that an error is about, which may be the reason of another."""
    while not isinstance(error, HfHubHTTPError):
        error = error.__cause__
    return error.response.status_code


def test_what_is_pushed_is_loaded_by_branch_tag_and_commit(hub, api):
    oid = push().oid
    api.create_tag(REPO, tag="demo/v1", revision=BRANCH, repo_type="dataset")
    assert [load(revision).to_dict() for revision in (BRANCH, "demo/v1", oid)] == [ROWS.to_dict()] * 3
    assert set(hub.files(REPO, BRANCH)) == {".gitattributes", "README.md", "seed/train-00000-of-00001.parquet"}


def test_the_same_push_again_uploads_nothing_and_makes_no_commit(hub, api):
    assert push().oid == push().oid == hub.branches(REPO)[BRANCH]
    assert (hub.count("upload"), hub.count("commit")) == (1, 1)


def test_an_upload_goes_without_the_token(hub, api):
    push()
    assert {one.route for one in hub.requests if "authorization" not in one.headers} == {"upload"}


def test_a_commit_upon_a_stale_parent_is_refused(hub, api):
    stale = hub.branches(REPO)["main"]
    commit(api, "a.txt")
    with pytest.raises(HfHubHTTPError) as caught:
        commit(api, "b.txt", parent_commit=stale)
    assert status_of(caught.value) == 412


def test_another_writer_who_was_faster_is_not_overwritten(hub, api):
    push()
    hub.conflict(REPO, BRANCH, "notes.txt", b"mine")
    with pytest.raises(HfHubHTTPError) as caught:
        ROWS.push_to_hub(REPO, "augment", revision=BRANCH)
    assert (status_of(caught.value), hub.files(REPO, BRANCH)["notes.txt"]) == (412, b"mine")


def test_a_large_file_that_was_not_uploaded_as_it_was_announced_is_refused(hub, api):
    operation = CommitOperationAdd("a.parquet", b"PAR1")
    operation.upload_info.sha256 = bytes(32)
    with pytest.raises(RuntimeError) as caught:
        api.create_commit(REPO, [operation], commit_message="Lies", repo_type="dataset")
    assert status_of(caught.value) == 400


@pytest.mark.parametrize(
    ("again", "status"),
    [
        (lambda api: api.create_repo(REPO, repo_type="dataset"), 409),
        (lambda api: api.create_branch(REPO, branch="main", repo_type="dataset"), 409),
        (lambda api: api.delete_tag(REPO, tag="missing", repo_type="dataset"), 404),
        (lambda api: [api.create_tag(REPO, tag="v1", repo_type="dataset") for _ in range(2)], 409),
    ],
)
def test_what_is_there_is_not_made_twice_and_what_is_missing_not_deleted(api, again, status):
    with pytest.raises(HfHubHTTPError) as caught:
        again(api)
    assert status_of(caught.value) == status


@pytest.mark.parametrize(
    ("error", "ask"),
    [
        (RepositoryNotFoundError, lambda api: api.dataset_info("tester/other")),
        (RevisionNotFoundError, lambda api: api.dataset_info(REPO, revision="missing")),
        (RevisionNotFoundError, lambda api: commit(api, "a.txt", revision="missing")),
        (EntryNotFoundError, lambda api: hf_hub_download(REPO, "missing.txt", repo_type="dataset")),
        (EntryNotFoundError, lambda api: list(api.list_repo_tree(REPO, "missing", repo_type="dataset"))),
        (DatasetNotFoundError, lambda api: load("missing")),
    ],
)
def test_what_is_not_there_is_told_in_the_way_of_the_hub(api, error, ask):
    with pytest.raises(error):
        ask(api)


@pytest.mark.parametrize(
    ("wanted", "status", "content"),
    [("bytes=2-4", 206, b"234"), ("bytes=7-", 206, b"789"), ("bytes=8-99", 206, b"89"), ("", 200, b"0123456789")],
)
def test_files_are_sent_in_parts(hub, wanted, status, content):
    hub.create(REPO)
    hub.commit(REPO, "main", {"a.bin": b"0123456789"})
    path = f"/datasets/{REPO}/resolve/main/a.bin"
    got, headers, body = exchange(hub, "GET", path, {"Range": wanted})
    assert (got, body, headers["X-Repo-Commit"]) == (status, content, hub.branches(REPO)["main"])
    assert exchange(hub, "HEAD", path)[1]["X-Linked-Etag"] == f'"{hashlib.sha256(b"0123456789").hexdigest()}"'


@pytest.mark.parametrize(("token", "status"), [(None, 401), ("hf_wrong", 403)])
def test_without_the_token_nothing_is_made_and_what_is_private_is_hidden(hub, monkeypatch, tmp_path, token, status):
    hub.create(REPO, private=True)
    pointed_at(hub, monkeypatch, tmp_path, token=token)
    for ask in (lambda: HfApi().create_repo("tester/other", repo_type="dataset"), lambda: HfApi().dataset_info(REPO)):
        with pytest.raises(HfHubHTTPError) as caught:
            ask()
        assert status_of(caught.value) == status
    assert hub.repositories() == {REPO: True}


@pytest.mark.parametrize(("route", "waited"), [("commit", []), ("create", []), ("preupload", [1]), ("upload", [1])])
def test_the_clients_wait_at_some_routes_and_not_at_others(hub, api, route, waited):
    hub.fault(route, 503)
    try:
        api.create_repo("tester/other", repo_type="dataset")
        commit(api, "a.parquet")
    except HfHubHTTPError as error:
        assert (status_of(error), error.server_message) == (503, "Service Unavailable")
    assert (api.waits, hub.count(route, 503)) == (waited, 1)


def test_a_fault_comes_after_those_that_are_skipped_and_says_how_long_to_wait(hub, api):
    hub.fault("preupload", 429, skip=1, retry_after=7)
    commit(api, "1.txt")
    commit(api, "2.txt")
    assert api.waits == [8]


@pytest.mark.parametrize(("after", "kept"), [(False, False), (True, True)])
def test_a_request_is_lost_or_only_its_answer(hub, api, after, kept):
    hub.fault("commit", "lost", after=after)
    with pytest.raises(httpx2.RemoteProtocolError):
        commit(api, "a.txt")
    assert ("a.txt" in hub.files(REPO)) is kept


def test_what_is_cut_in_the_middle_is_sent_again(hub, api):
    hub.fault("upload", "truncated")
    push()
    hub.fault("resolve", "truncated")
    assert load().to_dict() == ROWS.to_dict()
    assert [one.status for one in hub.requests if one.route == "upload"] == [0, 200]


def test_a_fault_that_cannot_be_is_refused(hub):
    with pytest.raises(ValueError, match="no fault"):
        hub.fault("commit", "truncated")


def test_what_it_does_not_know_is_said_and_kept():
    with HubServer() as other:
        status, _, body = exchange(other, "GET", "/api/spaces/a/b")
        assert (status, json.loads(body)) == (501, {"error": "The double of the Hub does not know this route"})
        assert other.unknown == [("GET", "/api/spaces/a/b")]

"""hub.from: a stage on one machine, the next on another, and the same bytes as both on one."""

import json
import shutil

import pytest
from datasets import Dataset, load_dataset

from fanno_hf.columns import DOCUMENT
from fanno_hf.errors import FannoError, UserError
from fanno_hf.hub.access import split_origin
from fanno_hf.hub.publish import publish
from fanno_hf.pipeline.plan import stages_before
from tests.conftest import small_run
from tests.hub.conftest import REPO, config_of, loopback_hub


@pytest.fixture(scope="module")
def parts(made):
    """Every file of rows of the whole run, by its path below the run folder."""
    return {path.relative_to(made).as_posix(): path.read_bytes() for path in made.rglob("*.parquet")}


@pytest.fixture(scope="module")
def hub(made, tmp_path_factory):
    """A Hub that holds the whole run on the branch demo; tests may add branches, and leave that one alone."""
    home = tmp_path_factory.mktemp("home")
    with loopback_hub(home) as (running, _):
        publish(config_of(shutil.copytree(made, home / "demo")))
        running.home = home
        yield running


@pytest.fixture
def go_on(hub, tmp_path):
    """A function that does something on another machine, which has neither the run nor the caches of the first."""

    def elsewhere(*overrides: str):
        shutil.rmtree(hub.home / "hub", ignore_errors=True)
        return small_run(tmp_path, *overrides)

    return elsewhere


def without(folder, stage: str):
    """Makes a run forget a stage and returns its folder."""
    manifest = json.loads((folder / "run.json").read_text(encoding="utf-8"))
    del manifest["stages"][stage]
    (folder / "run.json").write_text(json.dumps(manifest), encoding="utf-8")
    return folder


def files(folder, *stages: str):
    """The files of some stages, kept and rejected rows and history."""
    found = {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*.parquet")}
    return {name: content for name, content in found.items() if any(stage in name.split("/") for stage in stages)}


@pytest.mark.parametrize("stage", ["seed", "augment", "respond"])
def test_the_next_stage_on_another_machine_gives_the_same_bytes_as_all_on_one(go_on, parts, stage):
    folder = go_on(f"stage={stage}", f"hub.from={REPO}@demo").path
    done = {*stages_before(stage), stage}
    assert files(folder, *done) == {n: c for n, c in parts.items() if done & set(n.split("/"))} != {}


@pytest.mark.parametrize("revision", ["demo", "demo/seed", "commit"])
def test_a_revision_is_a_branch_a_tag_or_a_commit_and_the_commit_is_written_down(go_on, hub, revision):
    commit = hub.branches(REPO)["demo"]
    name = commit if revision == "commit" else revision
    entry = go_on("stage=seed", f"hub.from={REPO}@{name}").manifest["stages"]["prescreen"]
    assert entry["from"] == {"repo_id": REPO, "revision": name, "commit": commit}


def test_a_commit_stays_what_it_was_when_the_branch_goes_on(go_on, hub, folder, parts):
    publish(config_of(folder, revision="moving"))
    commit = hub.branches(REPO)["moving"]
    without(folder, "seed")
    publish(config_of(folder, revision="moving"))
    augmented = files(go_on("stage=augment", f"hub.from={REPO}@{commit}").path, "augment")
    assert augmented == {name: content for name, content in parts.items() if "augment" in name.split("/")}


def test_a_stage_that_is_there_already_is_up_to_date_and_not_read_again(go_on, hub, caplog):
    go_on("stage=seed", f"hub.from={REPO}@demo")
    before = len(hub.requests)
    caplog.set_level("INFO", "fanno_hf")
    go_on("stage=seed", f"hub.from={REPO}@demo")
    assert "seed: up to date" in caplog.text
    assert not [r.path for r in hub.requests[before:] if r.path.endswith(".parquet")]


def test_the_second_machine_may_push_to_the_branch_of_the_first(go_on, hub, folder):
    publish(config_of(without(folder, "respond"), revision="shared"))
    publish(config_of(go_on("stage=respond", f"hub.from={REPO}@shared").path, revision="shared"))
    assert load_dataset(REPO, revision="shared", split="train").num_rows > 0


@pytest.mark.parametrize("route", ["resolve", "head", "info", "tree"])
@pytest.mark.parametrize("status", [503, "lost"])
def test_a_hub_that_is_away_for_a_moment_is_waited_for(go_on, hub, parts, route, status):
    hub.fault(route, status)
    folder = go_on("stage=seed", f"hub.from={REPO}@demo").path
    assert files(folder, "prescreen") == {n: c for n, c in parts.items() if "prescreen" in n.split("/")}


def test_a_hub_that_stays_away_is_given_up_with_one_sentence(go_on, hub):
    hub.fault("info", 503, times=3)
    with pytest.raises(FannoError, match=r"hub\.from=tester/fanno@demo failed 3 times, at last with: 503") as caught:
        go_on("stage=seed", f"hub.from={REPO}@demo", "hub.retries=2")
    assert "\n" not in str(caught.value)


def test_rows_of_another_commit_are_never_taken_instead(folder, tmp_path):
    """`load_dataset` falls back on what its cache holds of any commit when the Hub fails."""
    with loopback_hub(tmp_path / "home") as (hub, _):
        publish(config_of(folder))
        load_dataset(REPO, "prescreen", revision="demo")
        publish(config_of(without(folder, "seed"), revision="changed"))
        for route in ("head", "resolve"):
            hub.fault(route, 503, skip=1, times=500)
        with pytest.raises(FannoError):
            small_run(tmp_path, "stage=seed", f"hub.from={REPO}@changed", "hub.retries=0")


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["stage=all", f"hub.from={REPO}@demo"], "hub.from=tester/fanno@demo gives the stages before one"),
        (["stage=prescreen", f"hub.from={REPO}@demo"], "and stage=prescreen has none"),
        (["stage=seed", f"hub.from={REPO}@nowhere"], "there is no such branch, tag or commit"),
        (["stage=seed", "hub.from=tester/nobody@demo"], "there is no such repository on"),
        (["stage=seed", f"hub.from={REPO}"], "is no run of fanno_hf; revisions there: "),
        (["stage=seed", "hub.from=a/b/c"], "hub.from=a/b/c is no data set on the Hub"),
        (["stage=seed", f"hub.from='{REPO}@a..b'"], "is no branch, tag or commit"),
    ],
)
def test_a_mistake_is_said_in_one_sentence(go_on, overrides, said):
    with pytest.raises(UserError) as caught:
        go_on(*overrides)
    assert said in str(caught.value) and "\n" not in str(caught.value)


def test_a_stage_that_the_revision_lacks_is_named(go_on, folder):
    publish(config_of(without(folder, "seed"), revision="lacking"))
    with pytest.raises(UserError, match="has no stage seed; it has: prescreen"):
        go_on("stage=augment", f"hub.from={REPO}@lacking")


OTHER = "its run.json is not that of a run of fanno_hf"
NEWER = r"was made by fanno_hf 7\.0 \(run format 9; this one reads 1\): use that version"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        *((content, OTHER) for content in (b"{", b"[]", b"{}", b'{"format": 1, "stages": []}')),
        (b'{"format": 9, "fanno_hf": "7.0", "stages": {}}', NEWER),
    ],
)
def test_a_run_json_of_another_kind_is_said_so(go_on, hub, content, said):
    hub.commit(REPO, "odd", {"run.json": content})
    with pytest.raises(UserError, match=said):
        go_on("stage=seed", f"hub.from={REPO}@odd")


FAULTS = {
    "seed": [None, [1], "x"],
    "seed.kept": [None, "many", -1, 1.5],
    "seed.rejected": [[1], {"x": "y"}],
    "seed.config": [None, {}, "x", {"stages": {}}],
    "seed.teacher": [None, ["x"]],
    "seed.digests": [None, {"tags": 7}],
    "seed.tags": ["x", {}, {"task_types": [7], "characteristics": [7], "styles": [7]}],
    "seed.documents": ["x"],
    "seed.seconds": ["x", -1],
    "seed.prompt_tokens": [10**400],
    "packages": ["x"],
    "../../x": [{}],
}


@pytest.mark.parametrize(("key", "value"), [(key, value) for key, values in FAULTS.items() for value in values])
def test_a_hostile_run_json_is_refused_and_leaves_nothing_behind(go_on, hub, tmp_path, key, value):
    manifest = json.loads(hub.files(REPO, "demo")["run.json"])
    at, _, name = ("", "", key) if "/" in key else key.rpartition(".")
    place = manifest["stages"][at] if at else manifest if key == "packages" else manifest["stages"]
    place[name] = value
    hub.commit(REPO, "hostile", {**hub.files(REPO, "demo"), "run.json": json.dumps(manifest).encode()})
    with pytest.raises(UserError, match="its run.json is not that of a run of fanno_hf"):
        go_on("stage=augment", f"hub.from={REPO}@hostile")
    assert not (tmp_path / "run" / "run.json").exists()


def test_a_run_json_whose_counts_were_changed_is_refused(go_on, hub):
    manifest = json.loads(hub.files(REPO, "demo")["run.json"])
    manifest["stages"]["seed"]["kept"] = 9012
    hub.commit(REPO, "changed", {**hub.files(REPO, "demo"), "run.json": json.dumps(manifest).encode()})
    with pytest.raises(UserError, match="its run.json has been changed since fanno_hf wrote it"):
        go_on("stage=augment", f"hub.from={REPO}@changed")


@pytest.mark.parametrize(
    ("rows", "said"),
    [
        (b"junk", "the config prescreen cannot be read"),
        ("lacking", "prescreen has no column community"),
        ("nulls", "prescreen has rows without document_id"),
    ],
)
def test_rows_that_are_not_what_they_should_be_are_said_so(go_on, hub, folder, rows, said):
    files = dict(hub.files(REPO, "demo"))
    path = "prescreen/train-00000-of-00001.parquet"
    if rows in ("lacking", "nulls"):
        columns = {"text": ["a"]} if rows == "lacking" else {**dict.fromkeys(DOCUMENT, [None]), "text": ["a"]}
        Dataset.from_dict(columns).to_parquet(folder / "odd.parquet")
        rows = (folder / "odd.parquet").read_bytes()
        head = b"---\nconfigs:\n- config_name: prescreen\n  data_files: prescreen/train-*\n---\n"
        files["README.md"] = head
    hub.commit(REPO, f"odd-{len(rows)}", {**files, path: rows})
    with pytest.raises(UserError, match=said):
        go_on("stage=seed", f"hub.from={REPO}@odd-{len(rows)}")


def test_a_revision_that_names_no_packages_leaves_a_folder_that_goes_on(go_on, hub):
    manifest = json.loads(hub.files(REPO, "demo")["run.json"])
    del manifest["packages"]
    hub.commit(REPO, "bare", {**hub.files(REPO, "demo"), "run.json": json.dumps(manifest).encode()})
    with pytest.raises(FannoError):
        go_on("stage=seed", f"hub.from={REPO}@bare", "stages.seed.combinations=97", "budget.requests=1")
    assert go_on("stage=seed", f"hub.from={REPO}@bare").manifest["stages"]["seed"]["kept"] > 0


def test_other_rows_that_are_there_are_replaced_on_request_alone(go_on, parts):
    folder = go_on("stage=prescreen", "stages.prescreen.min_tokens=27").path
    before = files(folder, "prescreen")
    with pytest.raises(UserError, match="has other rows of prescreen already: give another run=, or force=true"):
        go_on("stage=seed", f"hub.from={REPO}@demo")
    assert files(folder, "prescreen") == before
    go_on("stage=seed", f"hub.from={REPO}@demo", "force=true")
    assert files(folder, "prescreen") == {n: c for n, c in parts.items() if "prescreen" in n.split("/")}


@pytest.mark.parametrize(
    ("origin", "parts"),
    [
        *(("me/fanno@demo/seed", ("me/fanno", "demo/seed")), ("me/fanno", ("me/fanno", "main"))),
        ("fanno@v1", ("fanno", "v1")),
    ],
)
def test_an_origin_is_a_repository_and_a_revision(origin, parts):
    assert split_origin("hub.from", origin) == parts

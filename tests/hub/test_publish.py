"""stage=publish and hub.push: every stage a config, a commit and a tag; repeated, nothing; after any fault, completed."""

import json
import os
import shutil
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import pytest
from datasets import load_dataset

from fanno_hf.errors import FannoError, StageEmpty, UserError
from fanno_hf.hub.publish import Publisher, publish, push_in_passing
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.markdown import plain
from fanno_hf.pipeline.plan import STAGES, tables_of
from tests.conftest import edit_run_json, small_run
from tests.doubles.hub import HubServer
from tests.hub.conftest import REPO, TOKEN, config_of

# enough for what has nothing to do with the stages
ON_TWO_STAGES = pytest.mark.parametrize("folder", ["halfway"], indirect=True)
ON_THE_FIRST_STAGE = pytest.mark.parametrize("folder", ["begun"], indirect=True)


def manifest(folder: Path) -> dict:
    return json.loads((folder / "run.json").read_text(encoding="utf-8"))


def rows(folder: Path, config: str) -> list[dict]:
    with closing(RunFolder(folder)) as run:
        return run.read_rows(config).to_list()


def keep(folder: Path, stage: str, places: list[int], key: str = "output", config: str | None = None) -> None:
    """Rewrites a table of a run: these rows of the stage's are left."""
    with closing(RunFolder(folder)) as run:
        run.manifest["stages"][stage][key] = run.write_rows(config or stage, run.read_rows(stage).select(places))
        run.write_manifest()


def loaded(config: str, revision: str = "demo") -> list[dict]:
    return load_dataset(REPO, config, revision=revision, split="train").to_list()


def test_every_config_is_loaded_as_it_was_pushed(push, folder):
    push()
    configs = [table.name for table in tables_of(manifest(folder))]
    assert {"default", "seed", "rejected_seed", "history_augment"} <= set(configs)
    assert {name: loaded(name) for name in configs} == {name: rows(folder, name) for name in configs}


@ON_TWO_STAGES
def test_the_commit_is_written_down_and_tagged(push, hub, folder):
    push()
    commits = {stage: entry["hub"]["commit"] for stage, entry in manifest(folder)["stages"].items()}
    assert commits == {stage: hub.tags(REPO)[f"demo/{stage}"] for stage in ("prescreen", "seed")}
    assert set(commits.values()) == {hub.branches(REPO)["demo"]}


@ON_TWO_STAGES
def test_a_second_push_makes_no_commit_and_sends_no_rows(push, hub, folder):
    push()
    before = hub.branches(REPO), hub.tags(REPO), manifest(folder), hub.count("upload")
    push()
    assert (hub.branches(REPO), hub.tags(REPO), manifest(folder), hub.count("upload")) == before


@ON_TWO_STAGES
def test_a_push_from_a_copy_that_knows_nothing_of_the_first_makes_no_commit(push, hub, folder):
    push()
    before = hub.branches(REPO)
    edit_run_json(folder, lambda content: [entry.pop("hub") for entry in content["stages"].values()])
    push()
    assert hub.branches(REPO) == before


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize(("settings", "private"), [({}, True), ({"private": False}, False)])
def test_the_repository_is_private_unless_it_is_asked_for(push, hub, settings, private):
    push(**settings)
    assert hub.repositories() == {REPO: private}
    assert list(hub.files(REPO, "main")) == [".gitattributes"]


@ON_THE_FIRST_STAGE
def test_a_public_repository_that_is_there_is_named(push, hub, caplog):
    hub.create(REPO, private=False)
    push()
    assert "public: everybody sees what is pushed" in caplog.text


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize("revision", ["main", "v2/run"])
def test_the_branch_is_the_one_asked_for(push, hub, revision):
    push(revision=revision)
    assert "prescreen/train-00000-of-00001.parquet" in hub.files(REPO, revision)


@ON_TWO_STAGES
def test_a_config_that_has_no_rows_any_more_leaves_the_branch(push, hub, folder):
    push()
    keep(folder, "seed", [], key="output_rejected", config="rejected_seed")
    push()
    card = hub.files(REPO, "demo")["README.md"].decode()
    assert not [path for path in hub.files(REPO, "demo") if path.startswith("rejected/seed")]
    assert "config_name: rejected_seed" not in card


@ON_TWO_STAGES
def test_a_stage_that_was_done_again_moves_its_tag_and_the_commit_before_stays_what_it_was(push, hub, folder):
    push()
    before, count = hub.tags(REPO), len(rows(folder, "seed"))
    keep(folder, "seed", [0])
    push()
    moved = {name for name, commit in hub.tags(REPO).items() if commit != before[name]}
    assert moved == {"demo/seed"}
    assert (len(loaded("seed", before["demo/seed"])), len(loaded("seed"))) == (count, 1)


def test_each_stage_is_pushed_when_it_is_done(tmp_path, waits, hub):
    small_run(tmp_path, "hub.push=true", f"hub.repo_id={REPO}")
    tags = hub.tags(REPO)
    assert list(tags) == [f"run/{stage}" for stage in STAGES]
    assert len(set(tags.values())) == len(STAGES)


@ON_TWO_STAGES
@pytest.mark.parametrize(
    "damage", [lambda path: path.unlink(), lambda path: path.write_bytes(path.read_bytes()[:-50])]
)
def test_a_damaged_table_is_refused_and_the_good_one_stays(push, hub, folder, damage):
    push()
    before = hub.branches(REPO)
    damage(folder / "seed" / "train-00000-of-00001.parquet")
    with pytest.raises(UserError, match="demo/seed is missing, or is not what run.json names: run stage=seed again"):
        push()
    assert hub.branches(REPO) == before


@ON_TWO_STAGES
def test_a_stage_made_from_other_rows_is_named(push, folder, caplog):
    keep(folder, "prescreen", [0])
    push()
    assert "seed was made from other rows than the stages before it have now" in caplog.text


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize("revision", ["main", None])
@pytest.mark.parametrize("path", ["data/train.csv", "seed/mine.txt", "report.html"])
def test_data_of_somebody_else_is_left_alone(push, hub, revision, path):
    hub.create(REPO)
    hub.commit(REPO, "main", {path: b"mine"})
    with pytest.raises(UserError, match=f"the branch main holds other data \\({path}\\)"):
        push(revision=revision)
    assert hub.files(REPO, "main")[path] == b"mine"


@ON_THE_FIRST_STAGE
def test_files_that_came_later_stay(push, hub):
    push()
    hub.commit(REPO, "demo", {"seed/notes.txt": b"mine"})
    push()
    assert hub.files(REPO, "demo")["seed/notes.txt"] == b"mine"


@ON_THE_FIRST_STAGE
def test_another_run_on_the_branch_is_named_before_it_leaves(push, hub, halfway, tmp_path, caplog):
    other = shutil.copytree(halfway, tmp_path / "other")
    publish(config_of(other, revision="shared"))
    push(revision="shared")
    assert "tester/fanno@shared held seed of another run; earlier commits still have it" in caplog.text
    assert load_dataset(REPO, "seed", revision="other/seed", split="train").num_rows > 0


@ON_THE_FIRST_STAGE
def test_a_hub_that_fails_while_a_run_goes_on_costs_a_warning(folder, waits, hub, caplog):
    publisher = Publisher(config_of(folder, retries=2).hub, "demo")
    publisher.prepare()
    hub.fault("commit", 500, times=3)
    with closing(RunFolder(folder)) as run:
        push_in_passing(publisher, run)
    assert "pushing prescreen failed" in caplog.text
    assert "The run goes on, and tries again at its end" in caplog.text


# ---- faults: the push ends right, or stops with one sentence and is completed by repeating it

ROUTES = ("create", "info", "branch", "preupload", "lfs_batch", "upload", "commit", "tree", "refs", "tag")
FAULTS = [
    *((route, {"status": status}) for route in ROUTES for status in (429, 500)),
    *((route, {"status": 409}) for route in ("create", "branch", "upload", "commit", "tag")),
    *((route, {"status": "lost"}) for route in ROUTES),
    *((route, {"status": "lost", "after": True}) for route in ("create", "branch", "commit", "tag", "upload")),
    *(("commit", {"status": s, "after": True, "skip": skip}) for skip, s in enumerate((503, 504, "lost"))),
    *(("upload", {"status": "truncated", "skip": skip}) for skip in (0, 1)),
    *(("verify", {"status": 500}), ("head", {"status": 503}), ("resolve", {"status": "truncated"})),
]


def expected_state(hub, folder: Path) -> None:
    """Everything is there, once."""
    files = hub.files(REPO, "demo")
    configs = tables_of(manifest(folder))
    assert {f"{table.folder}/train-00000-of-00001.parquet" for table in configs} <= set(files)
    done = manifest(folder)["stages"].keys()
    assert {name.removeprefix("demo/") for name in hub.tags(REPO)} == set(done)
    assert json.loads(files["run.json"])["stages"].keys() == done
    messages = [commit.message for commit in hub.commits(REPO, "demo")]
    assert len(messages) == len(set(messages))


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize(("route", "fault"), FAULTS, ids=lambda value: str(value))
def test_a_fault_is_overcome_or_overcome_by_repeating(push, hub, folder, route, fault):
    hub.fault(route, **fault)
    try:
        push()
    except FannoError as error:
        assert "\n" not in str(error) and TOKEN not in str(error)
        push()
    expected_state(hub, folder)


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize(
    ("status", "retry_after", "waited"),
    [*((status, None, [1.0, 2.0, 4.0]) for status in (409, 412, 429, 500, 503)), (429, 7, [7.0, 7.0, 7.0])],
)
def test_a_busy_hub_is_waited_for_as_long_as_it_asks(push, hub, folder, waits, status, retry_after, waited):
    hub.fault("commit", status, times=3, retry_after=retry_after)
    push()
    expected_state(hub, folder)
    assert waits == waited


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize("status", [409, 503, "lost"])
def test_a_hub_that_stays_away_is_given_up_with_one_sentence(push, hub, folder, status):
    hub.fault("commit", status, times=3)
    said = r"pushing prescreen failed 3 times, at last with: .*run the same command again"
    with pytest.raises(FannoError, match=said):
        push(retries=2)
    push()
    expected_state(hub, folder)


@ON_THE_FIRST_STAGE
def test_a_commit_of_somebody_else_in_between_is_built_upon(push, hub, folder):
    hub.conflict(REPO, "demo", "notes.md", b"hello")
    push()
    expected_state(hub, folder)
    assert hub.files(REPO, "demo")["notes.md"] == b"hello"


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize("status", [400, 401, 403, 422])
def test_what_will_not_pass_is_not_tried_again(push, hub, waits, status):
    hub.fault("commit", status)
    with pytest.raises(FannoError):
        push()
    assert waits == []


# ---- mistakes, found before anything is sent


@ON_THE_FIRST_STAGE
@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"repo_id": None}, "hub.repo_id is missing: give the data set to push to"),
        ({"repo_id": "me/a/b"}, "hub.repo_id=me/a/b is no data set on the Hub"),
        ({"repo_id": "fanno"}, "hub.repo_id=fanno lacks its owner"),
        ({"repo_id": "me/a b"}, "is no data set on the Hub"),
        ({"revision": "a..b"}, "hub.revision=a..b is no name for a branch"),
        ({"revision": "HEAD"}, "hub.revision=HEAD is no name for a branch"),
        ({"revision": "0123456789" * 4}, "is no name for a branch"),
        ({"revision": "a b"}, "hub.revision=a b is no name for a branch"),
    ],
)
def test_a_wrong_name_is_found_before_anything_is_sent(push, hub, settings, said):
    with pytest.raises(UserError, match=said.replace(".", r"\.")):
        push(**settings)
    assert hub.requests == []


@ON_THE_FIRST_STAGE
def test_a_missing_token_is_found_before_anything_is_sent_and_a_saved_one_not_used(push, hub, monkeypatch, tmp_path):
    monkeypatch.delenv("HF_TOKEN")
    (tmp_path / "home").mkdir(exist_ok=True)
    (tmp_path / "home" / "token").write_text(TOKEN, encoding="utf-8")
    with pytest.raises(UserError, match="needs a token with write access in the environment variable HF_TOKEN"):
        push()
    assert hub.requests == []


@pytest.mark.parametrize(
    ("token", "said"), [("", "HF_TOKEN"), ("hf_another", "HF_TOKEN is not accepted or may not write there")]
)
def test_a_token_that_may_not_write_is_found_before_a_run_pays_for_anything(tmp_path, waits, monkeypatch, token, said):
    monkeypatch.setenv("HF_TOKEN", token)
    with pytest.raises(UserError, match=said):
        small_run(tmp_path, "hub.push=true", f"hub.repo_id={REPO}")
    assert not (tmp_path / "run" / "journal.sqlite").exists()


def test_a_run_that_has_done_nothing_says_so(tmp_path, waits):
    with pytest.raises(UserError, match="has no stage that is done"):
        publish(config_of(tmp_path / "new"))


@ON_TWO_STAGES
def test_of_a_run_that_stopped_the_hub_has_the_rows_that_say_why_and_no_earlier_ones(push, hub, folder, tmp_path):
    push()
    with pytest.raises(StageEmpty) as stopped:
        small_run(tmp_path, f"run={folder}", "stage=prescreen", "stages.prescreen.min_tokens=500")
    push()
    files = hub.files(REPO, "demo")
    assert {name.rpartition("/")[0] for name in files if name.endswith(".parquet")} == {"rejected/prescreen"}
    assert f"> {plain(str(stopped.value))}".encode() in files["README.md"] and b"Stale" not in files["README.md"]
    assert {row["reason"] for row in loaded("rejected_prescreen")} == {"too_short"}
    with pytest.raises(
        UserError, match="stage=seed reads the rows of prescreen, and there are none. The stage prescreen"
    ):
        small_run(tmp_path, f"run={tmp_path / 'elsewhere'}", "stage=seed", f"hub.from={REPO}@demo")


# ---- secrets


def test_the_token_is_written_nowhere(tmp_path, waits, hub, capfd):
    hub.fault("commit", 403)
    logged = ("stage=prescreen", "hub.push=true", f"hub.repo_id={REPO}", "log_level=DEBUG")
    small_run(tmp_path, *logged)
    written = [path for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) > 10
    assert [path for path in written if TOKEN.encode() in path.read_bytes()] == []
    assert [path for path, content in hub.files(REPO, "run").items() if TOKEN.encode() in content] == []
    assert TOKEN not in "".join(capfd.readouterr())


def test_no_path_of_this_machine_is_published(tmp_path, waits, hub):
    other = tmp_path / "earlier.jsonl"
    other.write_text('{"text": "Ferns unroll their leaves in spring."}\n', encoding="utf-8")
    pushed = ("stage=prescreen", "hub.push=true", f"hub.repo_id={REPO}")
    small_run(tmp_path, *pushed, f"stages.prescreen.against=[{other}]")
    assert [p for p, content in hub.files(REPO, "run").items() if str(tmp_path).encode() in content] == []


@ON_THE_FIRST_STAGE
def test_a_process_of_its_own_finds_the_hub_and_the_token_in_its_environment(folder, tmp_path):
    with HubServer(token=TOKEN) as hub:
        command = [sys.executable, "-m", "fanno_hf", "stage=publish", f"run={folder}", f"hub.repo_id={REPO}"]
        environment = {**os.environ, **hub.environment(tmp_path / "home", TOKEN)}
        ended = subprocess.run(command, env=environment, cwd=tmp_path, capture_output=True, text=True)
        assert (ended.returncode, list(hub.tags(REPO))) == (0, ["demo/prescreen"])
    assert TOKEN not in ended.stdout + ended.stderr

"""The card says what run.json knows, is valid, and gives away nothing of the machine."""

import json
import re
from types import SimpleNamespace as Bag

import pytest
import yaml
from datasets import load_dataset
from huggingface_hub import DatasetCard
from omegaconf import OmegaConf

from fanno_hf.cli.command import shown_command
from fanno_hf.cli.configuration import hide_keys
from fanno_hf.output.card import render_card, without_paths
from fanno_hf.pipeline.plan import tables_of
from tests.conftest import SMALL, small_run
from tests.hub.conftest import loopback_hub


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture
def manifest(made):
    return json.loads((made / "run.json").read_text(encoding="utf-8"))


def head(card: str) -> dict:
    return yaml.safe_load(card.split("---\n")[1])


def cell(card: str, label: str) -> str:
    """What the table says beside a label."""
    return re.search(rf"^\| {re.escape(label)} \| (.*) \|$", card, re.MULTILINE)[1]


def test_the_hub_finds_it_valid(manifest, tmp_path):
    with loopback_hub(tmp_path / "home") as (hub, _):
        DatasetCard(render_card(manifest, "demo")).validate(repo_type="dataset")
        assert hub.count("validate", 200) == 1


def test_every_config_of_the_folder_loads(made, manifest):
    names = [table.name for table in tables_of(manifest)]
    assert {"default", "seed", "rejected_seed", "history_augment", "history_respond"} < set(names)
    assert all(load_dataset(str(made), name, split="train").num_rows > 0 for name in names)


@pytest.mark.parametrize(
    ("rows", "category"),
    [(999, "n<1K"), (1000, "1K<n<10K"), (10_000, "10K<n<100K"), (52_002, "10K<n<100K"), (10**8, "n>10M")],
)
def test_the_size_is_that_of_the_last_stage(manifest, rows, category):
    manifest["stages"]["respond"]["kept"] = rows
    assert head(render_card(manifest, "demo"))["size_categories"] == [category]


def test_a_licence_that_nobody_stated_is_not_invented(manifest):
    card = render_card(manifest, "demo")
    assert "license" not in head(card)
    assert cell(card, "licence of the documents") == "not stated by their source"


def test_the_licence_of_the_documents_is_inherited(manifest):
    about = {"name": "owner/pages", "split": "train", "revision": "0123abcd", "license": "cc-by-4.0"}
    manifest["stages"]["prescreen"]["documents"] = about
    card = render_card(manifest, "demo")
    assert head(card)["license"] == "cc-by-4.0"
    assert cell(card, "documents") == "`owner/pages, train`"
    assert cell(card, "revision of the documents") == "`0123abcd`"


def test_what_made_it_is_in_it(manifest):
    card = render_card(manifest, "demo", license_="cc0-1.0", repo_id="me/fanno", revision="demo", hub_head={})
    assert [head(card)[key] for key in ("pretty_name", "license", "tags")] == [
        "demo",
        "cc0-1.0",
        ["synthetic", "fanno"],
    ]
    assert cell(card, "licence of the pairs") == "`cc0-1.0`, as set by who made them"
    for label in ("teacher and revision", "embedder and revision", "tokenizer", "random seed", "packages"):
        assert cell(card, label)
    for section in ("Limits and known biases", "Citation", "Reproduce it", "Funnel", "Load it"):
        assert f"## {section}\n" in card
    entry = manifest["stages"]["seed"]
    assert re.search(rf"\| seed +\| +{entry['rows_in']} \| +{entry['kept']} \|", card)
    tags = entry["digests"]["tags"][:16]
    assert re.search(rf"^\| seed \| `[0-9a-f]{{16}}` \| `{tags}` \|", card, re.MULTILINE)
    block = re.search(r"```yaml\n(.*?)```", card, re.DOTALL)[1]
    assert yaml.safe_load(block)["augment"]["exploration"] == 3.0
    assert 'pairs = load_dataset("me/fanno", revision="demo", split="train")' in card


def test_the_command_of_each_stage_is_in_it_once(manifest):
    for entry in manifest["stages"].values():
        entry["command"] = "python -m fanno_hf data=files data.path=PATH"
    manifest["stages"]["respond"]["command"] = "python -m fanno_hf stage=respond"
    card = render_card(manifest, "demo")
    assert card.count("python -m fanno_hf data=files data.path=PATH\n") == 1
    assert "python -m fanno_hf stage=respond\n" in card


def test_figures_are_shown_where_there_are_some(manifest):
    figure = {"name": "pulls", "alt": "Bars.", "caption": "How often."}
    assert "![Bars.](figures/pulls.png)" in render_card(manifest, "demo", figures=[figure])


def test_a_run_that_has_only_begun_has_a_card(manifest):
    manifest["stages"] = {"prescreen": manifest["stages"]["prescreen"]}
    card = render_card(manifest, "demo")
    assert f"\n{manifest['stages']['prescreen']['kept']} passages, made from" in card
    assert 'prescreen = load_dataset(folder, "prescreen", split="train")' in card


def test_what_the_server_did_not_tell_is_said(manifest):
    manifest["stages"]["seed"] |= {"verdicts_from_text": 1234, "estimated": 56}
    card = render_card(manifest, "demo")
    assert cell(card, "verdicts from text").startswith("0 or 1 (1,234 of them)")
    assert cell(card, "token counts").startswith("estimated for 56 answers")


def test_what_the_server_told_needs_no_word(manifest):
    card = render_card(manifest, "demo")
    assert "verdicts from text" not in card and "estimated" not in card


def test_what_a_path_of_the_machine_was_is_cut_to_its_name():
    value = {"against": ["/home/me/runs/old", "runs/older", {"path": "~/notes"}], "threshold": 0.5}
    assert without_paths(value) == {"against": ["old", "runs/older", {"path": "notes"}], "threshold": 0.5}


def called(tmp_path, *overrides, name="config"):
    """What Hydra knows of a call with these overrides."""
    sources = [Bag(path=str(tmp_path / "recipes"), provider="command-line")] if name != "config" else []
    return Bag(runtime=Bag(config_sources=sources), job=Bag(config_name=name), overrides=Bag(task=list(overrides)))


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("data.path=/home/me/notes", " data.path=PATH"),
        ("data.path='/home/me/my notes/moss'", " data.path=PATH"),
        ("data.path=clients/acme", " data.path=PATH"),
        ("decontamination.benchmarks=[/my evals/a.jsonl,b.jsonl]", " 'decontamination.benchmarks=[PATH,b.jsonl]'"),
        ("teacher.base_url=http://user:secret@10.0.0.7:8080", " teacher.base_url=URL"),
        ("teacher.base_url=[http://a:1,http://b:2]", " 'teacher.base_url=[URL,URL]'"),
        ("stages.prescreen.against=[/data/old.jsonl,runs/older]", " 'stages.prescreen.against=[PATH,runs/older]'"),
        ("stages.seed.combinations=2", " stages.seed.combinations=2"),
        ("run=/home/me/run", ""),
        ("hub.repo_id=me/private", ""),
        ("journal=/home/me/journal", ""),
    ],
)
def test_the_command_is_shown_without_what_belongs_to_one_machine(tmp_path, override, shown):
    assert shown_command(called(tmp_path, override)) == f"python -m fanno_hf{shown}"
    recipe = shown_command(called(tmp_path, override, name="fanno-v1"))
    assert recipe == f"python -m fanno_hf -cd recipes -cn fanno-v1{shown}"


@pytest.mark.parametrize(
    ("override", "shown"),
    [
        ("+mykey=open-sesame-4711", " '+mykey=***'"),
        ("+open-sesame-4711=1", " '+***=1'"),
        ("teacher.system='The key: o p e n-sesame-4711'", " 'teacher.system='\"'\"'The key: ***'\"'\"''"),
        ("teacher.model=open-sesame-7b", " teacher.model=open-sesame-7b"),
    ],
)
def test_the_command_is_shown_without_the_key_of_the_run(monkeypatch, tmp_path, override, shown):
    monkeypatch.setenv("TEACHER_KEY", "open-sesame-4711")
    hide_keys(OmegaConf.create({"teacher": {"api_key_env": "TEACHER_KEY"}, "judge": {"_target_": None}}))
    assert shown_command(called(tmp_path, override)) == f"python -m fanno_hf{shown}"


def test_the_command_of_a_real_call_is_written_down(cli, documents, tmp_path):
    cli(*SMALL, "stage=prescreen", "data=files", f"data.path={documents}", "run=demo")
    entry = json.loads((tmp_path / "runs" / "demo" / "run.json").read_text(encoding="utf-8"))["stages"]["prescreen"]
    assert entry["command"].startswith("python -m fanno_hf teacher=scripted")
    assert entry["command"].endswith("stage=prescreen data=files data.path=PATH")

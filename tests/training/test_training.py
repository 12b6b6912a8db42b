"""stage=train with a model of some 100,000 weights: what it learns, what it saves, and what it says of what it cannot."""

import csv
import json
import shutil
from pathlib import Path

import pytest
import yaml
from transformers import AutoModelForCausalLM, AutoTokenizer

from fanno_hf.errors import FannoError, UserError
from fanno_hf.training import lessons, training
from fanno_hf.training.folder import RECORD, StudentFolder, without_paths
from fanno_hf.training.training import train
from tests.doubles.tiny_model import TEMPLATE, make
from tests.training.conftest import PAIRS


@pytest.fixture(scope="module")
def trained(tmp_path_factory, settings_in) -> Path:
    """The run of a student with a template from a file."""
    folder = tmp_path_factory.mktemp("trained")
    (folder / "mine.jinja").write_text(TEMPLATE, encoding="utf-8")
    train(settings_in(folder, f"train.template={folder / 'mine.jinja'}", "train.max_steps=2"))
    return folder / "run"


def answer(model, tokenizer, instruction: str) -> str:
    """What a model answers, by transformers alone."""
    turns = [{"role": "user", "content": instruction}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    made = model.generate(**ids, max_new_tokens=40, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert made[-1] == tokenizer.eos_token_id, "it does not stop by itself"
    return tokenizer.decode(made, skip_special_tokens=True)


def test_a_student_learns_its_pairs_by_heart_and_stops(settings, tmp_path):
    train(settings("train.max_steps=90", "train.batch_size=32", "train.micro_batch_size=32", "train.save_steps=1000"))
    folder = tmp_path / "run" / "students" / "student"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert [answer(model, tokenizer, pair["instruction"]) for pair in PAIRS[:8]] == [p["output"] for p in PAIRS[:8]]
    with open(folder / "loss.csv", encoding="utf-8") as file:
        assert float(list(csv.DictReader(file))[-1]["loss"]) < 0.1
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def test_what_is_finished_is_up_to_date_until_something_that_decides_it_changes(trained, settings, tmp_path):
    shutil.copytree(trained, tmp_path / "run")
    same = (f"train.template={trained.parent / 'mine.jinja'}", "train.max_steps=2")
    assert train(settings(*same, "train.log_steps=3")).endswith("is up to date")
    assert "2 steps" in train(settings(*same, "force=true"))
    assert "1 steps" in train(settings(*same, "train.max_steps=1"))


@pytest.mark.parametrize("file", ["model.safetensors", "tokenizer.json"])
def test_a_student_that_is_no_longer_whole_is_made_again(file, trained, settings, tmp_path, caplog):
    shutil.copytree(trained, tmp_path / "run")
    (tmp_path / "run" / "students" / "student" / file).unlink()
    train(settings(f"train.template={trained.parent / 'mine.jinja'}", "train.max_steps=2"))
    assert f"{file} is not as it was written" in caplog.text
    assert (tmp_path / "run" / "students" / "student" / file).is_file()


def test_nothing_else_is_left_and_no_path_of_this_machine(trained, tiny):
    students = trained / "students"
    assert sorted(path.name for path in students.iterdir() if path.suffix != ".lock") == ["student"]
    files = {path.name: path.read_bytes() for path in (students / "student").iterdir()}
    assert {"README.md", "loss.csv", "loss.png", "training.json", "model.safetensors", "tokenizer.json"} < set(files)
    assert [name for name, content in files.items() if b"local_files_only" in content] == []
    assert json.loads(files[RECORD])["model"] == tiny  # where stage=evaluate finds the base
    others_get = {**files, RECORD: without_paths(students / "student")}
    ways = {str(Path(way).parent).encode() for way in (tiny, trained, trained.parent)}
    assert [name for name, content in others_get.items() if any(way in content for way in ways)] == []
    assert b"mine.jinja" in files["README.md"] and b'"model": "tiny"' in others_get[RECORD]


def test_a_folder_is_no_model_of_the_hub(settings, tmp_path, tiny, monkeypatch):
    shutil.copytree(tiny, tmp_path / "a" / "packaged")
    monkeypatch.chdir(tmp_path)
    train(settings("train.model=a/packaged", "train.max_steps=1"))
    head = (tmp_path / "run" / "students" / "student" / "README.md").read_text().split("---")[1]
    assert "base_model" not in yaml.safe_load(head)


def test_pairs_that_are_too_long_are_left_out_and_counted_and_never_cut(settings, tmp_path, caplog):
    long = {**PAIRS[0], "output": "water " * 400}
    (tmp_path / "mixed.json").write_text(json.dumps([*PAIRS[:8], long, {**PAIRS[1], "output": " "}]), encoding="utf-8")
    train(settings(f"train.data={tmp_path / 'mixed.json'}", "train.max_length=60", "train.max_steps=1"))
    record = json.loads((tmp_path / "run" / "students" / "student" / "training.json").read_text())
    data = record["data"]
    assert (data["read"], data["without_answer"], data["too_long"], data["trained_on"]) == (10, 1, 1, 8)
    assert "1 of 9 pairs have more than train.max_length=60 tokens" in caplog.text
    assert "1 of 10 pairs have no answer" in caplog.text


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_base_model_without_a_template_gets_one_and_its_end(method, settings, tmp_path):
    base = make(tmp_path / "base", template=None)
    train(settings(f"train.model={base}", f"train.method={method}", "train.max_steps=1"))
    folder = tmp_path / "run" / "students" / "student"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    turns = [{"role": "user", "content": "why"}, {"role": "assistant", "content": "so"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False) == (
        "<|text|><|user|>\nwhy<|end|>\n<|assistant|>\nso<|end|>\n"
    )
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id == tokenizer.convert_tokens_to_ids("<|end|>")


def test_an_adapter_alone_is_small_and_loads_with_its_base(settings, tmp_path):
    train(settings("train.method=lora", "train.merge=false", "train.max_steps=1"))
    folder = tmp_path / "run" / "students" / "student"
    assert not (folder / "model.safetensors").exists()
    assert AutoModelForCausalLM.from_pretrained(folder).peft_config


def test_several_pairs_share_a_sequence(settings, tmp_path):
    train(settings("train.packing=true", "train.max_length=100", "train.epochs=1", "train.max_steps=null"))
    packed = json.loads((tmp_path / "run" / "students" / "student" / "training.json").read_text())
    assert packed["training"]["steps"] < len(PAIRS) / 8


@pytest.mark.parametrize(
    "rows",
    [
        [
            {
                "messages": [
                    {"role": "user", "content": p["instruction"]},
                    {"role": "assistant", "content": p["output"]},
                ]
            }
            for p in PAIRS
        ],
        [{"prompt": p["instruction"], "completion": p["output"]} for p in PAIRS],
        [
            {"conversations": [{"from": "human", "value": p["instruction"]}, {"from": "gpt", "value": p["output"]}]}
            for p in PAIRS
        ],
    ],
    ids=["messages", "prompt_completion", "sharegpt"],
)
def test_every_form_of_pairs_is_the_same_lesson(rows, settings, tmp_path):
    (tmp_path / "others.json").write_text(json.dumps(rows), encoding="utf-8")
    config = settings(f"train.data={tmp_path / 'others.json'}")
    assert lessons.read_lessons(config).sha256 == lessons.read_lessons(settings()).sha256


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["train.model=/nowhere/model"], "train.model=/nowhere/model is neither a folder nor a model on the Hub"),
        (["train.model={tmp}"], "is no model: it has no config.json"),
        (["train.data={tmp}/empty.json"], "none of its 1 pairs has an answer"),
        (["train.data={tmp}/no.json"], "no.json"),
        (["train.max_length=8"], "every pair is longer, the longest has"),
        (["train.micro_batch_size=3"], "train.batch_size=8 is no multiple of train.micro_batch_size=3"),
        (["train.template={tmp}/bad.jinja"], "chat template cannot render"),
        (["train.template={tmp}/endless.jinja"], "no special token ends an answer"),
        (["train.template=nowhere.jinja"], "train.template=nowhere.jinja cannot be read"),
        (["train.optimizer=magic"], "the trainer does not take these settings"),
        (["train.method=lora", "train.lora.targets=[nothing]"], "the trainer does not take these settings"),
        (["hub.push_model=true"], "hub.model_id is missing"),
        (["train.name=base"], "train.name=base means another model in evaluate.models"),
        (["train.max_length=600"], "train.max_length=600 is more than the 512 tokens"),
        (["train.name=../up"], "train.name=../up is no name of a folder"),
    ],
    ids=str,
)
def test_what_cannot_be_is_said_in_one_sentence(overrides, words, settings, tmp_path):
    (tmp_path / "empty.json").write_text(json.dumps([{**PAIRS[0], "output": ""}]), encoding="utf-8")
    (tmp_path / "bad.jinja").write_text("{{ raise_exception('no') }}", encoding="utf-8")
    (tmp_path / "endless.jinja").write_text("{% for m in messages %}{{ m['content'] }}{% endfor %}", encoding="utf-8")
    with pytest.raises(UserError) as raised:
        train(settings(*(word.format(tmp=tmp_path) for word in overrides)))
    assert words in str(raised.value) and "\n" not in str(raised.value)


def test_an_adapter_that_nobody_could_load_is_not_pushed(settings, monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "hf_of_a_test")
    with pytest.raises(UserError, match="train.merge=false: an adapter of .*tiny, a folder of this machine"):
        train(settings("hub.push_model=true", "hub.model_id=me/it", "train.method=lora", "train.merge=false"))


def test_a_mistyped_run_leaves_nothing(settings, tmp_path):
    with pytest.raises(UserError, match="typo is no run: run stage=all first"):
        train(settings(f"run={tmp_path / 'typo'}", "train.data=null"))
    assert not (tmp_path / "typo").exists()


def test_a_broken_model_is_named(settings, tmp_path, tiny):
    broken = shutil.copytree(tiny, tmp_path / "broken")
    (broken / "model.safetensors").write_bytes(b"\0" * 64)
    with pytest.raises(UserError, match="broken cannot be read as a model"):
        train(settings(f"train.model={broken}"))


def test_a_loss_that_is_no_number_ends_the_training(settings):
    with pytest.raises(FannoError, match="lower train.learning_rate"):
        train(settings("train.learning_rate=1e30", "train.max_grad_norm=0"))


@pytest.mark.parametrize("package", ["trl", "peft", "torch"])
def test_what_is_not_installed_is_named_with_its_command(package, settings, monkeypatch):
    find = training.find_spec
    monkeypatch.setattr(training, "find_spec", lambda name: None if name == package else find(name))
    with pytest.raises(UserError, match=rf"stage=train needs {package}.*pip install 'fanno_hf\[train\]'"):
        train(settings())


def test_two_processes_do_not_make_the_same_student(settings, tmp_path):
    with StudentFolder(str(tmp_path / "run"), "student"), pytest.raises(UserError, match="by another process"):
        train(settings())

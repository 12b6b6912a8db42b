"""stage=train with a model of some 100,000 weights: what it learns, what it saves, and what it says of what it cannot."""

import csv
import json
import logging
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from transformers import AutoModelForCausalLM, AutoTokenizer

from fanno_hf.cli.configuration import resolve
from fanno_hf.errors import FannoError, UserError
from fanno_hf.training import lessons, training
from fanno_hf.training.folder import StudentFolder
from fanno_hf.training.training import train
from tests.conftest import compose_config
from tests.doubles.tiny_model import make

ROOT = Path(__file__).resolve().parents[2]
WORDS = [
    "mosses",
    "drink",
    "water",
    "leaves",
    "roots",
    "bread",
    "rises",
    "yeast",
    "sugar",
    "gas",
    "tide",
    "moves",
    "moon",
    "sea",
    "good",
    "bad",
]
PAIRS = [
    {"instruction": f"why do {a} {b}", "input": "", "output": f"{b} {c} through the {a}"}
    for a, b, c in zip(
        WORDS * 2, [*WORDS[3:], *WORDS[:3], *WORDS[5:], *WORDS[:5]], WORDS[7:] + WORDS + WORDS, strict=False
    )
]


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> str:
    return make(tmp_path_factory.mktemp("models") / "tiny")


@pytest.fixture
def settings(tmp_path, tiny):
    """Settings of a full training on PAIRS, written as Alpaca."""
    (tmp_path / "pairs.json").write_text(json.dumps(PAIRS), encoding="utf-8")

    def make_settings(*overrides: str):
        defaults = (
            *(f"run={tmp_path / 'run'}", f"train.data={tmp_path / 'pairs.json'}", f"train.model={tiny}"),
            *("train.method=full", "train.max_steps=6", "train.save_steps=2", "train.log_steps=1"),
            *("train.batch_size=8", "train.micro_batch_size=8", "train.learning_rate=0.01"),
        )
        return resolve(compose_config(*defaults, *overrides))

    return make_settings


def answer(model, tokenizer, instruction: str) -> str:
    """What a model answers, by transformers alone."""
    turns = [{"role": "user", "content": instruction}]
    ids = tokenizer.apply_chat_template(turns, add_generation_prompt=True, return_tensors="pt", return_dict=True)
    made = model.generate(**ids, max_new_tokens=40, do_sample=False)[0, ids["input_ids"].shape[1] :]
    assert made[-1] == tokenizer.eos_token_id, "it does not stop by itself"
    return tokenizer.decode(made, skip_special_tokens=True)


def test_a_student_learns_its_pairs_by_heart_and_stops(settings, tmp_path):
    train(settings("train.max_steps=140", "train.batch_size=32", "train.micro_batch_size=32", "train.save_steps=1000"))
    folder = tmp_path / "run" / "students" / "student"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    assert [answer(model, tokenizer, pair["instruction"]) for pair in PAIRS[:8]] == [p["output"] for p in PAIRS[:8]]
    with open(folder / "loss.csv", encoding="utf-8") as file:
        assert float(list(csv.DictReader(file))[-1]["loss"]) < 0.1
    assert model.generation_config.eos_token_id == tokenizer.eos_token_id


def curve(folder) -> list[tuple[str, str]]:
    with open(folder / "loss.csv", encoding="utf-8") as file:
        return [(row["step"], row["loss"]) for row in csv.DictReader(file)]


def weights(folder) -> bytes:
    return (folder / "model.safetensors").read_bytes()


def test_a_killed_training_goes_on_from_its_last_checkpoint_and_ends_as_if_nothing_had_been(
    settings, tmp_path, caplog
):
    students = tmp_path / "run" / "students"
    train(settings("train.name=whole", "train.max_steps=12"))
    config = settings("train.name=killed", "train.max_steps=12").resolved
    words = [f"train.{key}={value}" for key, value in config["train"].items() if isinstance(value, int | float | str)]
    command = [sys.executable, "-m", "fanno_hf", "stage=train", f"run={config['run']}", *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        said = next((line for line in process.stderr if "step 7 of 12" in line), None)
        process.send_signal(signal.SIGKILL)
    assert said, "it ended before it was killed"
    checkpoints = sorted(path.name for path in (students / "killed.training").glob("checkpoint-*"))
    assert "checkpoint-6" in checkpoints
    (students / "killed.training" / "checkpoint-8").mkdir(exist_ok=True)  # one of which only the beginning was written
    with caplog.at_level(logging.INFO):
        train(settings("train.name=killed", "train.max_steps=12"))
    assert "going on from checkpoint-6" in caplog.text
    assert curve(students / "killed") == curve(students / "whole")
    assert weights(students / "killed") == weights(students / "whole")


def test_what_is_finished_is_up_to_date_until_something_that_decides_it_changes(settings):
    assert "6 steps" in train(settings())
    assert train(settings("train.log_steps=3")).endswith("is up to date")
    assert "6 steps" in train(settings("force=true"))
    assert "5 steps" in train(settings("train.max_steps=5"))


def test_nothing_else_is_left_and_no_path_of_this_machine(settings, tmp_path, tiny):
    train(settings())
    students = tmp_path / "run" / "students"
    assert sorted(path.name for path in students.iterdir() if path.suffix != ".lock") == ["student"]
    files = {path.name: path.read_bytes() for path in (students / "student").iterdir()}
    assert {"README.md", "loss.csv", "loss.png", "training.json", "model.safetensors", "tokenizer.json"} < set(files)
    assert [name for name, content in files.items() if b"local_files_only" in content] == []
    shown = {name: content for name, content in files.items() if name != "training.json"}
    assert [name for name, content in shown.items() if str(tmp_path).encode() in content] == []


def test_pairs_that_are_too_long_are_left_out_and_counted_and_never_cut(settings, tmp_path, caplog):
    long = {**PAIRS[0], "output": "water " * 400}
    (tmp_path / "mixed.json").write_text(json.dumps([*PAIRS[:8], long, {**PAIRS[1], "output": " "}]), encoding="utf-8")
    train(settings(f"train.data={tmp_path / 'mixed.json'}", "train.max_length=60"))
    record = json.loads((tmp_path / "run" / "students" / "student" / "training.json").read_text())
    data = record["data"]
    assert (data["read"], data["without_answer"], data["too_long"], data["trained_on"]) == (10, 1, 1, 8)
    assert "1 of 9 pairs have more than train.max_length=60 tokens" in caplog.text
    assert "1 of 10 pairs have no answer" in caplog.text


@pytest.mark.parametrize("method", ["lora", "full"])
def test_a_base_model_without_a_template_gets_one_and_stops(method, settings, tmp_path):
    base = make(tmp_path / "base", template=None)
    train(
        settings(
            f"train.model={base}",
            f"train.method={method}",
            "train.max_steps=120",
            "train.batch_size=32",
            "train.micro_batch_size=32",
            "train.save_steps=1000",
        )
    )
    folder = tmp_path / "run" / "students" / "student"
    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    said = answer(model, tokenizer, PAIRS[0]["instruction"])
    assert said == PAIRS[0]["output"] or method == "lora"  # of random weights, an adapter makes no speaker
    turns = [{"role": "user", "content": "why"}]
    assert tokenizer.apply_chat_template(turns, tokenize=False).startswith("<|text|><|user|>\nwhy")


def test_an_adapter_alone_is_small_and_loads_with_its_base(settings, tmp_path):
    train(settings("train.method=lora", "train.merge=false"))
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


@pytest.mark.long
def test_several_processes_train_one_student(settings, tmp_path):
    words = ["train.max_steps=4", "train.micro_batch_size=4", "train.name=together"]
    config = settings(*words).resolved
    words += [
        f"train.{key}={config['train'][key]}"
        for key in ("data", "model", "method", "learning_rate", "save_steps", "log_steps", "batch_size")
    ]
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
        "--mixed_precision",
        "no",
        "--dynamo_backend",
        "no",
    ]
    done = subprocess.run(
        [*launch, "-m", "fanno_hf", "stage=train", f"run={config['run']}", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("step 4 of 4") == 1  # the first process alone speaks
    train(settings("train.name=alone", "train.max_steps=4"))
    losses = [
        [float(loss) for _, loss in curve(tmp_path / "run" / "students" / name)] for name in ("together", "alone")
    ]
    assert losses[0] == pytest.approx(losses[1], abs=0.02)

"""A training that was stopped goes on from its last whole checkpoint, and ends as if nothing had been."""

import csv
import json
import logging
import resource
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from fanno_hf.errors import FannoError
from fanno_hf.training.checkpoints import last_checkpoint
from fanno_hf.training.training import train

ROOT = Path(__file__).resolve().parents[2]
STEPS = ("train.max_steps=12", "train.save_steps=3", "train.log_steps=5")


class Killed(BaseException):
    """Nothing is tidied up after it."""


class KillingAt(logging.Handler):
    """Ends a training at the words it says of a step."""

    def __init__(self, words: str):
        super().__init__()
        self._words = words

    def emit(self, record):
        if self._words in record.getMessage():
            raise Killed


@pytest.fixture(scope="module")
def whole(tmp_path_factory, settings_in) -> Path:
    """A student of 12 steps without a break."""
    folder = tmp_path_factory.mktemp("whole")
    train(settings_in(folder, *STEPS))
    return folder / "run" / "students" / "student"


@pytest.fixture(scope="module")
def killed(tmp_path_factory, settings_in) -> Path:
    """A run whose training ended at step 10, with checkpoints at 6 and 9."""
    folder, spoken = tmp_path_factory.mktemp("killed"), logging.getLogger("fanno_hf.training.trainer")
    handler, level = KillingAt("step 10 of 12"), spoken.level
    spoken.addHandler(handler)
    spoken.setLevel(logging.INFO)
    try:
        with pytest.raises(Killed):
            train(settings_in(folder, *STEPS))
    finally:
        spoken.removeHandler(handler)
        spoken.setLevel(level)
    return folder / "run"


def curve(folder: Path, *columns: str) -> list[tuple[str, ...]]:
    with open(folder / "loss.csv", encoding="utf-8") as file:
        return [tuple(row[name] for name in columns or ("step", "loss")) for row in csv.DictReader(file)]


def halve(file: Path) -> None:
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def turn_a_bit(file: Path) -> None:
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)


DAMAGES = {
    "begun": (lambda last: (last.parent / "checkpoint-11").mkdir(), "checkpoint-9"),  # its beginning was written
    "half": (lambda last: halve(last / "optimizer.pt"), "checkpoint-6"),
    "a bit": (lambda last: turn_a_bit(last / "optimizer.pt"), "checkpoint-6"),
    "half of the weights": (lambda last: halve(last / "model.safetensors"), "checkpoint-6"),
    "without the state of chance": (lambda last: (last / "rng_state.pth").unlink(), "checkpoint-6"),
}


@pytest.mark.parametrize(("damage", "whole_one"), DAMAGES.values(), ids=DAMAGES)
def test_the_last_whole_checkpoint_is_found_and_what_is_damaged_goes(damage, whole_one, killed, tmp_path):
    workshop = shutil.copytree(killed / "students" / "student.training", tmp_path / "student.training")
    damage(workshop / "checkpoint-9")
    assert last_checkpoint(workshop) == workshop / whole_one
    assert max(workshop.glob("checkpoint-*"), key=lambda path: int(path.name[11:])).name == whole_one


@pytest.mark.parametrize("name", ["begun", "a bit"])
def test_it_goes_on_from_the_last_whole_checkpoint(name, killed, whole, settings, tmp_path, caplog):
    damage, goes_on_from = DAMAGES[name]
    shutil.copytree(killed, tmp_path / "run")
    damage(tmp_path / "run" / "students" / "student.training" / "checkpoint-9")
    with caplog.at_level(logging.INFO):
        train(settings(*STEPS))
    student = tmp_path / "run" / "students" / "student"
    assert f"going on from {goes_on_from}" in caplog.text
    columns = ("step", "loss", "num_tokens", "mean_token_accuracy")
    assert curve(student, *columns) == curve(whole, *columns)
    assert (student / "model.safetensors").read_bytes() == (whole / "model.safetensors").read_bytes()
    assert json.loads((student / "training.json").read_text())["training"]["tokens_per_second"] > 0


@pytest.mark.parametrize("most", [100_000, 700_000], ids=["weights", "optimizer"])
def test_a_full_disk_is_said(most, settings, tmp_path):
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (most, before[1]))
    try:
        with pytest.raises(FannoError, match=r"The disk is full: .*student cannot be written"):
            train(settings())
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.long
def test_a_process_that_is_killed(settings, tmp_path):
    students = tmp_path / "run" / "students"
    train(settings("train.name=whole", "train.max_steps=12"))
    config = settings("train.name=killed", "train.max_steps=12").resolved
    words = [f"train.{key}={value}" for key, value in config["train"].items() if isinstance(value, int | float | str)]
    command = [sys.executable, "-m", "fanno_hf", "stage=train", f"run={config['run']}", *words]
    with subprocess.Popen(command, cwd=ROOT, stderr=subprocess.PIPE, text=True) as process:
        said = next((line for line in process.stderr if "step 7 of 12" in line), None)
        process.send_signal(signal.SIGKILL)
    assert said, "it ended before it was killed"
    assert (students / "killed.training" / "checkpoint-6").is_dir()
    train(settings("train.name=killed", "train.max_steps=12"))
    assert curve(students / "killed") == curve(students / "whole")
    weights = [(students / name / "model.safetensors").read_bytes() for name in ("killed", "whole")]
    assert weights[0] == weights[1]


@pytest.mark.long
def test_several_processes_train_one_student(settings, tmp_path):
    words = ["train.max_steps=4", "train.micro_batch_size=4", "train.name=together"]
    config = settings(*words).resolved
    keys = ("data", "model", "method", "learning_rate", "save_steps", "log_steps", "batch_size")
    words += [f"train.{key}={config['train'][key]}" for key in keys]
    launch = [sys.executable, "-m", "accelerate.commands.launch", "--cpu", "--num_processes", "2"]
    launch += ["--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command = [*launch, "-m", "fanno_hf", "stage=train", f"run={config['run']}", *words]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stderr.count("step 4 of 4") == 1  # the first process alone speaks
    train(settings("train.name=alone", "train.max_steps=4"))
    students = tmp_path / "run" / "students"
    losses = [[float(loss) for _, loss in curve(students / name)] for name in ("together", "alone")]
    assert losses[0] == pytest.approx(losses[1], abs=0.02)

"""What is loaded is whole, and its identity differs where anything that it says could differ."""

import json
import shutil
from pathlib import Path

import pytest

from fanno_hf.errors import UserError
from fanno_hf.students.language_model import identify, load
from tests.doubles.tiny_model import make


@pytest.fixture(scope="module")
def tiny(tmp_path_factory) -> Path:
    return Path(make(tmp_path_factory.mktemp("models") / "tiny"))


@pytest.fixture(scope="module")
def adapter(tiny, tmp_path_factory) -> Path:
    from peft import LoraConfig, get_peft_model

    folder = tmp_path_factory.mktemp("models") / "adapter"
    model = load(str(tiny), "k").model
    get_peft_model(model, LoraConfig(task_type="CAUSAL_LM", target_modules="all-linear")).save_pretrained(folder)
    shutil.copy(tiny / "tokenizer.json", folder)
    shutil.copy(tiny / "tokenizer_config.json", folder)
    return folder


def change(folder: Path, into: Path, file: str, change_tensors) -> str:
    """A copy of a model whose tensors are others."""
    from safetensors.torch import load_file, save_file

    shutil.copytree(folder, into)
    tensors = change_tensors(load_file(into / file))
    save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, into / file, {"format": "pt"})
    return str(into)


@pytest.mark.parametrize("kind", ["model", "adapter"])
def test_weights_that_are_missing_or_of_another_shape_are_named(kind, tiny, adapter, tmp_path):
    folder, file = {"model": (tiny, "model.safetensors"), "adapter": (adapter, "adapter_model.safetensors")}[kind]
    less = change(
        folder, tmp_path / "less", file, lambda all_: {n: t for n, t in all_.items() if "layers.1." not in n}
    )
    with pytest.raises(UserError, match=r"less lacks weights .* \(model\.layers\.1\..*, …\)"):
        load(less, "train.model")
    other = change(
        folder, tmp_path / "other", file, lambda all_: {n: t[:3] if "1.mlp.up" in n else t for n, t in all_.items()}
    )
    with pytest.raises(
        UserError, match=r"train\.model=.*other has weights in another shape .*layers\.1\.mlp\.up_proj"
    ):
        load(other, "train.model")


def test_what_is_whole_is_loaded(tiny, adapter):
    assert load(str(tiny), "k").identity == identify(str(tiny), "k")
    assert load(str(adapter), "k").model.peft_config


@pytest.mark.parametrize(
    "file", ["tokenizer_config.json", "generation_config.json", "model.safetensors", "pytorch_model.bin"]
)
def test_a_file_that_is_another_makes_another_model(file, tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "copy")
    assert identify(str(copy), "k") == identify(str(tiny), "k")
    with open(copy / file, "ab") as changed:
        changed.write(b" ")
    assert identify(str(copy), "k") != identify(str(tiny), "k")


def test_what_is_said_of_a_model_is_no_part_of_it(tiny, tmp_path):
    copy = shutil.copytree(tiny, tmp_path / "copy")
    for name in ("README.md", "training.json", "loss.csv"):
        (copy / name).write_text("{}")
    assert identify(str(copy), "k") == identify(str(tiny), "k")


def test_another_base_makes_another_adapter(adapter, tiny, tmp_path):
    copy = shutil.copytree(adapter, tmp_path / "copy")
    base = shutil.copytree(tiny, tmp_path / "base")
    (copy / "adapter_config.json").write_text(json.dumps({"base_model_name_or_path": str(base)}))
    before = identify(str(copy), "k")
    make(base, seed=1)
    assert identify(str(copy), "k") != before
    shutil.rmtree(base)
    with pytest.raises(UserError, match=r"k=.*copy: the base of its adapter=.*base is neither a folder nor a model"):
        identify(str(copy), "k")

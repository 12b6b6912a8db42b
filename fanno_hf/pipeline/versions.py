"""The versions of the packages that may matter to a run: {"datasets": "5.0.0", "numpy": "2.3.1", …}"""

from contextlib import suppress
from functools import cache
from importlib import metadata
from pathlib import Path

import fanno_hf
from fanno_hf.identity import digest, file_sha256

PACKAGES = ("datasets", "huggingface_hub", "sentence-transformers", "faiss-cpu", "torch", "numpy", "pyarrow")


def versions() -> dict[str, str]:
    """Returns the versions of those that are installed; models need what [local] brings."""
    return {name: version for name in PACKAGES if (version := _version(name))}


def source_digest() -> str:
    """Returns eight characters that another version of our own code does not have: a checkout has no version of its own."""
    folder = Path(fanno_hf.__file__).parent
    return digest([[path.relative_to(folder).as_posix(), file_sha256(path)] for path in sorted(folder.rglob("*.py"))])[
        :8
    ]


@cache
def _version(package: str) -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None

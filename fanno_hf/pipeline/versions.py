"""The versions of the packages that may matter to a run: {"datasets": "5.0.0", "numpy": "2.3.1", …}"""

from contextlib import suppress
from functools import cache
from importlib import metadata

PACKAGES = ("datasets", "huggingface_hub", "sentence-transformers", "faiss-cpu", "torch", "numpy", "pyarrow")


def versions() -> dict[str, str]:
    """Returns the versions of those that are installed; models need what [local] brings."""
    return {name: version for name in PACKAGES if (version := _version(name))}


@cache
def _version(package: str) -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None

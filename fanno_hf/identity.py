"""How a row, a prompt or a run gets its name and its random numbers: by hashing what it is made of.

content_id("Mosses have no roots.")  ->  "f24f7f3e5cd8b54b" on every machine, in any order, after any crash
"""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any


def content_id(*parts: str | None) -> str:
    """Returns 16 hexadecimal digits that name a row by its content (sha256 over the JSON of its parts)."""
    return digest(list(parts))[:16]


def digest(value: Any) -> str:
    """Returns the sha256 (64 hexadecimal digits) of a JSON-able value, the same for equal values on every machine."""
    canonical = json.dumps(value, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    return hashlib.sha256(canonical.encode("utf-8", "surrogatepass")).hexdigest()


def file_sha256(path: Path) -> str:
    """Returns the sha256 (64 hexadecimal digits) of a file."""
    sha256 = hashlib.sha256()
    with open(path, "rb") as file:
        while block := file.read(1 << 20):
            sha256.update(block)
    return sha256.hexdigest()


def hashed(documents: Iterable[Mapping[str, Any]], sha256: Any) -> Iterator[Mapping[str, Any]]:
    """Hands documents on and adds each to a hash of `hashlib`: its text, source, title and places."""
    for document in documents:
        decisive = [document[name] for name in ("text", "source", "title", "places")]
        sha256.update(bytes.fromhex(digest(decisive)))
        yield document


def spread_seed(random_seed: int, *names: str | int) -> list[int]:
    """Spreads the one `random_seed` over stages and rows: entropy for `numpy.random.default_rng`.

    Strings are hashed, so the seed of a row depends on its content and never on the order of arrival.
    """
    return [random_seed, *(int(digest(name)[:8], 16) if isinstance(name, str) else name for name in names)]


def request_seed(random_seed: int, *names: str | int) -> int:
    """Returns the sampling seed of one request, in [0, 2**31)."""
    return int(digest([random_seed, *names])[:8], 16) & 0x7FFFFFFF

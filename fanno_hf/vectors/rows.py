"""The rows of the embedding store: what they are found by, and what tells whether they are whole.

"Mosses have no roots."  ->  its key, 16 bytes; with its vector, a checksum of 4 bytes
"""

import hashlib
import zlib
from collections.abc import Sequence

import numpy as np

from fanno_hf.errors import UserError

KEY = 16
"""Bytes of a key."""
SUM = 4
"""Bytes of a checksum."""


def key_of(text: str) -> bytes:
    """Returns the key of a text: KEY bytes, the same for equal texts."""
    return hashlib.blake2b(text.encode("utf-8", "surrogatepass"), digest_size=KEY).digest()


def whole_chunks(keys: bytes) -> bytes:
    """Leaves out a chunk whose first key is not there: texts are embedded again in the company that they had."""
    rows = np.frombuffer(keys[: len(keys) // KEY * KEY], dtype="<u8").reshape(-1, KEY // 8)
    missing = np.flatnonzero(~rows.any(axis=1))
    return keys[: KEY * missing[0]] if len(missing) else keys


def checksums(keys: bytes, vectors: np.ndarray) -> np.ndarray:
    """Returns the CRC-32 of each row's key and vector: uint32, shape (n_rows,)."""
    content, size = memoryview(vectors).cast("B"), vectors.itemsize * vectors.shape[1]
    return np.asarray(
        [
            zlib.crc32(content[size * row : size * (row + 1)], zlib.crc32(keys[KEY * row : KEY * (row + 1)]))
            for row in range(len(vectors))
        ],
        dtype="<u4",
    )


def are_units(vectors: np.ndarray) -> np.ndarray:
    """Returns whether each row is of unit length: bool, shape (n_rows,)."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.abs(np.linalg.norm(vectors, axis=1) - 1.0) < 1e-3


def check(vectors: np.ndarray, texts: Sequence[str], identity: str) -> None:
    """What is stored stays, so a vector that would spoil every comparison is refused first. Raises UserError: one is not of unit length."""
    for row in np.flatnonzero(~are_units(vectors))[:1]:
        raise UserError(
            f"The embedder {identity} gives a vector of length {np.linalg.norm(vectors[row])} for the text {texts[row][:60]!r}: "
            "choose another (embedder=…), or drop the text"
        )

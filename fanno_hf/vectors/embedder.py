"""From text to vectors of unit length.

["Mosses have no roots."]  ->  float32, shape (1, 384), every row of length 1
"""

import hashlib
import logging
from collections.abc import Sequence
from importlib.util import find_spec
from typing import Protocol

import numpy as np

from fanno_hf.errors import UserError, needs_extra, raise_if_disk_full
from fanno_hf.hub_token import hub_words
from fanno_hf.packaged import find_packaged_file, install_command
from fanno_hf.texts.segment import words

logger = logging.getLogger(__name__)

BACKENDS = {"torch": (), "onnx": ("optimum", "onnxruntime"), "openvino": ("optimum", "openvino")}
"""What runs a sentence-transformers model -> the modules it needs."""
DTYPES = ("float32", "bfloat16", "float16")


class Embedder(Protocol):
    """What turns texts into vectors."""

    identity: str  # names the model; part of the fingerprint of every stage that embeds

    def check_installed(self) -> None:
        """Raises UserError, with the pip command, where a library it needs is not installed; imports nothing."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32, shape (len(texts), dimension), rows of unit length."""

    def close(self) -> None:
        """Lets go of connections, where it has any."""


class SentenceTransformerEmbedder:
    """Any sentence-transformers model: by Hub name, by folder, or from a Python package that carries it.

    Args:
        model: Hub name or folder; ignored where `package` is given.
        revision: of the Hub model.
        package, pattern, sha256, version: where a packaged model lies (see `find_packaged_file`).
        backend: "torch", or "onnx" or "openvino" where they are installed.
        dtype: of the weights; None leaves them as they were saved. The vectors are float32 in any case.
        languages, related_from: for the settings that name them; no vector depends on them.
    """

    def __init__(
        self,
        model: str | None = None,
        *,
        revision: str | None = None,
        package: str | None = None,
        pattern: str | None = None,
        sha256: str | None = None,
        version: str | None = None,
        batch_size: int = 32,
        device: str | None = None,
        backend: str = "torch",
        dtype: str | None = None,
        languages: Sequence[str] | None = None,
        related_from: float | None = None,
    ):
        if not package and not model:
            raise UserError("embedder.model is empty: give a sentence-transformers model or use embedder=minilm")
        if backend not in BACKENDS:
            raise UserError(f"embedder.backend={backend}: it can be {', '.join(BACKENDS)}")
        if dtype is not None and (dtype not in DTYPES or backend != "torch"):
            raise UserError(
                f"embedder.dtype={dtype}: with backend=torch it can be {', '.join(DTYPES)}, else nothing but null"
            )
        self._package = (package, pattern, sha256, version) if package else None
        self._name, self._revision = model, revision
        self._batch_size, self._device, self._backend, self._dtype = batch_size, device, backend, dtype
        self._model = None
        name = f"{package}@{sha256[:12]}" if package else f"{model}@{revision or 'main'}"
        self.identity = ", ".join([name, *([backend] if backend != "torch" else []), *([dtype] if dtype else [])])

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Embeds texts; the model is loaded at the first call."""
        if self._model is None:
            self._model = self._load()
        if not texts:
            return np.zeros((0, self._model.get_embedding_dimension()), dtype=np.float32)
        vectors = self._model.encode(
            list(texts), batch_size=self._batch_size, normalize_embeddings=True, show_progress_bar=False
        ).astype(np.float32)
        # what was made unit long in half precision is not
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True) if self._dtype else vectors

    def check_installed(self) -> None:
        """Raises UserError, with the pip command, where a library it needs is not installed; imports nothing."""
        lacking = [package for package in BACKENDS[self._backend] if find_spec(package) is None]
        if lacking:
            raise UserError(
                f"embedder.backend={self._backend} needs {' and '.join(lacking)}, not installed here: "
                f"pip install 'sentence-transformers[{self._backend}]', or use embedder.backend=torch"
            )
        if find_spec("sentence_transformers") is None:
            also = install_command(self._package[0], self._package[-1]) if self._package else None
            raise needs_extra(f"The embedder {self.identity}", "sentence-transformers", "local", also)

    def close(self) -> None:
        """It has no connection."""

    def _load(self):
        self.check_installed()
        from sentence_transformers import SentenceTransformer  # brings torch: seconds to import

        name, how = self._name, {"revision": self._revision}
        if self._package:
            folder = find_packaged_file(*self._package).parent
            logger.info("loading the embedder %s", folder.parent.name)
            name, how = str(folder), {"local_files_only": True}
        if self._dtype:
            how["model_kwargs"] = {"dtype": self._dtype}
        try:
            return SentenceTransformer(name, device=self._device, backend=self._backend, **how)
        except (OSError, ValueError) as error:
            raise_if_disk_full(error)
            raise UserError(f"embedder.model={name}: cannot be loaded ({hub_words(error)})") from error


class HashingEmbedder:
    """A bag of hashed words: no model, the same everywhere. For tests and recipes that must run in seconds."""

    def __init__(
        self, dimension: int = 256, languages: Sequence[str] | None = None, related_from: float | None = None
    ):
        self._dimension = dimension
        self.identity = f"hashing-{dimension}"

    def check_installed(self) -> None:
        """It needs nothing."""

    def close(self) -> None:
        """It has no connection."""

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Counts each word in the cell that its hash names."""
        vectors = np.zeros((len(texts), self._dimension), dtype=np.float32)
        for row, text in enumerate(texts):
            for word in words(text.casefold()) or [""]:
                cell = int.from_bytes(hashlib.blake2b(word.encode(), digest_size=4).digest(), "big") % self._dimension
                vectors[row, cell] += 1.0
        return vectors / np.linalg.norm(vectors, axis=1, keepdims=True)

"""Vectors on disk, by their text: nothing is embedded twice in the life of a run.

    runs/demo/embeddings/3f2a…/  embedder.json   whose vectors these are, and their dimension
                                 vectors.f32     float32, row after row, memory-mapped
                                 checksums       4 bytes for each row: of its key and its vector
                                 keys            16 bytes for each row: the hash of its text

They only grow, a chunk at a time, the keys last, and of these the first one: what a killed process left half written is cut off. A row that is another one
than was written is found when the store is opened and taken out: its text is embedded again.
"""

import json
import logging
import os
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np

from fanno_hf.errors import UserError
from fanno_hf.identity import digest
from fanno_hf.progress_bar import ProgressBar
from fanno_hf.vectors.embedder import Embedder
from fanno_hf.vectors.rows import KEY, SUM, are_units, check, checksums, key_of, whole_chunks
from fanno_hf.whole_files import whole_file

logger = logging.getLogger(__name__)

CHUNK = 2_048
"""Texts embedded and written together, sorted by length among themselves; a crash loses no more than one chunk."""
_READ = 16_384  # vectors checked at a time
_SAME = 0.9  # cosine of a text's vectors by one model, at least, whatever it computes with; those of two models are unrelated
GATHERED = 512  # vectors copied at a time; each may bring 64 kB of its neighbours into memory


class EmbeddingStore:
    """An embedder that remembers.

    The chunks of what is missing are the same after a crash, so a run that goes on has the very vectors of one that was
    never stopped. (The last bits of a vector depend on the texts it is embedded with, whatever the model.) An embedder that has
    `arrivals` is a server: what it gives is written as it arrives, and a run that goes on asks it for one vector again, since some
    servers call any model by the same name. Each embedder has a folder of its own in `folder`, made when it is needed.
    """

    def __init__(self, embedder: Embedder, folder: Path):
        self.identity = embedder.identity
        self._embedder, self.check_installed = embedder, embedder.check_installed
        self._folder = Path(folder, digest(embedder.identity)[:16])
        self._lock = threading.Lock()
        self._rows: dict[bytes, int] | None = None
        self._vectors: np.ndarray | None = None
        self._witness: str | None = None  # a text whose vector was there before
        self._is_recognised = not hasattr(embedder, "arrivals")

    def encode(self, texts: Sequence[str]) -> np.ndarray:
        """Returns float32, shape (len(texts), dimension), rows of unit length; read-only.

        Texts are read one after the other, so they may be a column of a data set on disk. So are the vectors where
        the texts are asked for in the order in which they were first seen: then nothing is copied into memory.
        Raises UserError where the embedder gives a vector that is not finite or not of unit length, or a server another one than
        before. From any thread.
        """
        with self._lock:
            self._open()
            rows = self._find_or_embed(texts)
            if self._vectors is None or not len(rows):
                return self._embedder.encode([]) if self._vectors is None else self._vectors[:0]
            if (np.diff(rows) == 1).all():
                return self._vectors[rows[0] : rows[0] + len(rows)]
            return self._gather(rows)

    def embedded_by(self, other: Callable[[Embedder], Embedder]) -> "EmbeddingStore":
        """Returns a store of the same vectors, where another embedder computes those that are missing; before the first."""
        return EmbeddingStore(other(self._embedder), self._folder.parent)

    def absorb(self, folder: Path) -> None:
        """Takes over the vectors of the same embedder from another store's folder, those of known texts left out.

        That one may be in use: nothing is written there.
        """
        other = EmbeddingStore(self._embedder, folder)
        if not other._folder.exists():
            return
        self._open()
        other._open(is_ours=False)
        new = [(key, row) for key, row in other._rows.items() if key not in self._rows]
        for start in range(0, len(new), CHUNK):
            keys, rows = zip(*new[start : start + CHUNK], strict=True)
            self._append(list(keys), other._vectors[list(rows)])

    def _find_or_embed(self, texts: Sequence[str]) -> np.ndarray:
        """Returns the row of each text: int64, shape (len(texts),)."""
        keys = [key_of(text) for text in texts]
        first = {key: place for place, key in reversed(list(enumerate(keys))) if key not in self._rows}
        missing = sorted(first.values())
        if not self._is_recognised:
            known = next((place for place, key in enumerate(keys) if key in self._rows), None)
            self._witness = self._witness if known is None else texts[known]
            if missing:
                self._recognise()
        with ProgressBar("embed", len(missing), "texts") as bar:
            size = getattr(self._embedder, "at_once", CHUNK)
            for start in range(0, len(missing), size):
                places = missing[start : start + size]
                chunk = [texts[place] for place in places]
                # each CHUNK for itself, however many are embedded at once
                order = np.lexsort(([-len(text) for text in chunk], np.arange(len(chunk)) // CHUNK))
                longest_first = [chunk[place] for place in order]
                for part, vectors in self._embed(longest_first):
                    check(vectors, longest_first[part], self.identity)
                    came = order[part]
                    self._append([keys[places[place]] for place in np.sort(came)], vectors[np.argsort(came)])
                    bar.update(len(came))
        return np.fromiter((self._rows[key] for key in keys), dtype=np.int64, count=len(keys))

    def _recognise(self) -> None:
        """Compares a vector with what the server says of its text now, before any is added."""
        if self._witness is not None:
            before, now = self._vectors[self._rows[key_of(self._witness)]], self._embedder.encode([self._witness])[0]
            # one of another length is refused when it is to be written
            if len(now) == len(before) and (cosine := float(now @ before)) < _SAME:
                raise UserError(
                    f"{self.identity} gives another vector for {self._witness[:60]!r} than it gave before (cosine {cosine:.2f}): "
                    f"serve the model of before, or delete {self._folder} and all texts are embedded again"
                )
        self._is_recognised = True

    def _embed(self, texts: Sequence[str]) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields (places in `texts`, their vectors), each part when it is there."""
        if hasattr(self._embedder, "arrivals"):
            return self._embedder.arrivals(texts)
        return iter([(slice(0, len(texts)), self._embedder.encode(texts))])

    def _open(self, *, is_ours: bool = True) -> None:
        """Reads the keys, once, and leaves out what a killed process left half written and what is damaged."""
        if self._rows is not None:
            return
        keys = whole_chunks(self._read("keys") or b"")
        if not keys:  # they are written last: without them nothing else need be whole
            self._rows = {}
            return
        dimension, held = self._shape()
        sums = self._read("checksums")  # None of a store from before there were any
        count = min(len(keys) // KEY, held, held if sums is None else len(sums) // SUM)
        keys, sums = keys[: KEY * count], None if sums is None else sums[: SUM * count]
        whole = self._find_whole(keys, sums, dimension, is_ours)
        self._tell(count - int(whole.sum()))
        if is_ours and not whole.all():
            keys = self._take_out(keys, whole, dimension)
            whole = whole[whole]
        self._rows = {keys[KEY * row : KEY * (row + 1)]: int(row) for row in np.flatnonzero(whole)}
        self._map(len(whole), dimension)

    def _read(self, name: str) -> bytes | None:
        return self._file(name).read_bytes() if self._file(name).exists() else None

    def _shape(self) -> tuple[int, int]:
        """Returns the dimension of the vectors, and how many there are at most."""
        try:
            dimension = json.loads(self._file("embedder.json").read_text(encoding="utf-8"))["dimension"]
            if not isinstance(dimension, int) or dimension < 1:
                raise ValueError(f"dimension {dimension}")
            return dimension, self._file("vectors.f32").stat().st_size // (4 * dimension)
        except (OSError, ValueError, KeyError, TypeError, RecursionError) as error:
            raise UserError(
                f"{self._folder} cannot be read ({error}): delete it and its texts are embedded again"
            ) from error

    def _find_whole(self, keys: bytes, kept: bytes | None, dimension: int, is_ours: bool) -> np.ndarray:
        """Looks at every row once, for a damaged one would spoil every comparison: bool, shape (n_rows,).

        A store without checksums is given them; of its rows only the length tells whether they are whole.
        """
        sums, units = np.empty(len(keys) // KEY, dtype="<u4"), np.ones(len(keys) // KEY, dtype=bool)
        for rows, vectors in self._blocks(len(sums), dimension):
            sums[rows] = checksums(keys[KEY * rows.start : KEY * rows.stop], vectors)
            if kept is None:
                units[rows] = are_units(vectors)
        if kept is not None:
            return sums == np.frombuffer(kept, dtype="<u4")
        if is_ours:
            self._replace("checksums", [np.where(units, sums, ~sums).tobytes()])
        return units

    def _blocks(self, count: int, dimension: int) -> Iterator[tuple[slice, np.ndarray]]:
        """Yields (rows, their vectors), a part of the file at a time."""
        with open(self._file("vectors.f32"), "rb") as file:
            for start in range(0, count, _READ):
                size = min(_READ, count - start)
                yield (
                    slice(start, start + size),
                    np.fromfile(file, "<f4", size * dimension).reshape(size, dimension),
                )

    def _tell(self, damaged: int) -> None:
        if damaged:
            words = "1 damaged vector counts" if damaged == 1 else f"{damaged} damaged vectors count"
            logger.warning("%s: %s as not there, and what a run needs of it is embedded again", self._folder, words)

    def _take_out(self, keys: bytes, whole: np.ndarray, dimension: int) -> bytes:
        """Writes the files anew without the damaged rows, and returns their keys. A process that dies between two files
        leaves rows that their checksums do not fit, which are taken out the next time."""
        rows = np.flatnonzero(whole)
        kept_keys = np.frombuffer(keys, dtype=f"V{KEY}")[rows].tobytes()
        sums = np.fromfile(self._file("checksums"), dtype="<u4")[rows]
        blocks = self._blocks(len(whole), dimension)
        self._replace("vectors.f32", (vectors[whole[part]].tobytes() for part, vectors in blocks))
        self._replace("checksums", [sums.tobytes()])
        self._replace("keys", [kept_keys])
        return kept_keys

    def _replace(self, name: str, parts: Iterable[bytes]) -> None:
        with whole_file(self._file(name)) as file:
            file.writelines(parts)

    def _append(self, keys: list[bytes], vectors: np.ndarray) -> None:
        """Writes rows; a key is on the disk only when its vector and checksum are."""
        count, dimension = len(self._rows), vectors.shape[1]
        if count and dimension != (held := self._vectors.shape[1]):
            what = f"{self._folder} has vectors of {held} numbers, and {self.identity} gives {dimension}"
            raise UserError(f"{what}: take the one of before, or delete the folder and its texts are embedded again")
        if not count:
            self._folder.mkdir(parents=True, exist_ok=True)
            about = {"embedder": self.identity, "dimension": dimension}
            self._file("embedder.json").write_text(json.dumps(about) + "\n", encoding="utf-8")
        content, names = np.ascontiguousarray(vectors, dtype="<f4"), b"".join(keys)
        self._write(self._file("vectors.f32"), 4 * dimension * count, content.tobytes())
        self._write(self._file("checksums"), SUM * count, checksums(names, content).tobytes())
        self._write(self._file("keys"), KEY * count, names, last=KEY)
        self._rows.update(zip(keys, range(count, count + len(keys)), strict=True))
        self._map(len(self._rows), dimension)

    @staticmethod
    def _write(path: Path, place: int, content: bytes, last: int = 0) -> None:
        """Writes to the end of a file, so many of the first bytes last: until they are there, zeros are in their place."""
        try:
            with open(path, "r+b" if path.exists() else "wb") as file:
                file.truncate(place)
                for start, part in ((last, content[last:]), (0, content[:last])):
                    file.seek(place + start)
                    file.write(part)
                    file.flush()
                os.fsync(file.fileno())
        except OSError as error:
            error.filename = str(path)  # a failed write does not say which file it was
            raise

    def _gather(self, rows: np.ndarray) -> np.ndarray:
        """Copies rows in any order; mapped anew for each part, so that the pages are not held beside the copy."""
        found = np.empty((len(rows), self._vectors.shape[1]), dtype=np.float32)
        for start in range(0, len(rows), GATHERED):
            self._map(*self._vectors.shape)
            found[start : start + GATHERED] = self._vectors[rows[start : start + GATHERED]]
        self._map(*self._vectors.shape)
        found.flags.writeable = False
        return found

    def _map(self, count: int, dimension: int) -> None:
        if count:
            self._vectors = np.memmap(self._file("vectors.f32"), "<f4", "r", shape=(count, dimension)).view(np.ndarray)

    def _file(self, name: str) -> Path:
        return self._folder / name

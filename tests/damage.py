"""Random damage of good bytes, and what must hold of each reader of foreign bytes: what was written, or an error in words."""

import json
import os
import random
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import Any

import numpy as np
from fanno_hf.sources.formats import read_rows, read_texts

from fanno_hf.errors import FannoError
from fanno_hf.output.card import render_card
from fanno_hf.output.manifest import read_manifest
from fanno_hf.output.table import funnel_table
from fanno_hf.output.tables import RunTables
from fanno_hf.teacher.base import Completion
from fanno_hf.teacher.journal import Journal
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.store import EmbeddingStore

EXAMPLES = int(os.environ.get("FANNO_EXAMPLES", "40"))
"""Examples of each property; more by the environment variable."""

FILE = "train-00000-of-00001.parquet"
ANSWERS = {
    bytes([number]) * 32: Completion(f"Why do mosses dry? {number} " * 20, "stop", 17, number, [("Why", -0.25)])
    for number in range(12)
}


TEXTS = [f"Moss number {number} drinks through its leaves." for number in range(40)]


class Silent(AssertionError):
    """Content came out changed, and nothing said so."""


def damaged(content: bytes, rng: random.Random) -> bytes:
    """Returns bytes with one to three changes: bits, bytes, pieces that are cut, doubled, zeroed or put in."""
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(content) + 1)
        until = min(len(content), at + rng.choice((1, 2, 8, 64, 1024)))
        match rng.randrange(7):
            case 0 | 1 if at < len(content):
                content = content[:at] + bytes([content[at] ^ 1 << rng.randrange(8)]) + content[at + 1 :]
            case 2:
                content = content[:at] + rng.randbytes(until - at) + content[until:]
            case 3:
                content = content[:at] + content[until:]
            case 4:
                content = content[:at] + content[at:until] * 2 + content[until:]
            case 5:
                content = content[:at] + bytes(until - at) + content[until:]
            case 6:
                content = content[:at] if rng.random() < 0.3 else content[:at] + rng.randbytes(4) + content[at:]
    return content


def make_journal(path: Path) -> bytes:
    """Makes a journal of ANSWERS and returns its bytes."""
    with closing(Journal(path)) as journal:
        for key, answer in ANSWERS.items():
            journal.put(key, answer)
    return path.read_bytes()


def check_journal(path: Path, content: bytes) -> bool:
    """Reads a journal of these bytes as a run does; returns whether it was told to be damaged as a whole.

    Raises Silent where it answers what was never written, and any error that is not told in words.
    """
    for old in path.parent.glob(f"{path.name}*"):
        old.unlink()
    path.write_bytes(content)
    new = Completion("a new answer")
    try:
        with closing(Journal(path)) as journal:
            for key, answer in ANSWERS.items():
                written = [answer]
                if (found := journal.get(key)) is None:
                    journal.put(key, new)
                    found = journal.get(key)
                    written.append(new)  # a damaged index may hide a record, and show it again when it grows
                if found not in written:
                    raise Silent(f"{key[:2].hex()}: {found}")
            journal.totals()
    except FannoError:
        return True
    return False


def make_vectors(folder: Path) -> dict[str, bytes]:
    """Makes a store of the vectors of TEXTS and returns the bytes of its files, by name."""
    EmbeddingStore(HashingEmbedder(8), folder).encode(TEXTS)
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def check_vectors(folder: Path, good: Mapping[str, bytes], name: str, content: bytes) -> bool:
    """Reads a store of which one file has these bytes; returns whether it was told to be damaged as a whole.

    Raises Silent where a text has another vector than its own.
    """
    embedder = HashingEmbedder(8)
    (store,) = folder.iterdir()
    for file, written in {**good, name: content}.items():
        (store / file).write_bytes(written)
    try:
        if not np.array_equal(EmbeddingStore(embedder, folder).encode(TEXTS), embedder.encode(TEXTS)):
            raise Silent(name)
    except FannoError:
        return True
    return False


def check_run_json(run: Path, content: bytes) -> bool:
    """Reads a run whose run.json has these bytes; returns whether it was told to be wrong.

    Raises Silent where an entry with a checksum is another one than the run has.
    """
    path = run / "damaged.json"
    path.write_bytes(content)
    try:
        manifest, fault = read_manifest(path, path)
        if fault is not None:
            return True
        _check_entries(manifest, read_manifest(run / "run.json", run)[0])
        render_card(manifest, "demo")
        funnel_table(manifest)
        check_rows(RunTables(run, manifest))
    except FannoError:
        return True
    return False


def _check_entries(manifest: dict[str, Any], written: dict[str, Any]) -> None:
    for stage, entry in manifest["stages"].items():
        if "checksum" in entry and entry != written["stages"][stage]:
            raise Silent(f"{stage} of run.json")


def check_rows(tables: RunTables) -> None:
    """Reads seeds; raises Silent where they are others than `seed.json` beside them has."""
    rows = list(tables.stream_rows("seed", ("instruction", "round", "verdicts")))
    if rows != json.loads((tables.path / "seed.json").read_text()):
        raise Silent("rows of seed")


def check_table(run: Path, content: bytes) -> bool:
    """Reads a run whose seeds have these bytes; returns whether they were told to be wrong."""
    (run / "seed" / FILE).write_bytes(content)
    manifest, _ = read_manifest(run / "run.json", run)
    try:
        check_rows(RunTables(run, manifest))
    except FannoError:
        return True
    return False


def check_corpus(path: Path, content: bytes) -> bool:
    """Reads documents from a file of these bytes, whatever its kind; returns whether they were told to be wrong."""
    path.write_bytes(content)
    told = False
    readers: tuple[Callable[[], Iterator], ...] = (
        lambda: read_texts(path, path.name, None),
        lambda: read_rows(path, path.name),
    )
    for read in readers:
        try:
            for _ in read():
                pass
        except FannoError:
            told = True
    return told


def copy_run(made: Path, to: Path) -> Path:
    """A copy of a run without journal and vectors, with its seeds as JSON beside them."""
    run = shutil.copytree(made, to, ignore=shutil.ignore_patterns("journal*", "embeddings", "logs", ".*"))
    manifest, _ = read_manifest(run / "run.json", run)
    rows = list(RunTables(run, manifest).stream_rows("seed", ("instruction", "round", "verdicts")))
    (run / "seed.json").write_text(json.dumps(rows))
    return run

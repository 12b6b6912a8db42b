"""Random damage: errors that are told in no words, and content that came out changed, of 10,000 damages each."""

import json
import random
import tempfile
from collections.abc import Callable
from functools import partial
from pathlib import Path

from tests.benchmarks import start
from tests.conftest import small_run
from tests.damage import (
    FILE,
    Silent,
    check_corpus,
    check_journal,
    check_run_json,
    check_table,
    check_vectors,
    copy_run,
    damaged,
    make_journal,
    make_vectors,
)


def count(name: str, good: bytes, size: int, check: Callable[[bytes], bool]) -> None:
    """Prints how many damages gave a raw error, a silent change; and how many were told, where that is not all."""
    raw = silent = told = 0
    for seed in range(size):
        content = damaged(good, random.Random(seed))
        try:
            told += check(content)
        except Silent:
            silent += 1
        except Exception as error:
            raw += 1
            print(f"{name}, seed {seed}: {type(error).__name__}: {error}"[:300], flush=True)
    for what, number, limit in (("raw_errors", raw, 0), ("silent_changes", silent, 0), ("told", told, None)):
        line = {"name": f"damage_{name}_{what}", "size": size, "ours": number, "limit": limit, "unit": "damages"}
        print(json.dumps(line), flush=True)


def main(quick: bool) -> None:
    size = 500 if quick else 10_000
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        run = copy_run(small_run(folder).path, folder / "copy")
        table, run_json = (run / "seed" / FILE).read_bytes(), (run / "run.json").read_bytes()
        journal = make_journal(folder / "good.sqlite")
        count("parquet", table, size, lambda content: check_table(run, content))
        (run / "seed" / FILE).write_bytes(table)
        count("run_json", run_json, size, lambda content: check_run_json(run, content))
        count("journal", journal, size, lambda content: check_journal(folder / "journal.sqlite", content))
        (folder / "vectors").mkdir()
        store = make_vectors(folder / "vectors")
        for file in ("vectors.f32", "checksums", "keys"):
            count(file, store[file], size, partial(check_vectors, folder / "vectors", store, file))
        documents = (run / "prescreen" / FILE).read_bytes()
        count("corpus_parquet", documents, size, lambda content: check_corpus(folder / "corpus.parquet", content))


if __name__ == "__main__":
    start(main)

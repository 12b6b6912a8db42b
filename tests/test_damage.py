"""Whatever bytes a file has, its reader gives what was written, or an error in words: never a traceback, never other content.

`FANNO_EXAMPLES=10000` tries more of them; `python -m tests.benchmarks.damage` counts.
"""

import gzip
import io
import json
import random

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from fanno_hf.sources.formats import READERS
from hypothesis import given, settings
from hypothesis import strategies as st

from fanno_hf.output.manifest import fault_of
from tests.conftest import small_run
from tests.damage import (
    EXAMPLES,
    FILE,
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

tried = settings(max_examples=EXAMPLES, deadline=None, derandomize=True, database=None)
seeds = st.integers(0, 2**32)
ROWS = [{"text": f"Mosses drink through their leaves, {n} of them.", "n": n, "when": None} for n in range(30)]


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    return tmp_path_factory.mktemp("damaged")


@pytest.fixture(scope="module")
def run(made, place):
    return copy_run(made, place / "run")


@pytest.fixture(scope="module")
def journal(place):
    return make_journal(place / "good.sqlite")


def corpus(kind: str) -> bytes:
    """A good file of a kind, with and without .gz."""
    if kind.endswith(".gz"):
        return gzip.compress(corpus(kind.removesuffix(".gz")), mtime=0)
    lines = [json.dumps(row) for row in ROWS]
    if kind == "parquet":
        file = io.BytesIO()
        pq.write_table(
            pa.table({"text": [r["text"] for r in ROWS], "at": pa.array(range(30), pa.timestamp("us"))}), file
        )
        return file.getvalue()
    if kind == "csv":
        return ("text,n\n" + "".join(f'"{row["text"]}",{row["n"]}\n' for row in ROWS)).encode()
    return {"json": json.dumps(ROWS), "jsonl": "\n".join(lines)}.get(kind, ROWS[0]["text"]).encode()


KINDS = ["jsonl", "json", "csv", "parquet", "txt", "md", "jsonl.gz", "parquet.gz"]


def test_every_kind_of_file_is_tried():
    assert {kind.removesuffix(".gz") for kind in KINDS} | {"ndjson"} == set(READERS)


@pytest.mark.parametrize("kind", KINDS)
def test_a_damaged_file_of_documents_gives_rows_or_an_error_in_words(place, kind):
    good = corpus(kind)

    @tried
    @given(seeds)
    def holds(seed):
        check_corpus(place / f"corpus.{kind}", damaged(good, random.Random(seed)))

    assert not check_corpus(place / f"corpus.{kind}", good)
    holds()


@pytest.mark.parametrize("kind", KINDS)
def test_any_bytes_as_documents_give_rows_or_an_error_in_words(place, kind):
    @tried
    @given(st.binary(max_size=200))
    def holds(content):
        check_corpus(place / f"any.{kind}", content)

    holds()


def test_a_damaged_journal_answers_what_was_written_or_nothing(place, journal):
    @tried
    @given(seeds)
    def holds(seed):
        check_journal(place / "journal.sqlite", damaged(journal, random.Random(seed)))

    assert not check_journal(place / "journal.sqlite", journal)
    holds()


def test_any_bytes_as_a_journal_are_no_traceback(place):
    @tried
    @given(st.binary(max_size=200))
    def holds(content):
        check_journal(place / "any.sqlite", content)

    holds()


@pytest.mark.parametrize("name", ["vectors.f32", "checksums", "keys", "embedder.json"])
def test_a_damaged_store_gives_each_text_its_own_vector_or_an_error_in_words(place, name):
    good = make_vectors(place / name)

    @tried
    @given(seeds)
    def holds(seed):
        check_vectors(place / name, good, name, damaged(good[name], random.Random(seed)))

    assert not check_vectors(place / name, good, name, good[name])
    holds()


def test_a_damaged_run_json_gives_the_rows_it_names_or_an_error_in_words(run):
    good = (run / "run.json").read_bytes()

    @tried
    @given(seeds)
    def holds(seed):
        check_run_json(run, damaged(good, random.Random(seed)))

    assert not check_run_json(run, good)
    holds()


@tried
@given(st.binary(max_size=200))
def test_any_bytes_as_a_run_json_are_told(tmp_path_factory, content):
    assert check_run_json(tmp_path_factory.getbasetemp(), content)


def test_any_value_in_a_run_json_gives_a_card_or_an_error_in_words(run):
    good = json.loads((run / "run.json").read_text())
    for entry in good["stages"].values():
        del entry["checksum"]  # as in a run from before; else that alone would be told
    json_values = st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
        max_leaves=5,
    )

    @tried
    @given(json_values, seeds)
    def holds(value, seed):
        check_run_json(run, json.dumps(replaced(good, value, random.Random(seed))).encode())

    assert fault_of(good) is None
    holds()


def replaced(value, by, rng: random.Random):
    """A copy with one value, somewhere in it, replaced."""
    if not isinstance(value, dict | list) or not value or rng.random() < 0.1:
        return by
    if isinstance(value, list):
        at = rng.randrange(len(value))
        return [replaced(item, by, rng) if place == at else item for place, item in enumerate(value)]
    key = rng.choice(list(value))
    return {name: replaced(item, by, rng) if name == key else item for name, item in value.items()}


def test_a_damaged_table_gives_the_rows_that_were_written_or_an_error_in_words(run):
    good = (run / "seed" / FILE).read_bytes()

    @tried
    @given(seeds)
    def holds(seed):
        changed = damaged(good, random.Random(seed))
        assert check_table(run, changed) == (changed != good)

    try:
        holds()
    finally:
        (run / "seed" / FILE).write_bytes(good)

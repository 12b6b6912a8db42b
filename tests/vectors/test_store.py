"""Vectors that are kept by their text: embedded once, whatever happens to the process."""

import json
import resource
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest

from fanno_hf.errors import UserError
from fanno_hf.vectors import store as embedding_store
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.store import EmbeddingStore

TEXTS = ["Mosses have no roots.", "Tax is due in May.", "Tides turn turbines."]


class Recorder(HashingEmbedder):
    """Remembers which texts it was given together; the last bits of its vectors depend on that, as a model's do."""

    def __init__(self, dimension: int = 8):
        super().__init__(dimension)
        self.calls: list[list[str]] = []

    def encode(self, texts):
        self.calls.append(list(texts))
        return super().encode(texts) * np.float32(1 + 1e-6 * len(texts))


@pytest.fixture
def make(tmp_path):
    """A function that opens the store of the test's folder with a fresh embedder and returns (store, embedder)."""

    def open_(dimension: int = 8):
        embedder = Recorder(dimension)
        return EmbeddingStore(embedder, tmp_path), embedder

    return open_


def files(folder):
    return {path.name: path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def test_threads_that_ask_at_once_get_the_vectors_of_their_texts(make):
    store, _ = make()
    parts = [[f"text {number} of part {part}" for number in range(20)] for part in range(40)]
    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(store.encode, parts))
    assert all(np.allclose(f, HashingEmbedder(8).encode(p), atol=1e-3) for f, p in zip(found, parts, strict=True))


def test_a_text_is_embedded_once_in_its_life(make):
    store, embedder = make()
    first = store.encode([TEXTS[0], TEXTS[1], TEXTS[0]])
    assert (sorted(embedder.calls[0]), np.array_equal(first[0], first[2])) == (sorted(TEXTS[:2]), True)
    store, embedder = make()
    vectors = store.encode([TEXTS[2], TEXTS[0], TEXTS[2]])
    assert embedder.calls == [[TEXTS[2]]]
    assert np.allclose(vectors, HashingEmbedder(8).encode([TEXTS[2], TEXTS[0], TEXTS[2]]), atol=1e-5)


def test_texts_are_embedded_by_falling_length_and_come_back_in_their_order(make):
    store, embedder = make()
    vectors = store.encode(["a", "a b c d", "a b"])
    assert embedder.calls == [["a b c d", "a b", "a"]]
    assert np.allclose(vectors, HashingEmbedder(8).encode(["a", "a b c d", "a b"]), atol=1e-5)


def test_vectors_asked_for_in_the_order_of_their_arrival_stay_on_the_disk(make):
    store, _ = make()
    store.encode(TEXTS)
    assert not store.encode(TEXTS[1:]).flags.owndata
    assert store.encode(TEXTS[::-1]).flags.owndata


@pytest.mark.parametrize("rows", [[0, 1, 2], [2, 0]])
def test_vectors_cannot_be_changed(make, rows):
    store, _ = make()
    with pytest.raises(ValueError, match="read-only"):
        store.encode([TEXTS[row] for row in rows])[0, 0] = 1.0


def test_no_text_gives_no_vector_of_the_right_dimension(make):
    store, _ = make()
    assert store.encode([]).shape == (0, 8)
    store.encode(TEXTS)
    assert store.encode([]).shape == (0, 8)


def test_an_embedder_of_another_dimension_under_the_same_name_is_refused(make, monkeypatch):
    """As when the model in a folder is replaced by a larger one."""
    make()[0].encode(TEXTS[:1])
    store, embedder = make()
    monkeypatch.setattr(embedder, "encode", HashingEmbedder(16).encode)
    with pytest.raises(
        UserError, match="has vectors of 8 numbers, and hashing-8 gives 16: take the one of before, or delete"
    ):
        store.encode(TEXTS)


def test_two_embedders_never_share_a_vector(make):
    make(8)[0].encode(TEXTS)
    store, embedder = make(16)
    assert store.encode(TEXTS).shape == (3, 16)
    assert len(embedder.calls) == 1


@pytest.mark.parametrize("lost", ["vectors.f32", "checksums", "keys"])
@pytest.mark.parametrize("size", [0, 5, 9, 40])
def test_what_a_killed_process_left_half_written_is_embedded_again(make, tmp_path, monkeypatch, lost, size):
    monkeypatch.setattr(embedding_store, "CHUNK", 1)
    expected = make()[0].encode(TEXTS).copy()
    whole = files(tmp_path)
    (path,) = tmp_path.rglob(lost)
    path.write_bytes(whole[lost][:size])
    store, _ = make()
    assert np.array_equal(store.encode(TEXTS), expected)
    assert files(tmp_path) == whole


def test_a_disk_that_is_full_amid_the_keys_of_a_chunk_leaves_none_of_it(make, tmp_path, monkeypatch):
    monkeypatch.setattr(embedding_store, "CHUNK", 8)
    texts = [f"text number {n}" for n in range(20)]
    expected = EmbeddingStore(Recorder(2), tmp_path / "whole").encode(texts)
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (16 * 12, before[1]))  # twelve keys: half of the second chunk
    try:
        with pytest.raises(OSError, match="File too large"):
            make(2)[0].encode(texts)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    store, embedder = make(2)
    assert (np.array_equal(store.encode(texts), expected), [*map(len, embedder.calls)]) == (True, [8, 4])


def test_a_chunk_that_fails_leaves_those_before_it(make, monkeypatch):
    monkeypatch.setattr(embedding_store, "CHUNK", 1)
    store, embedder = make()
    monkeypatch.setattr(embedder, "encode", lambda texts: 1 / 0 if "Tax" in texts[0] else Recorder(8).encode(texts))
    with pytest.raises(ZeroDivisionError):
        store.encode(TEXTS)
    store, embedder = make()
    store.encode(TEXTS)
    assert embedder.calls == [[TEXTS[1]], [TEXTS[2]]]


@pytest.mark.parametrize("bad", [np.nan, 0.0, 3.0])
def test_a_vector_that_would_spoil_every_comparison_is_refused(make, monkeypatch, bad):
    store, embedder = make()
    monkeypatch.setattr(embedder, "encode", lambda texts: np.full((len(texts), 8), bad, dtype=np.float32))
    with pytest.raises(UserError, match="hashing-8 gives a vector of length .* for the text 'Mosses"):
        store.encode(TEXTS[:1])


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("embedder.json", b"{", "delete it and its texts are embedded again"),
        ("embedder.json", b'{"dimension": 0}', "delete it and its texts are embedded again"),
    ],
)
def test_a_damaged_file_says_what_to_do(make, tmp_path, file, content, said):
    make()[0].encode(TEXTS)
    next(tmp_path.rglob(file)).write_bytes(content)
    with pytest.raises(UserError, match=said):
        make()[0].encode(TEXTS)


def changed(folder, name: str, change, size: int) -> None:
    """Gives one of the files of a store other rows; `change` changes an array of them in place."""
    (path,) = folder.rglob(name)
    rows = np.frombuffer(path.read_bytes(), np.uint8).reshape(-1, size).copy()
    change(rows)
    path.write_bytes(rows.tobytes())


def flip_sign(rows) -> None:
    rows[1, 3::4] ^= 0x80  # of every number in row 1: its length stays


def swap(rows) -> None:
    rows[[0, 1]] = rows[[1, 0]]


def copy(rows) -> None:
    rows[1] = rows[0]


def flip_bit(rows) -> None:
    rows[2, 1] ^= 1


DAMAGE = {
    "signs": ("vectors.f32", 32, flip_sign, 1),
    "swapped vectors": ("vectors.f32", 32, swap, 2),
    "a vector twice": ("vectors.f32", 32, copy, 1),
    "one bit of a vector": ("vectors.f32", 32, flip_bit, 1),
    "swapped keys": ("keys", 16, swap, 2),
    "a key twice": ("keys", 16, copy, 1),
    "one bit of a checksum": ("checksums", 4, flip_bit, 1),
    "no vector is whole": ("vectors.f32", 32, lambda rows: rows.fill(0xFF), 3),
}


@pytest.mark.parametrize(("name", "size", "change", "lost"), DAMAGE.values(), ids=DAMAGE)
def test_a_damaged_vector_is_embedded_again_and_said_once(make, tmp_path, caplog, name, size, change, lost):
    expected = make()[0].encode(TEXTS).copy()
    changed(tmp_path, name, change, size)
    store, embedder = make()
    assert np.allclose(store.encode(TEXTS), expected, atol=1e-5)
    assert sum(map(len, embedder.calls)) == lost
    assert f"{lost} damaged vector" in caplog.text
    caplog.clear()
    store, embedder = make()
    assert np.allclose(store.encode(TEXTS), expected, atol=1e-5)
    assert (embedder.calls, caplog.text) == ([], "")
    assert {path.name: path.stat().st_size for path in tmp_path.rglob("*.f32")} == {"vectors.f32": 3 * 32}


@pytest.mark.parametrize("killed_before", ["vectors.f32", "checksums", "keys"])
def test_a_process_that_dies_while_it_takes_out_what_is_damaged_spoils_nothing(
    make, tmp_path, monkeypatch, killed_before
):
    expected = make()[0].encode(TEXTS).copy()
    changed(tmp_path, "vectors.f32", swap, 32)
    write = EmbeddingStore._replace

    def die(store, name, parts):
        if name == killed_before:
            raise KeyboardInterrupt
        write(store, name, parts)

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr(EmbeddingStore, "_replace", die)
        make()[0].encode(TEXTS)
    assert np.allclose(make()[0].encode(TEXTS), expected, atol=1e-5)


def test_a_store_from_before_there_were_checksums_is_read_and_gets_them(make, tmp_path):
    expected = make()[0].encode(TEXTS).copy()
    whole = files(tmp_path)
    next(tmp_path.rglob("checksums")).unlink()
    store, embedder = make()
    assert np.array_equal(store.encode(TEXTS), expected)
    assert (embedder.calls, files(tmp_path)) == ([], whole)


def test_a_vector_of_another_length_in_a_store_without_checksums_is_embedded_again(make, tmp_path):
    expected = make()[0].encode(TEXTS).copy()
    next(tmp_path.rglob("checksums")).unlink()
    changed(tmp_path, "vectors.f32", lambda rows: rows[2].fill(0x7F), 32)
    store, embedder = make()
    assert np.allclose(store.encode(TEXTS), expected, atol=1e-5)
    assert sum(map(len, embedder.calls)) == 1


def test_another_stores_damaged_vectors_are_not_taken_over_and_its_files_stay(tmp_path):
    EmbeddingStore(Recorder(), tmp_path / "a").encode(TEXTS)
    changed(tmp_path / "a", "vectors.f32", flip_sign, 32)
    before, embedder = files(tmp_path / "a"), Recorder()
    store = EmbeddingStore(embedder, tmp_path / "all")
    store.absorb(tmp_path / "a")
    assert np.allclose(store.encode(TEXTS), HashingEmbedder(8).encode(TEXTS), atol=1e-5)
    assert (sum(map(len, embedder.calls)), files(tmp_path / "a")) == (1, before)


def test_a_process_that_died_before_its_first_vector_leaves_nothing_to_mend(make, tmp_path):
    make()[0].encode(TEXTS)
    next(tmp_path.rglob("embedder.json")).write_text("")
    next(tmp_path.rglob("keys")).unlink()
    store, embedder = make()
    store.encode(TEXTS)
    assert len(embedder.calls) == 1


def test_vectors_in_another_order_are_those_of_their_texts(make, monkeypatch):
    monkeypatch.setattr(embedding_store, "GATHERED", 2)
    store, _ = make()
    vectors = store.encode([f"text {n}" for n in range(7)])
    assert np.array_equal(store.encode([f"text {n}" for n in reversed(range(7))]), vectors[::-1])


def test_the_folder_says_whose_vectors_it_holds(make, tmp_path):
    make()[0].encode(TEXTS)
    about = json.loads(next(tmp_path.rglob("embedder.json")).read_text())
    assert about == {"embedder": "hashing-8", "dimension": 8}


def test_another_stores_vectors_are_taken_over_once(tmp_path):
    EmbeddingStore(Recorder(), tmp_path / "a").encode(TEXTS[:2])
    EmbeddingStore(Recorder(), tmp_path / "b").encode(TEXTS[1:])
    embedder = Recorder()
    store = EmbeddingStore(embedder, tmp_path / "all")
    for name in ("a", "b", "none"):
        store.absorb(tmp_path / name)
    assert np.allclose(store.encode(TEXTS), HashingEmbedder(8).encode(TEXTS), atol=1e-5)
    assert embedder.calls == []
    assert len(next((tmp_path / "all").rglob("keys")).read_bytes()) == 16 * 3

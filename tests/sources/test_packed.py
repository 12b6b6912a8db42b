"""Packed files and archives: read without a trace on disk, and never more of them than is allowed."""

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile

import pyarrow as pa
import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.files import FileSource

PACK = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": lambda data: pa.compress(data, codec="zstd", asbytes=True),
}
LINES = b'{"text": "Moss"}\n{"text": "Tide"}\n'
LIMIT = 20_000  # bytes


@pytest.fixture
def put(tmp_path):
    def write(name: str, content: bytes):
        (tmp_path / name).write_bytes(content)
        return tmp_path / name

    return write


def read(path, **settings) -> list[tuple]:
    return [(one.source, one.text) for one in FileSource(str(path), **settings).documents()]


@pytest.mark.parametrize("packing", PACK)
def test_every_packing_of_text_and_of_lines(put, packing):
    assert read(put(f"a.txt.{packing}", PACK[packing](b"Moss"))) == [(f"a.txt.{packing}", "Moss")]
    name = f"a.jsonl.{packing}"
    assert read(put(name, PACK[packing](LINES))) == [(f"{name}:1", "Moss"), (f"{name}:2", "Tide")]


@pytest.mark.parametrize("packing", ["gz", "zst"])
def test_parts_that_were_packed_one_by_one_are_one_file(put, packing):
    parts = [PACK[packing](line) for line in LINES.splitlines(keepends=True)]
    assert [text for _, text in read(put(f"a.jsonl.{packing}", b"".join(parts)))] == ["Moss", "Tide"]


def test_a_packed_file_without_another_extension_is_known_by_its_bytes(put):
    assert read(put("a.gz", gzip.compress(LINES))) == [("a.gz:1", "Moss"), ("a.gz:2", "Tide")]
    assert read(put("b", gzip.compress(b"Moss"))) == [("b", "Moss")]


def test_what_is_packed_and_of_no_kind_is_left_out_by_a_word_and_alone_refused(put, tmp_path, caplog):
    caplog.set_level("INFO")
    alone = put("cover.gz", gzip.compress(b"\x89PNG\0\0"))
    put("moss.txt", b"Moss")
    assert read(tmp_path) == [("moss.txt", "Moss")]
    assert "2 files; left out: 1 of unknown kind" in caplog.text
    with pytest.raises(UserError, match="cover.gz is of unknown kind: known are jsonl"):
        read(alone)


def test_a_tar_archive_whose_member_claims_more_than_there_is(put):
    claim = tarfile.TarInfo("moss.txt")
    claim.size = 1 << 40
    put("b.txt", b"Tide")
    source = FileSource(str(put("a.tar", claim.tobuf() + b"Moss").parent))
    assert [one.text for one in source.documents()] == ["Tide"]
    assert [one.file for one in source.unread] == ["a.tar/moss.txt", "a.tar"]
    assert source.unread[1].detail == " is read as far as moss.txt, which claims to be larger than it"


MEMBERS = {
    "b/moss.txt": b"Moss",
    "a.jsonl.gz": gzip.compress(LINES),
    "c.png": b"\0",
    ".hidden.txt": b"x",
    "README": b"Read me",
}


def as_zip(members) -> bytes:
    sink = io.BytesIO()
    with zipfile.ZipFile(sink, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return sink.getvalue()


def as_tar(members, mode="w:gz") -> bytes:
    sink = io.BytesIO()
    with tarfile.open(fileobj=sink, mode=mode) as archive:
        for name, content in members.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(content)
            archive.addfile(entry, io.BytesIO(content))
        link = tarfile.TarInfo("passwd.txt")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    return sink.getvalue()


@pytest.mark.parametrize(
    ("name", "pack"),
    [("all.zip", as_zip), ("all.tar.gz", as_tar), ("all.tgz", as_tar), ("all.tar", lambda m: as_tar(m, "w")),
     ("all", as_zip)],
)  # fmt: skip
def test_the_files_in_an_archive_in_its_order(put, name, pack, caplog):
    with caplog.at_level("INFO"):
        assert read(put(name, pack(MEMBERS))) == [
            (f"{name}/b/moss.txt", "Moss"),
            (f"{name}/a.jsonl.gz:1", "Moss"),
            (f"{name}/a.jsonl.gz:2", "Tide"),
            (f"{name}/README", "Read me"),
        ]
    assert "left out: 1 .png, 1 hidden" in caplog.text


def test_archives_within_archives_are_read_three_deep(put):
    inner = {"moss.txt": b"Moss"}
    for depth in range(4):
        inner = {f"{depth}.zip": as_zip(inner), f"{depth}.txt": str(depth).encode()}
    source = FileSource(str(put("all.zip", as_zip(inner))))
    assert [one.text for one in source.documents()] == ["1", "2", "3"]
    assert [one.reason for one in source.unread] == ["too_deep"]


def unread(path, **settings) -> list[tuple[str, str]]:
    path.with_name("good.txt").write_text("good")
    source = FileSource(str(path.parent), **settings)
    assert [one.text for one in source.documents()] == ["good"]
    return [(one.file, one.reason) for one in source.unread]


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("line.jsonl", b'{"text": "' + b"a" * LIMIT + b'"}'),
        ("line.jsonl.gz", gzip.compress(b"0" * 9_000_000)),
        ("text.txt", b"a" * (LIMIT + 1)),
        ("text.txt.xz", lzma.compress(b"\0" * 9_000_000)),
        ("blank.jsonl.bz2", bz2.compress(b"\n" * 9_000_000)),  # lines that are none, without end
        ("array.json", json.dumps(["a" * LIMIT]).encode()),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_what_is_too_large_is_named_and_the_others_are_read(put, name, content):
    assert unread(put(name, content), max_file_size=LIMIT) == [(name, "too_large")]


@pytest.mark.parametrize(
    ("pack", "name", "named"), [(as_zip, "all.zip", ["bomb.txt"]), (as_tar, "all.tar.gz", ["bomb.txt", ""])]
)
def test_a_bomb_in_an_archive_is_named_and_what_is_before_it_read(put, pack, name, named):
    path = put(name, pack({"moss.txt": b"Moss", "bomb.txt": b"0" * 9_000_000}))
    path.with_name("good.txt").write_text("good")
    source = FileSource(str(path.parent), max_file_size=LIMIT)
    assert [one.text for one in source.documents()] == ["Moss", "good"]
    assert [one.file for one in source.unread] == [f"{name}/{member}".rstrip("/") for member in named]
    assert {one.reason for one in source.unread} == {"too_large"}


def test_text_that_packs_well_is_no_bomb(put):
    lines = b"".join(
        json.dumps({"text": f"Moss {n} drinks through its leaves"}).encode() + b"\n" for n in range(9_000)
    )
    assert len(read(put("log.jsonl.gz", gzip.compress(lines)), max_file_size=LIMIT)) == 9_000


@pytest.mark.parametrize(
    ("name", "content", "said"),
    [
        ("a.txt.gz", gzip.compress(b"Moss" * 100)[:-12], " cannot be read: Compressed file ended before"),
        ("a.txt.bz2", b"BZh9" + b"\xff" * 30, " cannot be read: Invalid data stream"),
        ("a.txt.zst", b"\x28\xb5\x2f\xfd" + b"\xff" * 30, " cannot be read: ZSTD decompress"),
        ("a.zip", as_zip(MEMBERS)[:-30], " is not a readable zip archive: File is not a zip file"),
        ("a.tar", b"\1" * 2000, " is not a readable tar archive: "),
    ],
    ids=["gz", "bz2", "zst", "zip", "tar"],  # bytes that hold the time would be another name in each process
)
def test_a_damaged_one_is_told_in_a_sentence(put, name, content, said):
    path = put(name, content)
    with pytest.raises(UserError) as raised:
        read(path)
    assert str(raised.value).startswith(f"{path}{said}")


def test_an_encrypted_member_is_named(put):
    content = bytearray(as_zip({"moss.txt": b"Moss"}))
    for signature, offset in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):  # bit 0 of the flags in both heads
        content[content.index(signature) + offset] |= 1
    path = put("all.zip", bytes(content))
    path.with_name("good.txt").write_text("good")
    source = FileSource(str(path.parent))
    assert [one.text for one in source.documents()] == ["good"]
    assert [(one.file, one.reason) for one in source.unread] == [("all.zip/moss.txt", "encrypted")]

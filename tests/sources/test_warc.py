"""Answers as crawlers store them: packed in each way, under a head that is not true, cut off; each costs itself alone."""

import gzip
import zlib

import pytest

from tests.sources.reads import read

PAGE = b"<html><body><p>Mosses have no roots.</p></body></html>"
HTML = "Content-Type: text/html"
GZIPPED = gzip.compress(PAGE, mtime=0)  # the time in it would be another name of a test in each process


def record(address: str, head: str, body: bytes, more: int = 0) -> bytes:
    """A record of an answer; `more` bytes than it has are what it says."""
    answer = f"HTTP/1.1 200 OK\r\n{head}\r\n\r\n".encode() + body
    return (
        f"WARC/1.0\r\nWARC-Type: response\r\nWARC-Record-ID: <urn:uuid:0>\r\nWARC-Target-URI: {address}\r\n"
        "WARC-Date: 2026-01-02T03:04:05Z\r\nContent-Type: application/http; msgtype=response\r\n"
        f"Content-Length: {len(answer) + more}\r\n\r\n"
    ).encode() + answer + b"\r\n\r\n"  # fmt: skip


def chunked(body: bytes) -> bytes:
    return b"%x\r\n%s\r\n0\r\n\r\n" % (len(body), body)


@pytest.mark.parametrize(
    ("head", "body"),
    [
        ("Content-Encoding: gzip", GZIPPED),
        ("Transfer-Encoding: chunked", chunked(PAGE)),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip", chunked(GZIPPED)),
        ("Content-Encoding: deflate", zlib.compress(PAGE)),
        ("Content-Encoding: deflate", zlib.compress(PAGE)[2:-4]),
        ("Content-Encoding: identity", PAGE),
        # what was unpacked when it was stored, under the head that it came with
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip", PAGE),
        ("Transfer-Encoding: chunked\r\nContent-Encoding: gzip", GZIPPED),
        ("Content-Encoding: deflate", PAGE),
        ("Content-Encoding: br", PAGE),
        ("Content-Encoding: UTF-8", PAGE),
        ("X-Nothing: of it", GZIPPED),
    ],
)
def test_an_answer_is_unpacked_as_its_bytes_say(tmp_path, head, body):
    last = record("https://example.org/last", HTML, PAGE)
    (tmp_path / "crawl.warc").write_bytes(record("https://example.org/a", f"{HTML}\r\n{head}", body) + last)
    documents, unread = read(tmp_path / "crawl.warc")
    assert [document.text for document in documents] == ["Mosses have no roots."] * 2
    assert documents[0].source == "crawl.warc:https://example.org/a (2026-01-02T03:04:05Z)"
    assert not unread


def test_an_answer_that_cannot_be_unpacked_costs_itself(tmp_path):
    gzipped, said = (
        f"{HTML}\r\nContent-Encoding: gzip",
        " cannot be unpacked: it begins as gzip does, and does not go on or end so",
    )
    records = [
        record("https://example.org/damaged", gzipped, GZIPPED[:10] + b"\xff" * 40),
        record("https://example.org/cut", gzipped, GZIPPED[:40]),
        record("https://example.org/bomb", gzipped, gzip.compress(PAGE * 9_999)),
        record("https://example.org/last", HTML, PAGE),
    ]
    (tmp_path / "crawl.warc").write_bytes(b"".join(records))
    (document,), unread = read(tmp_path / "crawl.warc", max_file_size=50_000)
    assert document.source == "crawl.warc:https://example.org/last (2026-01-02T03:04:05Z)"
    assert [(each.reason, each.detail) for each in unread] == [
        ("damaged", said),
        ("damaged", said),
        ("too_large", " is larger than data.max_file_size=50,000 bytes: raise it"),
    ]


def test_lines_that_end_with_a_line_feed_alone(tmp_path):
    pages = [
        record(f"https://example.org/{number}", HTML, PAGE, more=-3) for number in range(3)
    ]  # its head has three lines
    (tmp_path / "crawl.warc").write_bytes(b"".join(pages).replace(b"\r\n", b"\n"))
    documents, unread = read(tmp_path / "crawl.warc")
    assert [document.text for document in documents] == ["Mosses have no roots."] * 3
    assert not unread


def test_an_archive_that_was_cut_off_says_so(tmp_path):
    whole = b"".join(gzip.compress(record(f"https://example.org/{number}", HTML, PAGE)) for number in range(2))
    (tmp_path / "crawl.warc.gz").write_bytes(whole[:-40])
    (document,), (unread,) = read(tmp_path / "crawl.warc.gz")
    assert (document.text, unread.reason) == ("Mosses have no roots.", "damaged")
    assert "Mosses" not in unread.detail

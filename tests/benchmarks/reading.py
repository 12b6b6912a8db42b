"""Reading documents against the bare libraries, on one core; and ten thousand pages on one core and on two.

`--quick` takes fewer files. They are made from known text (tests/sources/): denser in lists, tables and code than any manual, and of
fonts that PDFium need not load, so that the ratio says more of us than one over files that people have: `--files=FOLDER` takes
the PDFs and web pages in a folder of yours.
"""

import sys
import tempfile
from pathlib import Path

import pypdfium2
from resiliparse.extract.html2text import extract_plain_text

from fanno_hf.sources.files import FileSource
from tests.benchmarks import RATIO, cpu_timed, report, start, timed
from tests.sources.known import Text, known, recall_and_precision
from tests.sources.made import html_page
from tests.sources.printed import write_pdf
from tests.sources.reads import read

PARAGRAPHS = 18  # of a page of 10 kB, beside two sections with lists, code and tables
MANUAL = 120  # of a PDF of some fifty pages


def texts(seed: int) -> list[Text]:
    """Paragraphs."""
    return [part for part in known(1_000 + seed, PARAGRAPHS) if isinstance(part, Text)][:PARAGRAPHS]


def bare_pdf(path: Path) -> str:
    """The text of all pages, as the library gives it."""
    document = pypdfium2.PdfDocument(path)
    texts = []
    for page in document:
        textpage = page.get_textpage()
        texts.append(textpage.get_text_range())
        textpage.close()
        page.close()
    document.close()
    return "\n".join(texts)


def bare_html(path: Path) -> str:
    """The main content of a page, as the library finds it."""
    return extract_plain_text(path.read_bytes().decode(errors="replace"), main_content=True)


def ours(path: Path) -> str:
    """The same by our reader."""
    documents, _ = read(path)
    return "\n".join(document.text for document in documents)


def each(work, paths: list[Path]) -> list[str]:
    """Does it for all files."""
    return [work(path) for path in paths]


def compare(name: str, paths: list[Path], bare, limit: float | None = None) -> None:
    """Reports our reader against the bare library; nearly all that the library finds is found."""
    recall, _ = recall_and_precision("\n".join(each(ours, paths)), "\n".join(each(bare, paths)))
    size = sum(path.stat().st_size for path in paths)
    report(
        f"reading_{name}", size, cpu_timed(each, ours, paths), cpu_timed(each, bare, paths),
        limit=limit, unit=f"s{RATIO}", equal=recall > 0.9,
    )  # fmt: skip


def count(folder: Path, processes: int) -> int:
    """How many documents a folder has, read as a run reads them."""
    return sum(1 for _ in FileSource(str(folder), processes=processes).documents())


def main(quick: bool) -> None:
    for folder in (Path(word.partition("=")[2]) for word in sys.argv if word.startswith("--files=")):
        compare("your_pdf", sorted(folder.rglob("*.pdf")), bare_pdf, limit=1.3)
        compare("your_html", sorted(folder.rglob("*.html")), bare_html, limit=1.3)
        return
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        pdfs = [folder / f"{number}.pdf" for number in range(2 if quick else 6)]
        for number, path in enumerate(pdfs):
            write_pdf(path, known(number, MANUAL), columns=1 + number % 2)
        compare("pdf", pdfs, bare_pdf)
        pages = folder / "pages"
        pages.mkdir()
        contents = [html_page([*known(number, 2), *texts(number)]) for number in range(100)]
        some = [pages / f"{number:05}.html" for number in range(500 if quick else 10_000)]
        for number, path in enumerate(some):
            path.write_bytes(contents[number % len(contents)])
        compare("html", some[:500], bare_html)
        same = count(pages, 1) == count(pages, 2) == len(some)
        report(
            "reading_html_two_cores", len(some), timed(count, pages, 2), timed(count, pages, 1),
            limit=0.6, unit=f"s{RATIO}", pairs=2, equal=same,
        )  # fmt: skip


if __name__ == "__main__":
    start(main)

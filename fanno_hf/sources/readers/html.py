"""Web pages: their content in Markdown form, without navigation, scripts and what is not shown."""

from collections.abc import Iterator

from fanno_hf.errors import needs_extra
from fanno_hf.sources.document import Row, Unreadable
from fanno_hf.sources.markdown import first_heading
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.sources.web.decode import decode_page
from fanno_hf.sources.web.marks import opened
from fanno_hf.sources.web.text import text_of, title_of


def read_html(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the page as one text, with its title."""
    page = decode_page(file.content(), file.encoding)
    if page.lstrip().startswith("<?xml") or file.kind == "xhtml":
        page = opened(page)
    if options.html == "trafilatura" and not file.is_whole_page:
        text = _by_trafilatura(page, file.name)
    else:
        try:
            text = text_of(page, file.is_whole_page)
        except ValueError as error:
            raise Unreadable("damaged", f" cannot be parsed, for its size or what is in it: {error}") from error
    yield Row(text, title=file.title or title_of(page) or first_heading(text))


def _by_trafilatura(page: str, name: str) -> str:
    try:
        import trafilatura
    except ModuleNotFoundError as error:
        raise needs_extra(f"data.html=trafilatura, for {name},", error.name, "documents") from error
    return trafilatura.extract(page, output_format="markdown", include_comments=False) or ""

"""Text files: one document each."""

from collections.abc import Iterator

from fanno_hf.sources.document import Row
from fanno_hf.sources.encoding import decode
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options
from fanno_hf.texts.front_matter import split_front_matter


def read_text(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the whole text, its lines ended as everywhere else."""
    yield Row(decode(file.content(), options.encoding).replace("\r\n", "\n").replace("\r", "\n"))


def read_markdown(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the text without its front matter, which may name the title."""
    title, text = split_front_matter(decode(file.content(), options.encoding))
    yield Row(text, title=title)

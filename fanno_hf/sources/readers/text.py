"""Text files: one document each."""

from collections.abc import Iterator

from fanno_hf.sources.document import Row
from fanno_hf.sources.encoding import decode
from fanno_hf.sources.opened import Opened
from fanno_hf.sources.options import Options


def read_text(file: Opened, options: Options) -> Iterator[Row]:
    """Yields the whole text, its lines ended as everywhere else."""
    yield Row(decode(file.content(), options.encoding).replace("\r\n", "\n").replace("\r", "\n"))


read_markdown = read_text

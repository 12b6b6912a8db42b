"""How files are to be read: what `data=files` says of them."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Options:
    """Settings that readers share; see conf/data/files.yaml.

    Attributes:
        text_column: of the text in tables and JSON objects; None finds it.
        encoding: of text files; None takes UTF-8, or what a byte order mark tells.
        records: a path to the records in JSON, as "data[*].paragraphs[*].context"; None finds them.
        join: put between the strings where the column holds lists of them; None takes no lists.
        html: "resiliparse" or "trafilatura".
        max_file_size: bytes that may be in memory at once: a file that is read as a whole, a member of an archive, a line.
        columns: that are read of a columnar file; None reads all but those of bytes.
        max_seconds: for one file of a kind that is parsed, or one member of an archive.
    """

    text_column: str | None = None
    encoding: str | None = None
    records: str | None = None
    join: str | None = None
    html: str = "resiliparse"
    max_file_size: int = 100_000_000
    max_seconds: float = 60.0
    columns: tuple[str, ...] | None = None

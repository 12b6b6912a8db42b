"""What tests of files share: a file with that content, and what is read of it."""

from collections.abc import Callable
from pathlib import Path

import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.files import FileSource


@pytest.fixture
def documents(tmp_path) -> Callable[..., list[tuple]]:
    """A function that writes a file and returns (text, source) of the documents in it."""

    def read(name: str, content: bytes | str, **settings) -> list[tuple]:
        path = Path(tmp_path, name)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
        return [(one.text, one.source) for one in FileSource(str(path), **settings).documents()]

    return read


@pytest.fixture
def texts(documents) -> Callable[..., list]:
    """The same, without their sources."""
    return lambda name, content, **settings: [text for text, _ in documents(name, content, **settings)]


@pytest.fixture
def complaint(documents, tmp_path) -> Callable[..., str]:
    """A function that writes a file that cannot be read and returns what is said of it, behind its name."""

    def said(name: str, content: bytes | str, **settings) -> str:
        with pytest.raises(UserError) as raised:
            documents(name, content, **settings)
        assert "\n" not in str(raised.value)
        return str(raised.value).removeprefix(str(tmp_path / name))

    return said

"""A small run as Python does it, and what must be as before when it is done."""

import logging
import os
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from datasets.utils import are_progress_bars_disabled
from hydra.core.global_hydra import GlobalHydra
from hydra.core.utils import JobRuntime
from hydra.version import VersionBase

import fanno_hf
from tests.conftest import DOCUMENTS, SMALL


def _state() -> dict[str, Any]:
    """What of this process belongs to others."""
    root, ours, hydra = logging.getLogger(), logging.getLogger("fanno_hf"), GlobalHydra.instance()
    return {
        "signals": [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)],
        "root logger": (root.level, list(root.handlers), logging.raiseExceptions),
        "our logger": (ours.level, list(ours.handlers), ours.propagate),
        "hydra": (hydra, hydra.hydra, VersionBase.instance().getbase(), JobRuntime.instance().conf.copy()),
        "bars": are_progress_bars_disabled(),
        "environment": dict(os.environ),
        "folder": os.getcwd(),
    }


@contextmanager
def as_it_was() -> Iterator[None]:
    """Checks that what is done within leaves no trace in the process."""
    before = _state()
    yield
    after = _state()
    assert {name: after[name] for name in before if after[name] != before[name]} == {}


def tables(folder: Path) -> dict[str, bytes]:
    """Every table of a run as bytes."""
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in sorted(folder.rglob("*.parquet"))}


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> fanno_hf.Run:
    """A whole run of DOCUMENTS, given as a list."""
    folder = tmp_path_factory.mktemp("python") / "whole"
    return fanno_hf.run(list(DOCUMENTS), *SMALL, {"run": folder})

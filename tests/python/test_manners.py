"""Runs in several threads of one program: one that ends takes neither the log nor its quiet from the others."""

import logging
from types import SimpleNamespace

from datasets.utils import are_progress_bars_disabled

from fanno_hf.python.manners import at_work
from tests.python.conftest import as_it_was


def test_a_run_that_ends_before_another_leaves_it_the_log_and_its_quiet(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(logging.getLogger(), "handlers", [])
    first, second = (
        at_work(SimpleNamespace(run=str(tmp_path / name), log_level=level))
        for name, level in (("a", "WARNING"), ("b", "INFO"))
    )
    with as_it_was():
        first.__enter__(), second.__enter__()
        first.__exit__(None, None, None)
        logging.getLogger("fanno_hf.stages").info("seed: 30 of 49 rows kept")
        quiet = are_progress_bars_disabled()
        second.__exit__(None, None, None)
    assert (capsys.readouterr().err[9:], quiet) == ("seed: 30 of 49 rows kept\n", True)

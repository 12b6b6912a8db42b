"""What several threads change in the process comes back with the last of them."""

import os
from contextlib import contextmanager

from fanno_hf.steps.processes import _forking
from fanno_hf.together import Together


def test_it_is_entered_with_the_first_and_left_with_the_last_whoever_ends_first():
    seen = []

    @contextmanager
    def change(name):
        seen.append(f"in {name}")
        yield
        seen.append("out")

    together = Together(change)
    first, second = together("a"), together("b")
    first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    assert seen == ["in a"]
    second.__exit__(None, None, None)
    assert seen == ["in a", "out"]


def test_processes_forked_by_several_threads_leave_no_variable_whoever_ends_first(monkeypatch):
    monkeypatch.delenv("TOKENIZERS_PARALLELISM", raising=False)
    first, second = _forking(), _forking()
    first.__enter__(), second.__enter__()
    first.__exit__(None, None, None)
    assert os.environ["TOKENIZERS_PARALLELISM"] == "false"
    second.__exit__(None, None, None)
    assert "TOKENIZERS_PARALLELISM" not in os.environ

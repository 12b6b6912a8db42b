"""What each file of cases asserts: a completion, and the instruction, input and kind that are meant by it."""

import pytest

from fanno_hf.parsing.instruction import parse_instruction


def assert_meant(completion: str, instruction: str, data: str = "", kind: str = "") -> None:
    """Fails unless the completion is read as it is meant."""
    found = parse_instruction(completion)
    assert (found.instruction, found.input, found.kind) == (instruction, data, kind)


def cases(*rows: tuple[str, ...]) -> pytest.MarkDecorator:
    """A test of each row (completion, instruction, input, kind); the last two may be left out."""
    return pytest.mark.parametrize("case", rows, ids=lambda row: row[0][:40])


def unchanged(*tasks: str) -> pytest.MarkDecorator:
    """A test of each task, that looks like wrapping and is none."""
    return cases(*((task, task) for task in tasks))

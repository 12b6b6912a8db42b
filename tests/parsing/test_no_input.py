"""An excuse for no input is no input."""

import pytest

from fanno_hf.parsing.no_input import remarks_none, says_none


@pytest.mark.parametrize(
    "excuse",
    [
        *("None", "(none)", "-", "<noinput>", "N/A", "n/a.", "No input is needed.", "leave this out", "(leave out)"),
        *("(omitted)", "omit", "Nothing.", "(nothing needed)", "...", "(see above)", "N/A - general question"),
        *("Not needed, since it is general.", "The request needs no input.", "None (general)", "Not applicable here"),
        *("This task doesn’t require any input.", "No additional input required", "Keine weitere Eingabe", "不适用"),
        *("不要", "कोई नहीं", "該当なし", "niet nodig", "无需输入", "Aucune entrée"),
    ],
)
def test_an_excuse_says_none(excuse):
    assert says_none(excuse)


@pytest.mark.parametrize(
    "data",
    [
        *("Nothing, she said, would hold.", "Not needed any more: one rope.", "None of the knots held.", "N/A knots"),
        *("", "No. 5", "0", "?"),
    ],
)
def test_data_that_begins_like_an_excuse_does_not(data):
    assert not says_none(data)


@pytest.mark.parametrize(
    ("paragraph", "task", "is_remark"),
    [
        ("No input is needed.", "Name a knot.", True),
        ("No input is needed.", "Write a program.", False),
        ("(No input is needed.)", "Write a program.", True),
        ("No input\nis needed.", "Name a knot.", False),
        ("Nothing.", "Name a knot.", False),
    ],
)
def test_remark_behind_a_task(paragraph, task, is_remark):
    assert remarks_none(paragraph, task) is is_remark

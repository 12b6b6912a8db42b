"""Pairs from rows of any shape: which question an answer belongs to, and what is left out is said."""

import logging

import pytest

from fanno_hf.errors import UserError
from fanno_hf.sources.pairs import as_pair, each_pair, name_of
from tests.evaluating.conftest import write_lines

Q1, A1, Q2, A2 = "First question", "First answer", "Second question", "Second answer"


def turns(*texts: str, roles=("user", "assistant")) -> list[dict[str, str]]:
    return [{"role": roles[place % 2], "content": text} for place, text in enumerate(texts)]


@pytest.mark.parametrize(
    ("row", "pair"),
    [
        ({"prompt": turns(Q1, A1, Q2), "completion": [{"role": "assistant", "content": A2}]}, (Q2, A2)),
        ({"prompt": turns(Q1, A1, Q2), "completion": A2}, (Q2, A2)),
        ({"messages": turns(Q1, A1, Q2, A2)}, (Q1, A1)),
        ({"messages": turns("Hello!", Q1, A1, roles=("assistant", "user"))[:2] + turns(Q2, A2)}, (Q2, A2)),
        ({"messages": [*turns(Q1), *turns(Q2, A2)]}, (Q2, A2)),
        ({"messages": turns(Q1)}, (Q1, "")),
        ({"prompt": [Q1, Q2], "output": [A1, A2]}, (Q1, A1)),
        ({"prompt": [Q1, Q2], "output": "whose?"}, (Q1, "")),
        ({"conversations": [{"from": "human", "value": Q1}, {"from": "chatgpt", "value": A1}]}, (Q1, A1)),
        ({"conversations": [{"from": "Human", "value": Q1}, {"from": "Assistant", "value": A1}]}, (Q1, A1)),
        ({"messages": turns([{"type": "text", "text": Q1}], [{"type": "text", "text": A1}])}, (Q1, A1)),
    ],
)
def test_an_answer_keeps_its_own_question(row, pair):
    assert tuple(as_pair(row)[name] for name in ("instruction", "response")) == pair


def test_a_question_with_a_picture_is_no_pair():
    assert as_pair({"messages": turns([{"type": "image"}, {"type": "text", "text": Q1}], A1)}) is None


def test_what_is_in_no_pair_is_counted_and_said(tmp_path, caplog):
    rows = [
        *[{"instruction": f"{Q1} {n}", "output": A1} for n in range(4)],
        {"text": "no pair"},
        {"instruction": " "},
        {"system": "Be brief.", "instruction": Q1, "output": A1},
        {"messages": [{"role": "system", "content": "Be brief."}, *turns(Q1, A1, Q2, A2)]},
        {"conversations": [{"from": "human", "value": Q1}, {"from": "narrator", "value": A1}]},
    ]
    with caplog.at_level(logging.WARNING, logger="fanno_hf"):
        assert len(list(each_pair(str(write_lines(tmp_path / "mixed.jsonl", rows)), "k"))) == 7
    assert [record.getMessage() for record in caplog.records] == [
        "mixed.jsonl: 2 of 9 rows are no pair and are left out",
        "mixed.jsonl: 2 rows have a system prompt, which is left out",
        "mixed.jsonl: 1 rows have further questions, which are left out",
        "mixed.jsonl: turns of narrator are nobody's here: roles are user and assistant",
    ]


def test_nothing_is_said_where_nothing_is_left_out(tmp_path, caplog):
    list(each_pair(str(write_lines(tmp_path / "a.jsonl", [{"instruction": Q1, "output": A1}])), "k"))
    assert not caplog.records


def test_a_data_set_is_called_by_its_name_on_the_hub_or_the_last_part_of_its_path(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "a" / "tiny").mkdir(parents=True)
    names = {
        "owner/name": "owner/name",
        "a/tiny": "tiny",
        "a/tiny.jsonl": "tiny.jsonl",
        "a/tiny/": "tiny",
        ".": tmp_path.name,
        f"{tmp_path}/a": "a",
        "demo": "demo",
    }
    assert {entry: name_of(entry) for entry in names} == names
    assert name_of({"name": "a/tiny"}) == "tiny" and name_of({"name": "owner/name"}) == "owner/name"


def test_a_path_that_is_no_text_is_one_sentence():
    with pytest.raises(UserError, match="train.data: path=5 must be a text"):
        list(each_pair({"path": 5}, "train.data"))

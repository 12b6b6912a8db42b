"""JSON is read however a teacher wrote it."""

import json

import pytest

from fanno_hf.parsing.json_form import read_json
from tests.parsing.cases import assert_meant, cases, unchanged


@cases(
    ("{'instruction': 'Name a sailor\\'s knot.', 'input': None}", "Name a sailor's knot."),
    ('{instruction: "Name a knot.", input: "rope"}', "Name a knot.", "rope"),
    ("{“instruction”: “Name a knot.”, “input”: “rope”}", "Name a knot.", "rope"),
    ('{"task": {"instruction": "Name a knot.", "input": "rope"}}', "Name a knot.", "rope"),
    ('{"task_type": "naming", "question": "Which knot slips?", "difficulty": 3}', "Which knot slips?", "", "naming"),
    ('{"instruction": "Name a knot that holds a sh', "Name a knot that holds a sh"),
    ('{"instruction": "Fill it in.", "input": {"knot": "?"}}', "Fill it in.", '{\n  "knot": "?"\n}'),
    ('{"instruction": "Which holds?", "input": ["rope", "cord",],}', "Which holds?", "rope\ncord"),
    ('{"instruction": "What is "slack"?", "input": ""}', 'What is "slack"?'),
    ('{"instruction": "What is $a \\times b$?"}', "What is $a \\times b$?"),
    ('[{"instruction": "Name a knot."}, {"instruction": "Name a rope."}]', "Name a knot."),
    ('{"instruction": "Summarise it.", "context": "A rope."}', "Summarise it.", "A rope."),
    ('Here is the JSON:\n{"instruction": "Name it.", "input": "rope"}\nHope this helps!', "Name it.", "rope"),
    ('I wrote it as JSON:\n\n```json\n{"instruction": "Name a knot."}\n```', "Name a knot."),
)
def test_json_is_read(case):
    assert_meant(*case)


@cases(
    ('{"instruction": "Kind: name\\nInstruction: Name it.\\nInput: rope", "input": ""}', "Name it.", "rope", "name"),
    ('{"instruction": "Task: Name a knot.\\nInput: cord", "input": "rope"}', "Name a knot.", "rope"),
    ('{"instruction": "Task: Name a knot.\\nInput: cord", "input": "None"}', "Name a knot.", "cord"),
    ('{"instruction": "Kind of task: name\\nDemand: a\\nManner: b\\n\\nName a knot."}', "Name a knot.", "", "name"),
    ('{"instruction": "Kind: reef", "input": ""}', "Kind: reef"),
    ('{"instruction": "Question: 2 + 2?\\nAnswer: 5\\n\\nRight?"}', "Question: 2 + 2?\nAnswer: 5\n\nRight?"),
)
def test_form_inside_json_is_split_once_more(case):
    assert_meant(*case)


@unchanged('Here is the JSON from our shop:\n\n{"prompt": "x", "n": 3}\n\nTurn it into YAML.')
def test_json_that_is_data_stays(case):
    assert_meant(*case)


@pytest.mark.parametrize("value", [{}, [], {"a": [1, 2.5, None, True, {"b": "c, \"d\": 'e'\n\\"}], "": "ü"}])
def test_right_json_is_read_as_it_is(value):
    assert read_json(json.dumps(value) + " and more") == (value, " and more")

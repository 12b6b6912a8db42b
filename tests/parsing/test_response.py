"""White space and a label of its own come off an answer, nothing else."""

import pytest

from fanno_hf.parsing.response import parse_response


@pytest.mark.parametrize(
    ("completion", "response"),
    [
        ("Through their leaves.", "Through their leaves."),
        ("Answer: Through their leaves.", "Through their leaves."),
        ("\n**Answer:** Through their leaves.\n", "Through their leaves."),
        ("The answer: none.", "The answer: none."),
        ("First.\n\n- one\n- two", "First.\n\n- one\n- two"),
        ("## Answer\n\nThrough their leaves.", "Through their leaves."),
        ("答案：叶子。", "叶子。"),
        ("Answer key:\n1. b\n2. c", "Answer key:\n1. b\n2. c"),
        ("Answer: yes\nReason: rain", "Answer: yes\nReason: rain"),
        ("**Answer:** yes\n\n**Reason:** rain", "**Answer:** yes\n\n**Reason:** rain"),
        ("Answer:\n\n```yaml\nmoss: green\n```", "```yaml\nmoss: green\n```"),
        ("| Answer: | yes |\n|---|---|", "| Answer: | yes |\n|---|---|"),
        ("- Answer: yes\n- Answer: no", "- Answer: yes\n- Answer: no"),
        ("```\nAnswer: yes\n```", "```\nAnswer: yes\n```"),
        ("Note: mosses have no roots.", "Note: mosses have no roots."),
        ("Answer:", "Answer:"),
    ],
)
def test_response_keeps_its_form(completion, response):
    assert parse_response(completion) == response

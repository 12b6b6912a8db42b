"""Parts of a message: what is said is one thing, what was thought another, wherever either stands."""

import json

import pytest

from fanno_hf.teacher.reply import read_completion
from tests.teacher.test_pool import ASK

TEXT, HM = "They drink through their leaves.", "No roots, so it must be the leaves. "
SAID = {"type": "text", "text": TEXT}


def read(message: dict, **usage):
    choice = {"message": {"role": "assistant", **message}, "finish_reason": "stop"}
    counts = {"prompt_tokens": 7, "completion_tokens": 17, **usage}
    return read_completion(json.dumps({"choices": [choice], "usage": counts}).encode(), "application/json", ASK)


def whole(text: str) -> str:
    """The body of an answer, as characters."""
    return json.dumps({"choices": [{"message": {"content": text}, "finish_reason": "stop"}]}, ensure_ascii=False)


@pytest.mark.parametrize(
    "message",
    [
        {"content": [{"type": "reasoning", "text": HM}, SAID]},
        {"content": [{"type": "thinking", "text": HM}, {"type": "output_text", "text": TEXT}]},
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": HM}]}, {"text": TEXT}]},
        {"content": [{"type": "thinking", "thinking": HM, "signature": "x" * 99}, SAID]},
        {"content": [{"type": "reasoning", "summary": [{"type": "summary_text", "text": HM}]}, SAID]},
        {"content": TEXT, "reasoning_details": [{"type": "reasoning.text", "text": HM}]},
        {"content": TEXT, "thinking_blocks": [{"type": "thinking", "thinking": HM}]},
        {"content": TEXT, "reasoning": {"content": HM}},
        # the same thought under three names is thought once
        {
            "content": TEXT,
            "reasoning": HM,
            "reasoning_content": HM,
            "reasoning_details": [{"type": "reasoning.text", "text": HM}],
        },
    ],
)
def test_thoughts_are_counted_and_no_part_of_the_answer(message):
    answer = read(message)
    assert answer.text == TEXT
    assert answer.thinking_tokens == round(17 * len(HM) / len(HM + TEXT))


@pytest.mark.parametrize(
    "part",
    [
        {"type": "image_url", "image_url": {"url": "data:…"}},
        {"type": "thinking", "thinking": 5},
        {"type": ["text"], "text": {}},
        {"type": "refusal", "refusal": "No."},
        5,
        None,
    ],
)
def test_a_part_without_words_is_neither(part):
    answer = read({"content": [part, SAID]})
    assert (answer.text, answer.thinking_tokens) == (TEXT, 0)


def test_parts_in_the_events_of_a_stream_are_read_alike():
    deltas = [
        {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": HM}]}]},
        {"content": [{"type": "text", "text": TEXT[:9]}]},
        {"content": TEXT[9:]},
    ]
    events = [{"choices": [{"delta": delta}]} for delta in deltas]
    events.append({"choices": [{"delta": {}, "finish_reason": "stop"}], "usage": {}})
    lines = "".join(f"data: {json.dumps(event)}\n\n" for event in events)
    answer = read_completion(lines.encode(), "text/event-stream", ASK)
    assert (answer.text, answer.thinking_tokens > 0) == (TEXT, True)


@pytest.mark.parametrize(
    ("encoding", "kind"),
    [
        ("utf-8", ""),
        ("utf-8-sig", "application/json"),
        ("utf-16", "application/json"),
        ("latin-1", ""),
        ("cp1252", "application/json; charset=utf-8"),  # what is named is often wrong
        ("utf-8", "application/json; charset=iso-8859-1"),
        ("iso-8859-15", 'application/json; charset="iso-8859-15"'),
        ("latin-1", "application/json; charset=iso-no-such-one"),
        ("latin-1", "application/json; charset=hex"),
    ],
)
def test_letters_come_through_in_whatever_encoding_a_server_writes(encoding, kind):
    assert (
        read_completion(whole("Das Moos wächst überall.").encode(encoding), kind, ASK).text
        == "Das Moos wächst überall."
    )


def test_a_text_that_is_named_by_its_charset_is_read_by_it():
    assert (
        read_completion(whole("苔藓喝水。").encode("gbk"), "application/json; charset=gbk", ASK).text == "苔藓喝水。"
    )


def test_one_broken_character_of_utf_8_costs_no_other():
    body = whole("Moos wächst #.").encode().replace(b"#", b"\xe2\x80")
    assert read_completion(body, "application/json", ASK).text == "Moos wächst \ufffd."

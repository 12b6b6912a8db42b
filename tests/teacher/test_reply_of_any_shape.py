"""Whatever a server sends, reading it gives a completion or says that there is none; nothing else is raised."""

import json

from hypothesis import given, settings
from hypothesis import strategies as st

from fanno_hf.instructing.verdicts import yes_probabilities, yes_probability
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.reply import NoAnswer, read_completion, read_server, read_words

USER = [{"role": "user", "content": "Are mosses plants?"}]
VERDICTS = Request(USER, 48, top_logprobs=5, judge=True)
WORDS = st.sampled_from(
    ["choices", "message", "content", "logprobs", "top_logprobs", "token", "logprob", "usage", "finish_reason", "stop"]
    + ["reasoning_content", "error", "Yes", "<think>", "</think>", "data: ", "prompt_tokens", "\ud83d", ""]
)
NUMBERS = st.floats() | st.integers(-(10**400), 10**400)
ANY = st.recursive(
    st.none() | st.booleans() | NUMBERS | WORDS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=12,
)
TOKEN = {"token": "No", "logprob": -0.1, "top_logprobs": [{"token": "No", "logprob": -0.1}]}
GOOD = {
    "choices": [{"finish_reason": "stop", "message": {"content": "1. No"}, "logprobs": {"content": [TOKEN]}}],
    "usage": {"prompt_tokens": 7, "completion_tokens": 3, "prompt_tokens_details": {"cached_tokens": 1}},
}
BOUNDED = settings(derandomize=True, max_examples=150, deadline=None, database=None)


def paths(value, path=()):
    """Where something may be damaged."""
    yield path
    for key in value if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else ():
        yield from paths(value[key], (*path, key))


def damaged(path, other):
    """The good answer with something else at a place."""
    if not path:
        return other
    whole = json.loads(json.dumps(GOOD))
    inner = whole
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = other
    return whole


def check(content: bytes, kind: str = "application/json") -> None:
    try:
        found = read_completion(content, kind, VERDICTS, ["sk-open-sesame"])
    except NoAnswer as error:
        assert len(str(error)) < 400
        return
    assert Completion.from_json(json.loads(json.dumps(found.to_json()))) == found
    assert found.prompt_tokens >= 0 and found.completion_tokens >= found.thinking_tokens >= 0
    yes_probability(found.text, found.top_logprobs)
    yes_probabilities(found.text, found.answers, 3)


@BOUNDED
@given(st.binary(max_size=60), st.sampled_from(["application/json", "text/event-stream"]))
def test_any_bytes(content, kind):
    check(content, kind)


@BOUNDED
@given(ANY)
def test_any_json(value):
    content = json.dumps(value).encode()
    check(content)
    check(b"data: " + content)
    read_words(content)
    read_server(value, value)


@BOUNDED
@given(st.sampled_from(list(paths(GOOD))), ANY)
def test_any_damage_of_a_good_answer(path, other):
    check(json.dumps(damaged(path, other)).encode())


@BOUNDED
@given(st.integers(0, len(json.dumps(GOOD))), st.binary(max_size=4))
def test_any_bytes_inside_a_good_answer(place, other):
    content = json.dumps(GOOD).encode()
    check(content[:place] + other + content[place:])
    check(content[:place])

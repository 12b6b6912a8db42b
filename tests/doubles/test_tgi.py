"""What the TGI double must do because the real server does it: shapes, refusals in its words, and its faults.

What the pool makes of them is in tests/teacher/test_tgi_teacher.py.
"""

import http.client
import json
from contextlib import closing
from dataclasses import fields

import pytest

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.scripted import reply
from tests.doubles.tgi import TgiServer
from tests.doubles.tgi_answers import CHANGEABLE, Settings
from tests.doubles.tgi_app import Tgi

CHAT = "/v1/chat/completions"
PROMPT = "Explain how mosses drink water without having any roots."
USER = [{"role": "user", "content": PROMPT}]
ASK = {"model": "tgi", "messages": USER, "max_tokens": 64}


@pytest.fixture(scope="module")
def process():
    with TgiServer(max_concurrent_requests=2) as running:
        yield running


@pytest.fixture
def server(process):
    """The shared server, whose faults end with the test."""
    yield process
    process.faults(**{setting.name: setting.default for setting in fields(Settings) if setting.name in CHANGEABLE})


def exchange(server, method, path, body=None):
    """Returns status, headers and content of the response."""
    with closing(http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)) as connection:
        connection.request(method, path, body if body is None or isinstance(body, bytes) else json.dumps(body))
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def ask(server, **changes):
    """Returns status and content of the answer to ASK with these changes."""
    status, _, content = exchange(server, "POST", CHAT, {**ASK, **changes})
    return status, content


def choice(server, **changes):
    status, content = ask(server, **changes)
    assert status == 200, content
    return json.loads(content)["choices"][0]


def test_an_answer_has_tgis_shape_and_the_text_of_the_scripted_teacher(server):
    request = Request(USER, 64)
    got = json.loads(ask(server)[1])
    usage = got.pop("usage")
    head = {"object": "chat.completion", "id": "", "created": 0, "model": Settings.model_id}
    message = {"role": "assistant", "content": reply(request, request.key("double")).text}
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": "stop"}
    assert got == {**head, "system_fingerprint": "3.3.5-native", "choices": [choice]}
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_a_stop_text_ends_the_answer_and_is_kept(server):
    text = choice(server, stop=["o", "a", "e"])["message"]["content"]
    assert text[-1] in "oae" and not set(text[:-1]) & set("oae")


def test_the_token_of_the_text_comes_first_and_has_no_bytes(server):
    got = choice(server, max_tokens=1, logprobs=True, top_logprobs=5)
    first = got["logprobs"]["content"][0]["top_logprobs"][0]
    assert (first["token"], set(first)) == (got["message"]["content"], {"token", "logprob"})


VALIDATION = {
    "`top_n_tokens` must be >= 0 and <= 5. Given: 6": {"logprobs": True, "top_logprobs": 6},
    "`stop` supports up to 4 stop sequences. Given: 5": {"stop": list("abcde")},
    "`top_p` must be > 0.0 and < 1.0": {"top_p": 1.0},
    "`temperature` must be strictly positive": {"temperature": -1},
    "`frequency_penalty` must be >= -2.0 and <= 2.0": {"frequency_penalty": 2.5},
    "`max_new_tokens` must be strictly positive": {"max_tokens": 0},
    "`inputs` cannot be empty": {"messages": [{"role": "user", "content": ""}]},
    "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 14 `inputs` tokens and 4090 `max_new_tokens`": {
        "max_tokens": 4090
    },
}


@pytest.mark.parametrize("words", VALIDATION)
def test_validation_in_tgis_words(server, words):
    status, content = ask(server, **VALIDATION[words])
    error = {"error": f"Input validation error: {words}", "error_type": "validation"}
    assert (status, json.loads(content)) == (422, error)


@pytest.mark.parametrize("roles", [["system", "user"], ["user", "user"], ["assistant"]])
def test_roles_must_alternate(server, roles):
    status, content = ask(server, messages=[{"role": role, "content": PROMPT} for role in roles])
    assert (status, json.loads(content)["error_type"]) == (422, "template_error")


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (400, b'{"messages": ['),
        *((422, {**ASK, **wrong}) for wrong in ({"max_tokens": "64"}, {"stop": "###"}, {"seed": 1.5})),
        *((422, {**ASK, "messages": wrong}) for wrong in (PROMPT, [{"role": "user"}])),
    ],
    ids=str,
)
def test_what_is_no_request_is_refused_in_plain_text(server, status, body):
    got, headers, _ = exchange(server, "POST", CHAT, body)
    assert (got, headers.get_content_type()) == (status, "text/plain")


def test_one_too_many_is_refused_before_its_values_are_looked_at():
    answers = []
    tgi = Tgi(Settings(max_concurrent_requests=2, hang_share=1.0), None)
    for top_p in (0.5, 0.5, 1.0):
        tgi.handle("POST", CHAT, "", json.dumps({**ASK, "top_p": top_p}).encode(), answers.append)
    assert [(answer.status, json.loads(answer.body)["error_type"]) for answer in answers] == [(429, "overloaded")]


def test_slots_go_to_who_came_first():
    later, answers = [], []
    tgi = Tgi(Settings(slots=1, mean_seconds=1.0), lambda _, *call: later.append(call))
    for name in "abc":
        tgi.handle("POST", CHAT, "", json.dumps({**ASK, "model": name}).encode(), answers.append)
    for _ in range(3):
        [(finish, job)] = later
        later.clear()
        finish(job)
    assert [json.loads(answer.body)["model"] for answer in answers] == ["a", "b", "c"]


@pytest.mark.parametrize(
    ("faults", "status", "content"),
    [
        ({"error_share": 1}, 500, b'{"error": "Incomplete generation", "error_type": "incomplete_generation"}'),
        ({"error_share": 1, "error_status": 503}, 503, b"Service Unavailable"),
        ({"storm": True}, 429, b'{"error": "Model is overloaded", "error_type": "overloaded"}'),
        ({"rubbish_share": 1}, 200, b"<html><body>Please log in</body></html>"),
    ],
    ids=str,
)
def test_faults(server, faults, status, content):
    server.faults(**faults)
    assert ask(server) == (status, content)


def test_half_a_body_is_half_a_json_or_half_of_what_was_announced(server):
    whole = ask(server)[1]
    server.faults(truncate_share=1)
    assert ask(server) == (200, whole[: len(whole) // 2])
    server.faults(truncate_share=0, drop_share=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(server)
    assert caught.value.partial == whole[: len(whole) // 2]


def test_faults_follow_from_the_number_of_the_request(server):
    server.faults(overload_share=0.5)
    rounds = []
    for _ in range(2):
        server.reset()
        rounds.append([ask(server)[0] for _ in range(20)])
    assert rounds[0] == rounds[1] and set(rounds[0]) == {200, 429}

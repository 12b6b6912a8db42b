"""The TGI double: what it answers, what it refuses, its faults, its slots, and the life of its process."""

import http.client
import json
import subprocess
import sys
import time
from contextlib import closing
from dataclasses import fields
from pathlib import Path

import pytest

from fanno_hf.teacher.base import Request
from fanno_hf.teacher.scripted import reply
from tests.doubles.tgi import Connection, TgiServer
from tests.doubles.tgi_answers import CHANGEABLE, Settings
from tests.doubles.tgi_app import Tgi

ROOT = Path(__file__).resolve().parent.parent.parent
CHAT = "/v1/chat/completions"
PROMPT = "Explain how mosses drink water without having any roots."
USER = [{"role": "user", "content": PROMPT}]
ASK = {"model": "tgi", "messages": USER, "max_tokens": 64}
JSON = {"Content-Type": "application/json"}
MODEL = "mistralai/Mistral-7B-Instruct-v0.2"


@pytest.fixture(scope="module")
def server():
    with TgiServer(max_concurrent_requests=2, record=True) as running:
        yield running


@pytest.fixture
def faulty(server):
    """The shared server, whose faults end with the test and begin with request number 0."""
    server.reset()
    yield server
    server.faults(**{setting.name: setting.default for setting in fields(Settings) if setting.name in CHANGEABLE})


def send(server, method, path, body=None, headers=JSON):
    """Sends a request and returns the connection, which has not been read from."""
    connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=20)
    content = body if body is None or isinstance(body, bytes) else json.dumps(body).encode()
    connection.request(method, path, content, headers)
    return connection


def exchange(server, method, path, body=None, headers=JSON):
    """Returns status, headers and content of the response."""
    with closing(send(server, method, path, body, headers)) as connection:
        response = connection.getresponse()
        return response.status, response.headers, response.read()


def ask(server, body, path=CHAT, headers=JSON):
    """Returns status and content of the response to a POST."""
    status, _, content = exchange(server, "POST", path, body, headers)
    return status, content


def get(server, path):
    """Returns status and content of a page."""
    status, _, content = exchange(server, "GET", path)
    return status, content


def answer(server, **changes):
    """The answer to ASK with these changes, or without a value where the change is None."""
    status, content = ask(server, {name: value for name, value in {**ASK, **changes}.items() if value is not None})
    assert status == 200, content
    return json.loads(content)


def refusal(server, body, path=CHAT):
    """Status, error and error_type."""
    status, content = ask(server, body, path)
    error = json.loads(content)
    return status, error["error"], error["error_type"]


def until(server, **expected):
    """Waits until the statistics have these values."""
    deadline = time.monotonic() + 20
    while (stats := server.stats()) != {**stats, **expected}:
        assert time.monotonic() < deadline, stats


def asked(text, **changes):
    return {**ASK, "messages": [{"role": "user", "content": text}], **changes}


def with_stop(stop):
    """A request with this stop text, and the scripted reply to it, which contains the text before its end."""
    for seed in range(1000):
        request = Request(USER, 64, seed=seed, stop=(stop,))
        text = reply(request, request.key("double")).text
        if stop in text and not text.endswith(stop):
            return {**ASK, "seed": seed, "stop": [stop]}, text
    raise AssertionError("no such reply")


# answers


def test_an_answer_has_tgis_shape(server):
    got = answer(server)
    got["choices"][0]["message"]["content"] = got["usage"] = None
    assert got == {
        "object": "chat.completion",
        "id": "",
        "created": 0,
        "model": MODEL,
        "system_fingerprint": "3.3.5-native",
        "choices": [
            {
                "index": 0,
                "message": {"role": "assistant", "content": None},
                "logprobs": None,
                "finish_reason": "stop",
            }
        ],
        "usage": None,
    }


def test_the_text_is_the_scripted_reply(server):
    request = Request(USER, 64)
    assert answer(server)["choices"][0]["message"]["content"] == reply(request, request.key("double")).text


def test_prompt_tokens_are_a_quarter_of_the_characters(server):
    assert answer(server)["usage"]["prompt_tokens"] == len(PROMPT) // 4


def test_total_tokens_are_the_sum(server):
    usage = answer(server)["usage"]
    assert usage["total_tokens"] == usage["prompt_tokens"] + usage["completion_tokens"]


def test_any_other_model_is_echoed(server):
    assert answer(server, model="dummy")["model"] == "dummy"


def test_the_same_request_gets_the_same_bytes(server):
    assert ask(server, ASK) == ask(server, ASK)


def test_two_requests_on_one_connection(server):
    with closing(send(server, "POST", CHAT, ASK)) as connection:
        first = connection.getresponse().read()
        connection.request("POST", CHAT, json.dumps(ASK), JSON)
        assert connection.getresponse().read() == first


def test_temperature_0_is_greedy(server):
    assert answer(server, temperature=0)["choices"][0]["finish_reason"] == "stop"


def test_null_is_no_value(server):
    assert ask(server, {**ASK, "top_p": None}) == ask(server, ASK)


def test_one_token_ends_for_its_length(server):
    assert answer(server, max_tokens=1)["choices"][0]["finish_reason"] == "length"


def test_most_completions_are_not_cut_off(server):
    reasons = [answer(server, seed=seed)["choices"][0]["finish_reason"] for seed in range(100)]
    assert 85 < reasons.count("stop") < 100


def test_lengths_vary_and_keep_to_the_budget(server):
    lengths = {answer(server, seed=seed)["usage"]["completion_tokens"] for seed in range(50)}
    assert len(lengths) > 15 and max(lengths) <= 64


def test_a_stop_text_ends_the_answer_and_is_kept(server):
    body, text = with_stop(" mosses")
    choice = answer(server, **body)["choices"][0]
    expected = text[: text.index(" mosses")] + " mosses"
    assert (choice["message"]["content"], choice["finish_reason"]) == (expected, "stop_sequence")


def test_a_stop_text_that_does_not_come(server):
    assert answer(server, stop=["###"])["choices"][0]["finish_reason"] == "stop"


def test_the_earliest_stop_text_ends_the_answer(server):
    text = answer(server, stop=["o", "a", "e"])["choices"][0]["message"]["content"]
    assert text[-1] in "oae" and not set(text[:-1]) & set("oae")


def test_logprobs_have_no_bytes(server):
    entry = answer(server, max_tokens=1, logprobs=True, top_logprobs=5)["choices"][0]["logprobs"]["content"][0]
    assert {frozenset(part) for part in (entry, *entry["top_logprobs"])} == {
        frozenset({"token", "logprob", "top_logprobs"}),
        frozenset({"token", "logprob"}),
    }


def test_the_token_of_the_text_comes_first(server):
    choice = answer(server, max_tokens=1, logprobs=True, top_logprobs=5)["choices"][0]
    assert choice["logprobs"]["content"][0]["top_logprobs"][0]["token"] == choice["message"]["content"]


def test_no_more_alternatives_than_asked_for(server):
    entry = answer(server, max_tokens=1, logprobs=True, top_logprobs=1)["choices"][0]["logprobs"]["content"][0]
    assert len(entry["top_logprobs"]) == 1


def test_n_and_logit_bias_are_ignored(server):
    assert ask(server, {**ASK, "n": 3, "logit_bias": [1.0]}) == ask(server, ASK)


def test_generate_names_the_end_of_the_text_itself(server):
    body = {"inputs": PROMPT, "parameters": {"max_new_tokens": 64, "details": True, "seed": 7}}
    details = json.loads(ask(server, body, "/generate")[1])["details"]
    assert (details["finish_reason"], details["seed"]) == ("eos_token", 7)


def test_generate_without_details(server):
    request = Request(USER, 64)
    body = {"inputs": PROMPT, "parameters": {"max_new_tokens": 64}}
    text = reply(request, request.key("double")).text
    assert json.loads(ask(server, body, "/generate")[1]) == {"generated_text": text}


# refusals

INVALID = {
    "top_logprobs": ({"logprobs": True, "top_logprobs": 6}, "`top_n_tokens` must be >= 0 and <= 5. Given: 6"),
    "stop": ({"stop": list("abcde")}, "`stop` supports up to 4 stop sequences. Given: 5"),
    "top_p": ({"top_p": 1.0}, "`top_p` must be > 0.0 and < 1.0"),
    "temperature": ({"temperature": -1}, "`temperature` must be strictly positive"),
    "frequency_penalty": ({"frequency_penalty": 2.5}, "`frequency_penalty` must be >= -2.0 and <= 2.0"),
    "max_tokens": ({"max_tokens": 0}, "`max_new_tokens` must be strictly positive"),
    "empty": ({"messages": [{"role": "user", "content": ""}]}, "`inputs` cannot be empty"),
    "total": (
        {"max_tokens": 4090},
        "`inputs` tokens + `max_new_tokens` must be <= 4096. Given: 14 `inputs` tokens and 4090 `max_new_tokens`",
    ),
}


@pytest.mark.parametrize("name", INVALID)
def test_validation_in_tgis_words(server, name):
    changes, words = INVALID[name]
    assert refusal(server, {**ASK, **changes}) == (422, f"Input validation error: {words}", "validation")


def test_a_prompt_that_is_too_long():
    words = "Input validation error: `inputs` must have less than 10 tokens. Given: 14"
    assert json.loads(direct(Settings(max_input_tokens=10), ASK)[0][0].body)["error"] == words


def test_generate_refuses_temperature_0(server):
    body = {"inputs": PROMPT, "parameters": {"temperature": 0}}
    assert refusal(server, body, "/generate")[0] == 422


@pytest.mark.parametrize("roles", [["system"], ["system", "user"], ["user", "user"], ["assistant"]])
def test_roles_must_alternate(server, roles):
    messages = [{"role": role, "content": PROMPT} for role in roles]
    status, words, kind = refusal(server, {**ASK, "messages": messages})
    assert (status, kind) == (422, "template_error") and "Conversation roles must alternate" in words


def test_roles_that_alternate(server):
    messages = [{"role": role, "content": PROMPT} for role in ("user", "assistant", "user")]
    assert answer(server, messages=messages)["usage"]["prompt_tokens"] == 3 * len(PROMPT) // 4


def test_another_template_takes_a_system_role():
    messages = [{"role": "system", "content": "Be brief."}, *USER]
    assert direct(Settings(template="any"), {**ASK, "messages": messages})[0][0].status == 200


def test_malformed_json(server):
    assert ask(server, b'{"messages": [')[0] == 400


@pytest.mark.parametrize(
    "changes",
    [
        {"stop": "###"},
        {"max_tokens": "64"},
        {"max_tokens": -1},
        {"max_tokens": True},
        {"seed": 1.5},
        {"temperature": "0"},
        {"logprobs": 1},
        {"messages": PROMPT},
        {"messages": [{"role": "user"}]},
    ],
    ids=str,
)
def test_a_wrong_type_is_refused_in_plain_text(server, changes):
    status, headers, _ = exchange(server, "POST", CHAT, {**ASK, **changes})
    assert (status, headers.get_content_type()) == (422, "text/plain")


def test_a_body_that_is_too_large(server):
    assert ask(server, asked("moss " * 400_001))[0] == 413


def test_a_body_without_its_type(server):
    assert ask(server, ASK, headers={})[0] == 415


def test_an_unknown_path(server):
    assert get(server, "/v2")[0] == 404


# admission


def test_one_too_many_is_refused_at_once(faulty):
    faulty.faults(hang_share=1)
    waiting = [send(faulty, "POST", CHAT, ASK) for _ in range(2)]
    until(faulty, in_flight=2)
    refused = refusal(faulty, ASK)
    for connection in waiting:
        connection.close()
    assert refused == (429, "Model is overloaded", "overloaded")


def test_overload_comes_before_validation(faulty):
    faulty.faults(storm=True)
    assert ask(faulty, {**ASK, "top_p": 1.0})[0] == 429


def test_the_template_comes_before_overload(faulty):
    faulty.faults(storm=True)
    assert refusal(faulty, {**ASK, "messages": [{"role": "system", "content": PROMPT}]})[2] == "template_error"


def test_who_goes_gives_back_the_place(faulty):
    faulty.faults(hang_share=1)
    send(faulty, "POST", CHAT, ASK).close()
    until(faulty, gone=1, in_flight=0)


def test_who_is_refused_gives_back_the_place(server):
    for _ in range(3):
        ask(server, {**ASK, "top_p": 1.0})
    assert server.stats()["in_flight"] == 0


# pages


def test_info(server):
    assert json.loads(get(server, "/info")[1]) == {
        "model_id": MODEL,
        "model_sha": "3ad372fc79158a2148299e3318516c786aeded6c",
        "max_concurrent_requests": 2,
        "max_best_of": 2,
        "max_stop_sequences": 4,
        "max_input_tokens": 4095,
        "max_total_tokens": 4096,
        "max_client_batch_size": 4,
        "version": "3.3.5",
        "docker_label": "sha-3ad372f",
        "router": "text-generation-router",
    }


def test_health(server):
    assert get(server, "/health") == (200, b"")


def test_ill_health(faulty):
    faulty.faults(unhealthy=True)
    status, content = get(faulty, "/health")
    assert (status, json.loads(content)) == (503, {"error": "unhealthy", "error_type": "healthcheck"})


def test_models(server):
    model = {"id": MODEL, "object": "model", "created": 0, "owned_by": MODEL}
    assert json.loads(get(server, "/v1/models")[1]) == {"object": "list", "data": [model]}


def test_metrics_count_requests(server):
    server.reset()
    answer(server)
    assert "\ntgi_request_count 1\n" in get(server, "/metrics")[1].decode()


# faults


def test_a_storm_ends_when_it_is_switched_off(faulty):
    faulty.faults(storm=True)
    during = ask(faulty, ASK)[0]
    faulty.faults(storm=False)
    assert (during, ask(faulty, ASK)[0]) == (429, 200)


def test_a_share_of_overload(faulty):
    faulty.faults(overload_share=0.5)
    statuses = [ask(faulty, ASK)[0] for _ in range(60)]
    assert set(statuses) == {200, 429} and 15 < statuses.count(429) < 45


def test_faults_follow_from_the_number_of_the_request(faulty):
    faulty.faults(overload_share=0.5)
    first = [ask(faulty, ASK)[0] for _ in range(20)]
    faulty.reset()
    assert [ask(faulty, ASK)[0] for _ in range(20)] == first


def retry_after(server):
    return exchange(server, "POST", CHAT, ASK)[1]["Retry-After"]


def test_no_retry_after_by_itself(faulty):
    faulty.faults(storm=True)
    assert retry_after(faulty) is None


def test_retry_after_where_it_is_set(faulty):
    faulty.faults(storm=True, retry_after=7)
    assert retry_after(faulty) == "7"


def test_an_incomplete_generation(faulty):
    faulty.faults(error_share=1)
    assert refusal(faulty, ASK) == (500, "Incomplete generation", "incomplete_generation")


def test_a_failed_generation(faulty):
    faulty.faults(error_share=1, error_status=424)
    status, words, kind = refusal(faulty, ASK)
    assert (status, kind) == (424, "generation") and words.startswith("Request failed during generation: ")


def test_an_error_of_a_proxy(faulty):
    faulty.faults(error_share=1, error_status=503)
    assert ask(faulty, ASK) == (503, b"Service Unavailable")


def test_a_hanging_request_is_counted(faulty):
    faulty.faults(hang_share=1)
    connection = send(faulty, "POST", CHAT, ASK)
    until(faulty, faults={"hang": 1}, in_flight=1, by_status={})
    connection.close()


def test_a_drop_in_the_middle_of_the_body(faulty):
    whole = ask(faulty, ASK)[1]
    faulty.faults(drop_share=1)
    with pytest.raises(http.client.IncompleteRead) as caught:
        ask(faulty, ASK)
    assert caught.value.partial == whole[: len(whole) // 2]


def test_half_a_json(faulty):
    whole = ask(faulty, ASK)[1]
    faulty.faults(truncate_share=1)
    assert ask(faulty, ASK) == (200, whole[: len(whole) // 2])


def test_rubbish(faulty):
    faulty.faults(rubbish_share=1)
    status, content = ask(faulty, ASK)
    assert status == 200 and content.startswith(b"<html>")


def test_refused_words(faulty):
    faulty.faults(refuse_words="REFUSE-ME")
    statuses = [ask(faulty, asked(text))[0] for text in (PROMPT, f"{PROMPT} REFUSE-ME")]
    assert statuses == [200, 422]


def test_a_setting_that_cannot_be_changed(server):
    with pytest.raises(ValueError, match="'slots'"):
        server.faults(slots=1)


# statistics


def test_statistics_of_answers(server):
    server.reset()
    usage = [answer(server, seed=seed)["usage"] for seed in (0, 1, 1)]
    ask(server, {**ASK, "top_p": 1.0})
    stats = server.stats()
    names = ("requests", "answered", "distinct", "by_status", "completion_tokens")
    tokens = sum(part["completion_tokens"] for part in usage)
    assert [stats[name] for name in names] == [4, 3, 2, {"200": 3, "422": 1}, tokens]


def test_a_spoiled_answer_is_none(faulty):
    faulty.faults(truncate_share=1)
    ask(faulty, ASK)
    stats = faulty.stats()
    assert (stats["answered"], stats["faults"]) == (0, {"truncate": 1})


def test_requests_are_recorded_with_their_headers(server):
    ask(server, asked("Which mosses?"), headers={**JSON, "Authorization": "Bearer Abc"})
    last = server.received()[-1]
    assert (last["path"], last["body"]["messages"][0]["content"], last["headers"]["authorization"]) == (
        CHAT,
        "Which mosses?",
        "Bearer Abc",
    )


# slots and service times, without a clock


class Timer:
    """Stands for the loop: keeps what is to be called later, and calls it when told."""

    def __init__(self):
        self.calls = []

    def __call__(self, seconds, function, *arguments):
        self.calls.append((seconds, function, arguments))
        return self

    def cancel(self):
        """Nothing runs by itself."""

    @property
    def seconds(self):
        return [seconds for seconds, _, _ in self.calls]

    def fire(self):
        _, function, arguments = self.calls.pop(0)
        function(*arguments)


def direct(settings, *bodies):
    """Gives bodies to a server without connections; returns its responses (a list that grows), its timer and itself."""
    timer, responses = Timer(), []
    tgi = Tgi(settings, timer)
    for body in bodies:
        head = f"POST {CHAT} HTTP/1.1\r\nContent-Type: application/json"
        tgi.handle("POST", CHAT, head, json.dumps(body).encode(), responses.append)
    return responses, timer, tgi


def test_only_as_many_as_slots_are_served():
    _, timer, tgi = direct(Settings(slots=2, mean_seconds=1.0), *(asked(f"moss {i}") for i in range(3)))
    assert (len(timer.calls), tgi.running, tgi.in_flight) == (2, 2, 3)


def test_a_slot_goes_to_who_came_first():
    bodies = [asked(f"moss {i}", model=str(i)) for i in range(4)]
    responses, timer, _ = direct(Settings(slots=1, mean_seconds=1.0), *bodies)
    for _ in bodies:
        timer.fire()
    assert [json.loads(response.body)["model"] for response in responses] == ["0", "1", "2", "3"]


def test_the_mean_service_time_is_as_set():
    bodies = [asked("moss " * 320 + str(i), max_tokens=256) for i in range(200)]
    _, timer, _ = direct(Settings(slots=200, max_concurrent_requests=200, mean_seconds=2.0), *bodies)
    assert 1.8 < sum(timer.seconds) / 200 < 2.2


def test_service_seconds_are_those_of_the_timers():
    _, timer, tgi = direct(Settings(mean_seconds=1.0), asked("moss 1"), asked("moss 2"))
    seconds = timer.seconds
    timer.fire()
    timer.fire()
    assert (tgi.stats.service_seconds, tgi.stats.longest) == (sum(seconds), max(seconds))


def test_the_service_time_follows_from_the_seed():
    one, other = (direct(Settings(mean_seconds=1.0, seed=seed), ASK)[1].seconds for seed in (1, 2))
    assert one != other


def test_half_the_speed_doubles_the_service_time():
    full, half = (direct(Settings(mean_seconds=1.0, speed=speed), ASK)[1].seconds[0] for speed in (1.0, 0.5))
    assert half == 2 * full


def test_verdicts_take_a_time_of_their_own():
    assert direct(Settings(mean_seconds=1.0, verdict_seconds=0.125), {**ASK, "max_tokens": 1})[1].seconds == [0.125]


def test_a_verdict_is_shorter_than_an_answer():
    _, timer, _ = direct(Settings(mean_seconds=1.0), {**ASK, "max_tokens": 1})
    assert timer.seconds == [pytest.approx(0.15 * 14 / 400 + 0.85 / 100)]


def test_a_long_queue_of_requests_without_service_time():
    settings = Settings(slots=1, max_concurrent_requests=3000, mean_seconds=1.0, verdict_seconds=0.0)
    verdicts = [asked(f"moss {i}", max_tokens=1) for i in range(2000)]
    responses, timer, _ = direct(settings, ASK, *verdicts)
    while timer.calls:
        timer.fire()
    assert len(responses) == 2001


class Transport:
    """Stands for a socket: keeps what is written."""

    def __init__(self):
        self.written = b""

    def write(self, data):
        self.written += data

    def is_closing(self):
        return False


def test_a_request_waits_for_the_one_before_it_on_its_connection():
    timer, transport = Timer(), Transport()
    connection = Connection(Tgi(Settings(mean_seconds=1.0), timer))
    connection.connection_made(transport)
    content = json.dumps(ASK)
    head = f"POST {CHAT} HTTP/1.1\r\nContent-Type: application/json\r\nContent-Length: {len(content)}\r\n\r\n"
    connection.data_received(2 * f"{head}{content}".encode())
    for _ in range(2):
        assert len(timer.calls) == 1
        timer.fire()
    assert transport.written.count(b"HTTP/1.1 200 OK") == 2


# the process


def test_refused_until_ready():
    with TgiServer(ready_after=3600) as server, pytest.raises(ConnectionRefusedError):
        get(server, "/health")


def test_ready_after_a_while():
    with TgiServer(ready_after=0.1) as server:
        server.wait_ready()
        assert get(server, "/health")[0] == 200


def test_death_and_return_on_the_same_port():
    with TgiServer(hang_share=1) as server:
        url, waiting = server.url, send(server, "POST", CHAT, ASK)
        until(server, in_flight=1)
        server.kill()
        with closing(waiting), pytest.raises(ConnectionError):
            waiting.getresponse()
        with pytest.raises(ConnectionRefusedError):
            send(server, "GET", "/health")
        server.start_again(hang_share=0)
        assert (server.url, ask(server, ASK)[0]) == (url, 200)


def started(*options):
    command = [sys.executable, "-m", "tests.doubles.tgi", *options]
    process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    assert json.loads(process.stdout.readline())["pid"] == process.pid
    return process


def test_it_ends_with_whoever_started_it():
    process = started()
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_it_ends_with_whoever_started_it_though_it_is_not_ready():
    process = started("--ready-after", "3600")
    process.communicate(timeout=20)
    assert process.returncode == 0


def test_it_ends_when_its_time_is_over():
    process = started("--lifetime", "0.01")
    assert process.wait(20) == 0
    process.communicate()

"""stage=doctor: what it says of servers that are ready, and of those that are not."""

import re
import threading
from contextlib import closing
from dataclasses import replace
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.commands import doctor as module
from fanno_hf.commands import doctor_load as load
from fanno_hf.commands.doctor import examine
from fanno_hf.commands.doctor_checks import Finding
from fanno_hf.errors import FannoError
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.scripted import reply
from fanno_hf.vectors.embedder import HashingEmbedder
from fanno_hf.vectors.server import ServerEmbedder
from fanno_hf.vectors.store import EmbeddingStore
from tests.conftest import compose_config
from tests.doubles.chat_server import ChatServer
from tests.doubles.tei import TeiServer
from tests.doubles.tgi import TgiServer

LONG = 1_500  # characters from which on a prompt is one of the burst's


def said_of(folder, *overrides: str) -> str:
    """The report on what the configuration names: every line that is said, and the last one, ready or not."""
    lines: list[str] = []
    try:
        last = examine(resolve(compose_config(*overrides, f"run={folder / 'run'}")), lines.append)
    except FannoError as error:
        last = str(error)
    return "\n".join([*lines, last])


@pytest.fixture
def doctor(tmp_path):
    """Examines servers; returns the report, ready or not."""

    def do(*urls: str, teacher: str = "openai", others: tuple[str, ...] = (), **settings) -> str:
        given = [f"teacher.{name}={value}" for name, value in settings.items()]
        return said_of(tmp_path, f"teacher={teacher}", f"teacher.base_url=[{','.join(urls)}]", *given, *others)

    return do


def level(report: str, name: str) -> str | None:
    """The level of a finding: ok, note or bad; None where there is none of this name."""
    found = re.search(rf"^  (\w+)\s+{name}\b", report, re.MULTILINE)
    return found and found[1]


def decided(request: Request) -> Completion:
    """An answer in text alone, which says no to whatever is asked."""
    is_asked = "yes or no" in request.messages[-1]["content"]
    return Completion("1. no\n2. no\n3. no" if is_asked else "Honey.", prompt_tokens=20, completion_tokens=12)


def length_of(body: dict) -> int:
    return sum(len(turn["content"]) for turn in body["messages"])


@pytest.fixture(scope="module")
def tgi():
    with TgiServer(slots=32) as server:
        yield server


@pytest.fixture(scope="module")
def report(tgi, tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    found = said_of(folder, "teacher=tgi", f"teacher.base_url=[{tgi.url}]")
    assert not (folder / "run").exists()
    return found


@pytest.mark.parametrize(
    "said",
    [
        r"mistralai/Mistral-7B-Instruct-v0\.2@3ad372fc79158a2148299e3318516c786aeded6c",
        *(r"requests at once\s+128", "4,096 tokens of prompt and answer", r"ok\s+speed\s+[\d,]+ tokens/s"),
        *(
            r"ok\s+plain request\s+answered after",
            r"ok\s+token counts\s+\d+ of the prompt",
            r"ok\s+thinking\s+none seen",
        ),
        *(r"ok\s+log-probabilities\s+P\(yes\) = 0\.\d\d", r"ok\s+verdicts\s+in one request: low_quality \d\.\d\d"),
        *(r"free disk\s+[\d.]+ GB", r"note\s+system turn", r"8 long prompts at once", r"ok\s+still answers\s+yes"),
        r"\nready$",
    ],
)
def test_of_a_server_that_is_well_the_report_says(report, said):
    assert re.search(said, report)


def test_a_server_that_is_not_there_is_not_ready(doctor, tgi):
    said = r"(?s)127.0.0.1:9\n  bad   answers .*not ready: look at answers$"
    assert re.search(said, doctor(tgi.url, "http://127.0.0.1:9", teacher="tgi"))


def test_more_alternatives_than_the_server_gives_is_not_ready(doctor, tgi):
    said = r"bad   log-probabilities  top_logprobs=6 is refused .*: give a smaller one, or 0"
    assert re.search(said, doctor(tgi.url, teacher="tgi", others=("top_logprobs=6",)))


def test_a_server_that_takes_too_short_prompts_is_not_ready(doctor):
    said = r"bad   length\s+600 tokens of prompt and answer; the stages need up to about 3,984"
    with TgiServer(max_total_tokens=600, max_input_tokens=599) as server:
        assert re.search(said, doctor(server.url, teacher="tgi"))


def test_another_model_than_the_one_named_is_not_ready(doctor, tgi):
    report = doctor(tgi.url, teacher="tgi", model="gpt-2")
    assert "teacher.model=gpt-2, and the server answers with mistralai/" in report


def test_servers_with_different_models_are_not_ready(doctor, tgi):
    with TgiServer(model_id="org/other") as other:
        assert re.search("they serve different ones: .*\nnot ready", doctor(tgi.url, other.url, teacher="tgi"))


def test_a_server_without_log_probabilities_is_a_note(doctor):
    with ChatServer(alter=lambda answer: answer["choices"][0].update(logprobs=None)) as server:
        assert level(doctor(server.url), "log-probabilities") == "note"


def test_a_server_that_refuses_log_probabilities_is_a_note(doctor):
    refuse = lambda body: 400 if body.get("logprobs") else None  # noqa: E731
    with ChatServer(refuse=refuse, words="logprobs unsupported", write=decided) as server:
        report = doctor(server.url)
    assert re.search(r"note  log-probabilities  refused \(400: logprobs unsupported\)", report)
    assert report.endswith("\nready")


def test_a_model_that_nobody_names_is_asked_for(doctor, tgi):
    with TgiServer(model_id="org/asked") as server:
        assert "org/asked@" in doctor(server.url, teacher="tgi")


@pytest.mark.parametrize(("url", "code"), [(None, 0), ("http://127.0.0.1:9", 1)])
def test_the_exit_code_says_ready_or_not(cli, tgi, tmp_path, url, code):
    arguments = ["stage=doctor", "teacher=tgi", f"teacher.base_url={url or tgi.url}", f"run={tmp_path / 'run'}"]
    found, said = cli(*arguments)
    assert found == code
    # the report is for stdout, and only the last line of bad news is an error
    assert "free disk" in cli.shown
    assert ("not ready: look at answers" in said) == bool(code)
    assert cli.shown.endswith("\nready\n") != bool(code)


# ---- what a server says of its models


def test_a_server_with_several_models_lists_them(doctor):
    with ChatServer(models=["small", "large"]) as server:
        report = doctor(server.url)
    assert "the server has several: give one as teacher.model, of small, large" in report
    assert server.chats == []


def test_a_model_that_is_not_among_those_listed_is_a_note(doctor):
    with ChatServer(models=["small", "large"]) as server:
        assert re.search(
            "note  model +middle, which is not among .*: small, large", doctor(server.url, model="middle")
        )


def test_what_a_server_says_in_place_of_its_models_is_shown(doctor):
    """As LiteLLM does without its key: every path answers 400."""
    with ThreadingHTTPServer(("127.0.0.1", 0), NoDatabase) as server:
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
        report = doctor(f"http://127.0.0.1:{server.server_address[1]}")
        server.shutdown()
    said = r"does not say which one it serves \(/v1/models answers 400: No connected db\.\): give teacher\.model"
    assert re.search(said, report)
    assert report.endswith("not ready: look at model")


class NoDatabase(BaseHTTPRequestHandler):
    """Answers 400 to everything."""

    def do_GET(self):
        content = b'{"error": {"message": "No connected db.", "type": "no_db_connection"}}'
        self.send_response(400)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        """Says nothing."""


# ---- blame


@pytest.mark.parametrize("status", [400, 404, 500])
def test_what_every_request_gets_is_said_once(doctor, status):
    with ChatServer(lasting=status, words="No connected db.") as server:
        report = doctor(server.url)
    assert report.count("No connected db.") == 1
    assert level(report, "plain request") == "bad"
    assert report.endswith("not ready: look at plain request")
    assert [level(report, name) for name in ("log-probabilities", "earlier turns", "JSON schema", "speed")] == [
        None
    ] * 4


def test_an_empty_answer_is_not_ready(doctor):
    with ChatServer(write=lambda request: replace(reply(request, request.key("double")), text="")) as server:
        assert level(doctor(server.url), "plain request") == "bad"


def test_undecided_verdicts_are_not_ready(doctor):
    def write(request):
        done = reply(request, request.key("double"))
        return replace(done, text="It depends.", top_logprobs=None, answers=None) if request.top_logprobs else done

    with ChatServer(write=write) as server:
        report = doctor(server.url)
    said = r"bad   verdicts +low_quality, private_information, advertisement undecided, the answer is 'It depends.': set prompts"
    assert re.search(said, report)
    assert report.endswith("not ready: look at verdicts")


def test_where_no_token_is_counted_it_is_not_ready(doctor):
    with ChatServer(alter=lambda answer: answer.pop("usage")) as server:
        report = doctor(server.url)
    assert re.search(r"bad   token counts +the server tells none \(no usage\): .* estimates", report)
    assert report.endswith("\nnot ready: look at token counts")


def test_system_turns_and_earlier_turns_that_no_prompt_has_are_notes(doctor):
    with ChatServer(refuse=lambda body: 400 if len(body["messages"]) > 1 else None) as server:
        report = doctor(server.url)
    assert (level(report, "earlier turns"), level(report, "system turn")) == ("note", "note")
    assert report.endswith("\nready")


def test_earlier_turns_that_demonstrations_need_are_not_a_note(doctor):
    with ChatServer(refuse=lambda body: 400 if len(body["messages"]) > 1 else None) as server:
        report = doctor(server.url, others=("prompts=small", "tags=small"))
    assert level(report, "earlier turns") == "bad"


# ---- answers


def thinking(unless):
    """A change of answers: thoughts stand apart, `unless` the body asks for none."""
    bodies = []

    def alter(answer):
        if not unless(bodies[-1]):
            answer["choices"][0]["message"]["reasoning_content"] = "Bees, bees, bees."

    return (lambda body: bodies.append(body)), alter


@pytest.mark.parametrize(
    ("unless", "said"),
    [
        (
            lambda body: "chat_template_kwargs" in body,
            r"ok    thinking +the model thinks, and leaves it when it is asked",
        ),
        (lambda body: "reasoning_effort" in body, r"ok    thinking +the model thinks, and leaves it when it is asked"),
        (lambda body: False, r"note  thinking +the model cannot be kept from it: \d+ tokens .*4,096 more"),
    ],
)
def test_a_model_that_thinks_is_recognised(doctor, unless, said):
    refuse, alter = thinking(unless)
    with ChatServer(refuse=refuse, alter=alter, write=decided) as server:
        report = doctor(server.url)
    assert re.search(said, report)
    assert report.endswith("\nready")


def test_a_verdict_of_a_model_that_thinks_has_room_for_thoughts(doctor):
    """Its only token would be one of thoughts: undecided."""
    bodies = []

    def alter(answer):
        tokens = bodies[-1]["max_tokens"]
        message = answer["choices"][0]["message"]
        if tokens < 1_000:
            message["content"], answer["choices"][0]["finish_reason"] = "", "length"
        message["reasoning_content"] = "Hm."

    with ChatServer(refuse=bodies.append, alter=alter, write=decided) as server:
        report = doctor(server.url)
    assert level(report, "verdicts") == "ok"


def test_tokens_of_the_template_at_the_end_are_a_note(doctor):
    def alter(answer):
        answer["choices"][0]["message"]["content"] += "<|im_end|>"

    with ChatServer(alter=alter) as server:
        assert re.search(r"note  endings .*ends with '<\|im_end\|>', a token of the template", doctor(server.url))


def test_stop_strings_that_stay_are_a_note(doctor, tgi):
    def alter(answer):
        answer["choices"][0]["message"]["content"] += " END"

    with ChatServer(alter=alter) as server:
        report = doctor(server.url, others=("stages.seed.stop=[END]",))
    assert re.search(r"note  endings .*keeps 'END' \(stop strings\), which are taken off", report)


# ---- load


def test_the_burst_is_like_the_seed_stage(doctor):
    with ChatServer() as server:
        report = doctor(server.url, concurrency=5, structured="off")
    bodies = [
        request.body for request in server.chats if length_of(request.body) > LONG and request.body["max_tokens"] == 64
    ]
    assert re.search(r"ok    speed .*5 long prompts at once", report)
    assert len(bodies) == 5
    assert len({body["seed"] for body in bodies}) == 5
    assert {(body["temperature"], body["top_p"]) for body in bodies} == {(0.7, 0.95)}
    assert len({body["messages"][-1]["content"] for body in bodies}) == 5


def test_a_server_that_falls_over_a_burst_is_not_ready(doctor):
    """Its HTTP server lives on, its engine does not."""
    dead = []

    def refuse(body):
        if body.get("top_p") and length_of(body) > LONG:
            dead.append(True)
        return 500 if dead else None

    with ChatServer(refuse=refuse, words="EngineCore encountered an issue") as server:
        report = doctor(server.url)
    assert re.search(r"bad   speed +\d of 8 long prompts at once fail: 500: EngineCore", report)
    assert re.search(r"bad   still answers +no: 500: EngineCore encountered an issue; several long prompts", report)
    assert report.endswith("not ready: look at speed, still answers")


def test_a_slow_server_is_a_note_after_the_time_of_the_probe(doctor, monkeypatch):
    monkeypatch.setattr(load, "BURST_SECONDS", 0.2)
    with ChatServer(refuse=lambda body: "hang" if body.get("top_p") else None) as server:
        report = doctor(server.url)
    assert re.search(r"note  speed +8 of 8 long prompts at once were not answered within 0.2 s", report)
    assert report.endswith("\nready")


def test_a_server_that_does_not_come_back_from_a_burst_is_not_ready(doctor, monkeypatch):
    monkeypatch.setattr(load, "BURST_SECONDS", 0.2)
    monkeypatch.setattr(load, "AFTER_SECONDS", 0.2)
    full = []
    with ChatServer(refuse=lambda body: "hang" if body.get("top_p") or full else None) as server:
        monkeypatch.setattr(load, "_speed", lambda *given: full.append(True) or Finding("note", "speed", "slow"))
        report = doctor(server.url)
    assert re.search(r"bad   still answers +not within 0.2 s: .*teacher.concurrency=1", report)


def test_a_check_that_takes_too_long_is_a_note(doctor, monkeypatch):
    monkeypatch.setattr(module, "CHECK_SECONDS", 0.3)
    with ChatServer(refuse=lambda body: "hang" if "response_format" in body else None) as server:
        monkeypatch.setattr(load, "BURST_SECONDS", 0.2)
        assert re.search(r"note  JSON schema +no answer within 0.3 s", doctor(server.url))


def test_prompts_that_lose_a_part_of_their_document_are_not_ready(doctor):
    words = "your prompt contains at least 901 input tokens, and the maximum context length is 900 tokens"
    with ChatServer(refuse=lambda body: 400 if length_of(body) > 3_000 else None, words=words) as server:
        report = doctor(server.url, structured="off")
    assert re.search(r"bad   length +8 of 8 prompts like the seed stage's were too long", report)


def test_each_finding_is_said_when_it_is_there(tmp_path):
    """Not after the last one: a slow server gives none for minutes."""
    said, seen = [], []

    def refuse(body):
        seen.append(len(said))

    with ChatServer(refuse=refuse) as server:
        settings = resolve(
            compose_config("teacher=openai", f"teacher.base_url={server.url}", f"run={tmp_path / 'run'}")
        )
        assert examine(settings, said.append) == "ready"
    assert seen == sorted(seen)
    assert len(set(seen)) > 6


@pytest.mark.model
def test_the_embedded_teacher_is_loaded_once_and_ready(tmp_path, caplog, monkeypatch):
    async def nothing(patient):
        for finding in ():
            yield finding

    monkeypatch.setattr(module, "under_load", nothing)  # eight long prompts take a minute on two cores
    caplog.set_level("INFO", "fanno_hf")
    assert said_of(tmp_path, "teacher.threads=1").endswith("\nready")  # the other core belongs to other tests
    assert caplog.text.count("loading the embedded teacher") == 1


def test_a_judge_is_examined_with_what_it_is_asked(doctor, tgi):
    with ChatServer() as server:
        report = doctor(tgi.url, teacher="tgi", others=("judge=openai", f"judge.base_url={server.url}"))
    _, judge = report.split("\njudge http")
    assert level(judge, "verdicts") == "ok"
    assert level(judge, "still answers") == "ok"
    assert level(judge, "JSON schema") is None
    assert {request.body["temperature"] for request in server.chats} == {0.0}


# ---- an embedder behind a server


def embedder_report(folder, *servers, others: tuple[str, ...] = ()) -> str:
    urls = ",".join(getattr(server, "url", server) for server in servers)
    return said_of(folder, "teacher=scripted", "embedder=server", f"embedder.base_url=[{urls}]", *others)


def test_of_an_embedder_that_is_well_the_report_says_what_it_takes_and_gives(tmp_path):
    with TeiServer() as server:
        EmbeddingStore(HashingEmbedder(8), tmp_path / "run" / "embeddings").encode(["moss", "rain"])
        report = embedder_report(tmp_path, server)
    for line in (
        r"ok    answers            version 1\.7\.1",
        r"ok    model              thenlper/gte-base@fca14538aa99, float16, cls",
        r"ok    batches            32 texts in a request, 16 requests at once",
        r"ok    length             512 tokens of a text; it cuts longer ones",
        r"ok    vectors            64 numbers; a text twice in a batch: 0\.0e\+00 apart",
        r"ok    speed              [\d,]+ texts/s, 4 requests of 32 long texts at once",
        r"note  kept vectors       2 of hashing-8; none of this model: every text is embedded again",
    ):
        assert re.search(line, report), report
    assert report.endswith("\nready")


def test_an_embedder_whose_vectors_have_another_length_than_those_of_the_run_is_bad(tmp_path):
    with TeiServer(dimension=8) as server, closing(ServerEmbedder(server.url)) as embedder:
        EmbeddingStore(embedder, tmp_path / "run" / "embeddings").encode(["moss", "rain"])
    with TeiServer(dimension=16) as server:
        report = embedder_report(tmp_path, server)
    assert re.search(
        r"bad   kept vectors +2 of this model, of 8 numbers, and the server gives 16: serve the one", report
    )


def test_an_embedder_that_refuses_long_texts_is_a_note_and_then_bad(tmp_path):
    with TeiServer(auto_truncate=False) as server:
        report = embedder_report(tmp_path, server, others=("embedder.truncate=false",))
    assert (
        "note  length             512 tokens of a text, and passages have up to 512; it refuses longer ones" in report
    )
    with TeiServer(auto_truncate=False, max_input_length=16) as server:
        report = embedder_report(tmp_path, server, others=("embedder.truncate=false",))
    assert re.search(r"bad   speed  .* must have less than 16 tokens", report)


def test_an_embedder_that_mixes_up_its_answers_is_bad(tmp_path):
    mix = lambda answer: {**answer, "data": [{**e, "index": (e["index"] + 1) % 3} for e in answer["data"]]}  # noqa: E731
    with TeiServer(alter=lambda answer: mix(answer) if len(answer["data"]) == 3 else answer) as server:
        assert re.search(r"bad   vectors .*: the server mixes up its answers", embedder_report(tmp_path, server))


def test_embedders_with_different_models_or_none_are_bad(tmp_path):
    with TeiServer() as one, TeiServer(model_dtype="float32") as other:
        report = embedder_report(tmp_path, one, other, "http://127.0.0.1:9")
    assert "embedder http://127.0.0.1:9\n  bad   answers            no: " in report
    assert re.search("they serve different ones: thenlper.*float16, cls, vec.*; thenlper.*float32, cls, vec", report)


@pytest.mark.parametrize(
    ("one", "other", "given", "words"),
    [
        ({"model": "moss"}, {"model": "fern"}, (), "fern, vectors of 64 numbers; moss, vectors of 64 numbers"),
        ({"model": "moss"}, {"model": "fern"}, ("embedder.model=moss",), "fern, vectors of 64 numbers; moss, vectors"),
        ({"dimension": 64}, {"dimension": 32}, (), "thenlper/gte-base, vectors of 32 numbers; thenlper"),
    ],
)
def test_embedders_that_tell_little_are_told_apart_by_name_and_length(tmp_path, one, other, given, words):
    with TeiServer(like="openai", **one) as first, TeiServer(like="openai", **other) as second:
        report = embedder_report(tmp_path, first, second, others=given)
    assert f"they serve different ones: {words}" in report
    assert report.endswith("not ready: look at model")


def test_an_embedder_that_lists_other_models_is_a_note(tmp_path):
    with TeiServer(like="openai", model="fern") as server:
        report = embedder_report(tmp_path, server, others=("embedder.model=moss",))
    assert "note  model              moss, which is not among those that the server lists: fern" in report

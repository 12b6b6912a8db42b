"""stage=doctor: what it says of servers that are ready, and of those that are not."""

import re

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.doctor import examine
from fanno_hf.errors import FannoError
from tests.conftest import compose_config
from tests.doubles.chat_server import ChatServer
from tests.doubles.tgi import TgiServer


@pytest.fixture
def doctor(tmp_path):
    """Examines servers; returns the report, ready or not."""

    def do(*urls: str, teacher: str = "tgi", **settings) -> str:
        given = [f"teacher.{name}={value}" for name, value in settings.items() if name != "others"]
        overrides = [f"teacher={teacher}", f"teacher.base_url=[{','.join(urls)}]", f"run={tmp_path / 'run'}"]
        return examine(resolve(compose_config(*overrides, *given, *settings.get("others", ()))))

    return do


def level(report: str, name: str) -> str:
    """The level of a finding: ok, note or bad."""
    return re.search(rf"^  (\w+)\s+{name}\b", report, re.MULTILINE)[1]


@pytest.fixture(scope="module")
def tgi():
    with TgiServer(slots=32) as server:
        yield server


@pytest.fixture(scope="module")
def report(tgi, tmp_path_factory):
    folder = tmp_path_factory.mktemp("doctor")
    found = examine(resolve(compose_config("teacher=tgi", f"teacher.base_url=[{tgi.url}]", f"run={folder / 'run'}")))
    assert not (folder / "run").exists()
    return found


@pytest.mark.parametrize(
    "said",
    [
        r"mistralai/Mistral-7B-Instruct-v0\.2@3ad372fc79158a2148299e3318516c786aeded6c",
        *(r"requests at once\s+128", "4,096 tokens of prompt and answer", r"ok\s+speed\s+[\d,]+ tokens/s"),
        *(
            r"ok\s+log-probabilities\s+P\(yes\) = 0\.\d\d",
            r"free disk\s+[\d.]+ GB",
            r"note\s+system turn",
            r"\nready$",
        ),
    ],
)
def test_of_a_server_that_is_well_the_report_says(report, said):
    assert re.search(said, report)


def test_a_server_that_is_not_there_is_not_ready(doctor, tgi):
    with pytest.raises(FannoError, match=r"(?s)127.0.0.1:9\n  bad   answers .*not ready: look at answers"):
        doctor(tgi.url, "http://127.0.0.1:9")


def test_more_alternatives_than_the_server_gives_is_not_ready(doctor, tgi):
    said = r"bad   log-probabilities  top_logprobs=6 is refused .*: give a smaller one, or 0"
    with pytest.raises(FannoError, match=said):
        doctor(tgi.url, others=["top_logprobs=6"])


def test_a_server_that_takes_too_short_prompts_is_not_ready(doctor):
    said = r"bad   length\s+600 tokens of prompt and answer; the stages need up to about"
    with TgiServer(max_total_tokens=600, max_input_tokens=599) as server, pytest.raises(FannoError, match=said):
        doctor(server.url)


def test_another_model_than_the_one_named_is_not_ready(doctor, tgi):
    with pytest.raises(FannoError, match="teacher.model=gpt-2, and the server answers with mistralai/"):
        doctor(tgi.url, model="gpt-2")


def test_servers_with_different_models_are_not_ready(doctor, tgi):
    with TgiServer(model_id="org/other") as other, pytest.raises(FannoError, match="they serve different ones"):
        doctor(tgi.url, other.url)


def test_a_server_without_log_probabilities_is_a_note(doctor):
    with ChatServer(alter=lambda answer: answer["choices"][0].update(logprobs=None)) as server:
        assert level(doctor(server.url, teacher="openai"), "log-probabilities") == "note"


def test_a_model_that_nobody_names_is_asked_for(doctor, tgi):
    with TgiServer(model_id="org/asked") as server:
        assert "org/asked@" in doctor(server.url)


@pytest.mark.parametrize(("url", "code"), [(None, 0), ("http://127.0.0.1:9", 1)])
def test_the_exit_code_says_ready_or_not(cli, tgi, tmp_path, url, code):
    arguments = ["stage=doctor", "teacher=tgi", f"teacher.base_url={url or tgi.url}", f"run={tmp_path / 'run'}"]
    assert cli(*arguments)[0] == code

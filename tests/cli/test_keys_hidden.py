"""A key that somebody puts into the wrong setting is in no line that is said, and in no file that is written."""

import json

import pytest

from tests.conftest import SMALL, write_documents
from tests.doubles.chat_server import ChatServer
from tests.teacher.test_pool import free_port

KEY = "zq9-Kx7VbN2mW8tR"
TEACHER = (
    "teacher=openai",
    "prompts=small",
    "tags=small",
    "rules=small",
    "teacher.model=double",
    "teacher.api_key_env=TEACHER_KEY",
)
HASTY = ("teacher.patience=0", "teacher.retries=0", "teacher.timeout=5", "log_level=INFO")


@pytest.fixture
def do(cli, tmp_path, monkeypatch):
    """A function that does pre-screening with a key in the environment; returns exit code and what was said."""
    monkeypatch.setenv("TEACHER_KEY", KEY)
    data = ("data=files", f"data.path={write_documents(tmp_path / 'documents.jsonl')}", "run=demo", "stage=prescreen")

    def call(*overrides: str) -> tuple[int, str]:
        code, said = cli(*SMALL, *TEACHER, *HASTY, *data, *overrides)
        return code, said + cli.shown

    return call


def written(tmp_path) -> bytes:
    """All files of a run, in small letters, as the name of a host is."""
    return b"".join(path.read_bytes() for path in (tmp_path / "runs").rglob("*") if path.is_file()).lower()


@pytest.mark.parametrize(
    ("url", "debug"),
    [
        *(("KEY", False), ("http://KEY", False), ("http://KEY:8000", True), ("http://127.0.0.1:KEY", True)),
        ("http://127.0.0.1:PORT/KEY", False),
    ],
)
def test_an_address_that_holds_the_key_is_not_repeated(do, tmp_path, url, debug):
    url = url.replace("KEY", KEY).replace("PORT", str(free_port()))
    code, said = do(f"teacher.base_url={url}", f"debug={debug}")
    assert code in (1, 2) and "teacher" in said
    assert KEY.lower() not in said.lower()
    assert KEY.lower().encode() not in written(tmp_path)


def test_a_proxy_that_is_the_key_is_not_repeated(do, tmp_path, monkeypatch):
    monkeypatch.setenv("http_proxy", KEY)
    code, said = do("teacher.base_url=http://moss.invalid:80")
    assert code == 1 and KEY.lower() not in said.lower()
    assert KEY.lower().encode() not in written(tmp_path)


def test_doctor_does_not_repeat_it(do):
    code, said = do(f"teacher.base_url=http://{KEY}:8000", "stage=doctor")
    assert code == 1 and "http://***:8000" in said
    assert KEY.lower() not in said.lower()


def test_a_key_in_a_setting_of_no_use_is_written_nowhere(do, tmp_path):
    with ChatServer() as server:
        assert do(f"teacher.base_url={server.url}", f"+mykey={KEY}")[0] == 0
    entry = json.loads((tmp_path / "runs" / "demo" / "run.json").read_text(encoding="utf-8"))["stages"]["prescreen"]
    assert "+mykey=***" in entry["command"]
    assert KEY.lower().encode() not in written(tmp_path)


def test_a_setting_that_would_publish_the_key_is_refused(do):
    given = ("judge=openai", "judge.base_url=http://127.0.0.1:1", f"judge.system='It is {KEY}.'")
    code, said = do("teacher.base_url=http://127.0.0.1:1", *given)
    assert (code, KEY in said) == (2, False)
    assert "judge.system holds what seems to be a key" in said and "judge.api_key_env" in said


def test_a_key_of_digits_in_the_place_of_its_name_is_refused_in_words(do):
    code, said = do("teacher.base_url=http://127.0.0.1:1", "teacher.api_key_env=1234567890123456")
    assert (code, said.count("\n")) == (2, 1)
    assert "teacher.api_key_env takes the NAME of an environment variable" in said and "1234" not in said


def test_a_name_that_is_a_number_is_refused_in_words(do):
    code, said = do("teacher.base_url=http://127.0.0.1:1", "teacher.model=7")
    assert code == 2 and "teacher.model=7: it must be a text (in quotes where it looks like a number), or null" in said


@pytest.mark.parametrize("debug", [False, True])
@pytest.mark.parametrize(
    ("setting", "key"),
    [
        ("teacher.base_url=http://127.0.0.1:1/v1?api_key=sk-MOSSabc", "teacher.base_url"),
        ("teacher.base_url=http://bob:MOSS=ter2@h:80", "teacher.base_url"),
        ("teacher.base_url=MOSS=abc", "teacher.base_url"),
        ("teacher.base_url=http://a,http://bob:MOSS@b", "teacher.base_url"),
        ("judge.base_url=http://h/?k=MOSS", "judge.base_url"),
        ("teacher.api_key_env=hf_MOSS&x", "teacher.api_key_env"),
        ("teacher.api_key_env=MOSS,x", "teacher.api_key_env"),
        ("+teacher.api_key=MOSS=x", "+teacher.api_key"),
        ("run=sk-MOSSabcdefg12345=", "run"),
        ("teacher=sk-MOSSabcdefg12345", "teacher"),
        ("http://h/?api_key=MOSS", "'…' is not an override"),
    ],
)
def test_a_setting_that_cannot_be_read_is_named_and_its_value_is_not_shown(cli, setting, key, debug):
    code, said = cli(setting, f"debug={debug}")
    assert (code, "MOSS" in said + cli.shown) == (2, False)
    assert key in said.splitlines()[-1]


@pytest.mark.parametrize("setting", ["teacher.log=/a/b=c", "data.path=a,b"])
def test_a_setting_that_holds_no_key_is_shown_as_it_should_be_written(cli, setting):
    code, said = cli(setting)
    key, _, value = setting.partition("=")
    assert code == 2 and f"\"{key}='{value}'\"" in said

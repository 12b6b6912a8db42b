"""A student on the Hub: its files as they are, in one commit."""

import pytest

from fanno_hf.errors import UserError
from fanno_hf.hub.push_model import push_model
from tests.hub.conftest import config_of

FILES = {
    "config.json": b"{}",
    "model.safetensors": b"\x00weights",
    "README.md": b"# student\n",
    "loss.png": b"\x89PNG",
}


@pytest.fixture
def student(tmp_path):
    folder = tmp_path / "student"
    folder.mkdir()
    for name, content in FILES.items():
        (folder / name).write_bytes(content)
    return folder


def test_a_student_is_pushed_as_it_is_and_not_again(hub, student):
    settings = config_of("demo", model_id="tester/student").hub
    said = push_model(student, settings)
    assert {name: hub.files("tester/student")[name] for name in FILES} == FILES
    assert said.endswith(f"tester/student is at commit {hub.commits('tester/student')[0].oid}")
    commits = len(hub.commits("tester/student"))
    push_model(student, settings)
    assert len(hub.commits("tester/student")) == commits


def test_a_busy_hub_is_asked_again(hub, student):
    hub.fault("commit", 503, times=2)
    push_model(student, config_of("demo", model_id="tester/student").hub)
    assert "model.safetensors" in hub.files("tester/student")


@pytest.mark.parametrize(
    ("model_id", "words"),
    [(None, "hub.model_id is missing"), ("student", "lacks its owner"), ("a/b/c", "hub.model_id=a/b/c")],
)
def test_a_name_that_is_none_is_told_before_anything_is_sent(model_id, words, hub, student):
    with pytest.raises(UserError, match=words):
        push_model(student, config_of("demo", model_id=model_id).hub)


def test_without_a_token_nothing_is_sent(hub, student, monkeypatch):
    monkeypatch.delenv("HF_TOKEN")
    with pytest.raises(UserError, match="HF_TOKEN"):
        push_model(student, config_of("demo", model_id="tester/student").hub)
    assert hub.requests == []

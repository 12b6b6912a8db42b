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


def test_nothing_of_an_earlier_student_is_left_and_what_others_put_there_stays(hub, student):
    settings = config_of("demo", model_id="tester/student").hub
    earlier = {
        "adapter_config.json": b"{}",
        "adapter_model.safetensors": b"\x00",
        "model-00001-of-00002.safetensors": b"\x00",
        "model.safetensors.index.json": b"{}",
        "chat_template.jinja": b"{{ x }}",
        "LICENSE": b"MIT",
    }
    for name, content in earlier.items():
        (student / name).write_bytes(content)
    push_model(student, settings)
    for name in earlier:
        (student / name).unlink()
    push_model(student, settings)
    assert set(hub.files("tester/student")) - {".gitattributes"} == {*FILES, "LICENSE"}


def test_others_get_what_is_meant_for_them_in_place_of_a_file(hub, student):
    (student / "training.json").write_bytes(b'{"model": "/home/me/tiny"}')
    push_model(student, config_of("demo", model_id="tester/student").hub, {"training.json": b'{"model": "tiny"}'})
    assert hub.files("tester/student")["training.json"] == b'{"model": "tiny"}'

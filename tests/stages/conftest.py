"""A context around a teacher that answers as the test says."""

from collections.abc import Callable

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.pipeline.references import NamedBenchmarks, NamedDocuments
from fanno_hf.steps.context import Context
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.teacher.journal import Journal
from fanno_hf.teacher.service import Teacher
from fanno_hf.texts.segment import TokenCounter
from fanno_hf.vectors.embedder import HashingEmbedder
from tests.conftest import compose_config


class CallableBackend:
    """Answers with what a function returns for the request's last turn; verdicts are "No" unless the test says other."""

    identity, capacity, in_flight, room, resent, faults, context_length = "callable", 4, 0, 0, 0, {}, None

    def __init__(self, answer: Callable[[str], str | Completion], verdict: Callable[[str], str]):
        self._answer, self._verdict = answer, verdict
        self.requests: list[Request] = []

    async def open(self):
        """Nothing to open."""

    async def close(self):
        """Nothing to close."""

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        """Answers at once."""
        self.requests.append(request)
        prompt = request.messages[-1]["content"]
        if request.top_logprobs:
            return Completion(self._verdict(prompt), "length", 10, 1)
        answer = self._answer(prompt)
        return answer if isinstance(answer, Completion) else Completion(answer, "stop", 10, len(answer.split()))


@pytest.fixture
def make_context(tmp_path):
    """A function (answer, verdict, overrides, backend) -> (context, backend); given a backend, it answers alone."""
    teachers = []

    def make(
        answer=lambda prompt: "How do mosses drink water?", verdict=lambda prompt: "No", overrides=(), backend=None
    ):
        small = ("teacher=scripted", "embedder=hashing", "tokenizer=words", "parser=[]")
        settings = resolve(compose_config(*small, *overrides))
        backend = backend or CallableBackend(answer, verdict)
        teachers.append(Teacher(backend, Journal(tmp_path / f"journal-{len(teachers)}.sqlite")))
        counter = TokenCounter.load("words")
        against = NamedDocuments(settings.prescreen.against) if settings.prescreen.against else None
        benchmarks = NamedBenchmarks(settings.decontamination) if settings.decontamination.benchmarks else None
        return Context(settings, teachers[-1], HashingEmbedder(), counter, benchmarks, against), backend

    yield make
    for teacher in teachers:
        teacher.close()

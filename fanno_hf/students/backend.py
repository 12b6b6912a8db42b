"""A model of this machine as a backend of the service: its answers are journaled as those of a server are.

    Request([{"role": "user", "content": "How do mosses drink?"}], max_tokens=64)
        ->  Completion("Through their leaves.", "stop", prompt_tokens=14, completion_tokens=6)

Requests are answered in batches, greedily, in the order in which they come in. What sampling a request asks for is ignored.
"""

import asyncio
import contextlib
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import FannoError, UserError
from fanno_hf.students.chat import prepare
from fanno_hf.students.language_model import LanguageModel
from fanno_hf.teacher.base import Completion, Request

if TYPE_CHECKING:
    import torch

_WAIT = 0.02  # seconds in which a batch may fill up
_AHEAD = 2  # batches that wait while one is at work


class StudentBackend:
    """Implements `teacher.base.Backend`.

    Args:
        load: loads the model; called when the first request comes that the journal cannot answer.
        identity: of the model (see `language_model.identify`).
        batch_size: requests that are answered at once.
    """

    def __init__(self, load: Callable[[], LanguageModel], identity: str, batch_size: int):
        self.identity, self.capacity, self.in_flight, self.resent = identity, (1 + _AHEAD) * batch_size, 0, 0
        self.faults: dict[str, int] = {}
        self.context_length: int | None = None
        self.room = 0
        self._load, self._batch_size = load, batch_size
        self._waiting: list[tuple[Request, asyncio.Future[Completion]]] = []
        self._worker: asyncio.Task | None = None
        self._writer: Writer | None = None

    async def open(self) -> None:
        """Loads the model. Raises as `load` does."""
        self._writer = await asyncio.to_thread(lambda: Writer(self._load()))
        self.context_length = self._writer.context

    async def complete(self, request: Request, urgent: bool = False) -> Completion:
        """Answers one request; one that the context cannot hold is refused."""
        answer: asyncio.Future[Completion] = asyncio.get_running_loop().create_future()
        # the place behind those that are urgent, too, so that the order of arrival alone decides what is answered together
        self._waiting.append((request, answer))
        self.in_flight += 1
        if self._worker is None or self._worker.done():
            self._worker = asyncio.ensure_future(self._work())
        try:
            return await answer
        finally:
            self.in_flight -= 1

    async def _work(self) -> None:
        while self._waiting:
            await asyncio.sleep(_WAIT)
            batch = self._next()
            started = time.monotonic()
            try:
                found = await asyncio.to_thread(self._writer.write, [request for request, _ in batch])
            except Exception as error:
                for _, answer in batch:
                    if not answer.done():
                        answer.set_exception(error)
                continue
            seconds = (time.monotonic() - started) / len(batch)
            for (_, answer), completion in zip(batch, found, strict=True):
                if not answer.done():
                    answer.set_result(Completion(**{**vars(completion), "seconds": seconds}))

    def _next(self) -> list[tuple[Request, "asyncio.Future[Completion]"]]:
        """Takes the first requests out of the queue that may be as long as the first one."""
        most = self._waiting[0][0].max_tokens
        batch = [one for one in self._waiting if one[0].max_tokens == most][: self._batch_size]
        self._waiting = [one for one in self._waiting if all(one is not taken for taken in batch)]
        return batch

    async def close(self) -> None:
        """Lets go of the model; a batch that is at work stops at its next token, for a process that ends waits for its threads."""
        if self._writer is not None:
            self._writer.stop()
        if self._worker is not None:
            self._worker.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._worker
        self._writer = None


class Writer:
    """Writes answers with a model that is loaded."""

    def __init__(self, loaded: LanguageModel):
        self._model, self._tokenizer, self._name = loaded.model, loaded.tokenizer, loaded.name
        self._chat = prepare(self._tokenizer)
        self._end = self._chat.end
        self.context: int | None = getattr(self._model.config.get_text_config(), "max_position_embeddings", None)
        self._stopped = threading.Event()

    def stop(self) -> None:
        """Ends what is being written, and all that comes after it, after one token; nobody waits for it. From any thread."""
        self._stopped.set()

    def write(self, requests: Sequence[Request]) -> list[Completion]:
        """Answers requests with the same `max_tokens` together. Raises FannoError where memory does not suffice."""
        prompts = [self._chat.tokens(self._chat.text(request.messages, answer=True)) for request in requests]
        room = [self._room(prompt, request) for prompt, request in zip(prompts, requests, strict=True)]
        whole = [place for place, most in enumerate(room) if most == requests[place].max_tokens]
        # one that the context cuts short goes alone: it would cut the others, too
        groups = [group for group in (whole, *([place] for place in range(len(room)) if place not in whole)) if group]
        found: dict[int, list[int]] = {}
        try:
            for group in groups:
                if (most := room[group[0]]) > 0:
                    written = self._generate([prompts[place] for place in group], most)
                    found.update(zip(group, written, strict=True))
        except (MemoryError, RuntimeError) as error:
            raise _explained(self._name, error) from error
        return [
            self._completion(prompt, found.get(place), most, most < request.max_tokens)
            for place, (prompt, request, most) in enumerate(zip(prompts, requests, room, strict=True))
        ]

    def _room(self, prompt: Sequence[int], request: Request) -> int:
        """Tokens that an answer may have behind a prompt."""
        return min(request.max_tokens, self.context - len(prompt)) if self.context else request.max_tokens

    def _generate(self, prompts: Sequence[Sequence[int]], most: int) -> list[list[int]]:
        import torch
        from transformers import GenerationConfig

        width, padding = max(map(len, prompts)), self._tokenizer.pad_token_id
        ids = torch.tensor([[padding] * (width - len(prompt)) + list(prompt) for prompt in prompts])
        mask = torch.tensor([[0] * (width - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        how = GenerationConfig(
            do_sample=False, num_beams=1, max_new_tokens=most, eos_token_id=self._ends(), pad_token_id=padding
        )
        device = self._model.device
        with torch.inference_mode(), self._plain():
            rows = self._model.eval().generate(
                ids.to(device),
                attention_mask=mask.to(device),
                generation_config=how,
                stopping_criteria=[self._is_over],
            )
        return rows[:, width:].tolist()

    def _is_over(self, ids: "torch.Tensor", scores: Any, **_: Any) -> "torch.Tensor":
        """Says of each row whether it ends here; what transformers asks after each token."""
        import torch

        return torch.full((len(ids),), self._stopped.is_set(), dtype=torch.bool, device=ids.device)

    @contextlib.contextmanager
    def _plain(self) -> Iterator[None]:
        """Keeps what the model's own generation config adds to greedy search, such as a penalty for repetitions, out of its answers."""
        from transformers import GenerationConfig

        own = self._model.generation_config
        self._model.generation_config = GenerationConfig()
        try:
            yield
        finally:
            self._model.generation_config = own

    def _ends(self) -> list[int]:
        """The end of a turn, and what else ends a text as the model says itself."""
        own: Any = getattr(self._model.generation_config, "eos_token_id", None)
        return sorted({self._end, *(own if isinstance(own, list) else [own] if own is not None else [])})

    def _completion(self, prompt: Sequence[int], tokens: list[int] | None, most: int, is_less: bool) -> Completion:
        if tokens is None:
            return Completion(
                error=("teacher_refused", f"the prompt has {len(prompt)} tokens, the context {self.context}")
            )
        ends = self._ends()
        end = next((place for place, token in enumerate(tokens) if token in ends), None)
        is_ended = end is not None and end < most
        kept = tokens[: end + 1] if is_ended else tokens[:most]
        text = self._tokenizer.decode(kept[:-1] if is_ended else kept, skip_special_tokens=True)
        is_full = is_less and not is_ended
        return Completion(text.strip(), "stop" if is_ended else "length", len(prompt), len(kept), is_full=is_full)


def _explained(name: str, error: BaseException) -> Exception:
    words = " ".join(str(error).split())[:200] or type(error).__name__
    if isinstance(error, MemoryError) or "memory" in words.lower():
        return FannoError(
            f"{name}: its answers do not fit into memory ({words}): lower evaluate.batch_size, or max_tokens"
        )
    return UserError(f"{name} cannot answer: {words}")

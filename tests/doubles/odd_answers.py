"""What servers wrap around an answer, each as a `wrap` of `ChatServer`; behind them is a teacher that is never at fault.

ChatServer(write=strong(), wrap=Thinks("<think>{thoughts}</think>\\n\\n{text}"))
"""

import json
from collections.abc import Callable
from typing import Any

from fanno_hf.teacher.base import Completion, Request
from tests.doubles.chat_server import Raw
from tests.doubles.strong_teacher import StrongTeacher

ROOM = 4096  # teacher.thinking_room
THOUGHTS = (
    "Okay, the user asks about this text. Let me see what it says, and then decide. No, wait; yes, I have it.\n" * 2
)
Body = dict[str, Any]


def strong() -> Callable[[Request], Completion]:
    """A strong teacher that does not mind room for thoughts."""
    teacher = StrongTeacher()

    def write(request: Request) -> Completion:
        most = request.max_tokens - ROOM if request.max_tokens > ROOM else request.max_tokens
        return teacher(Request(request.messages, most, top_logprobs=request.top_logprobs))

    return write


def blind(write: Callable[[Request], Completion]) -> Callable[[Request], Completion]:
    """The same for a server that ignores `logprobs`: a verdict is known by its question."""

    def answer(request: Request) -> Completion:
        return write(request)

    return answer


def tokens(text: str) -> int:
    """So many has a text, for all servers here."""
    return -(-len(text) // 4)


def prompt_tokens(body: Body) -> int:
    return sum(tokens(turn["content"]) for turn in body["messages"])


def said(answer: Body) -> str:
    return answer["choices"][0]["message"]["content"]


class Thinks:
    """A model that thinks first, and its server.

    Args:
        form: how thoughts and text come, as one content; None puts the thoughts into `field`.
        field: of the message, for thoughts apart.
        obeys: the key of the body by which it can be kept from thinking; None cannot.
        refuses: keys of the body that are answered with 400.
        every: it thinks about every so many'th request only.
    """

    def __init__(
        self,
        form: str | None = None,
        *,
        field: str = "reasoning_content",
        obeys: str | None = None,
        refuses: tuple[str, ...] = (),
        every: int = 1,
        empty: Any = None,
    ):
        self._form, self._field, self._obeys, self._refuses, self._every = form, field, obeys, refuses, every
        self._empty, self._count = empty, 0

    def __call__(self, body: Body, answer: Body) -> Body | Raw:
        for name in self._refuses:
            if name in body:
                return Raw(json.dumps({"error": {"message": f"Extra inputs are not permitted: {name}"}}).encode(), 400)
        self._count += 1
        if (self._obeys and self._obeys in body) or self._count % self._every:
            return answer
        text, most = said(answer), body.get("max_tokens") or body["max_completion_tokens"]
        if self._form is None:
            return self._apart(answer, text, most)
        whole = self._form.format(thoughts=THOUGHTS, text=text)
        return self._cut(answer, whole, most, len(whole) - len(text))

    def _apart(self, answer: Body, text: str, most: int) -> Body:
        choice, left = answer["choices"][0], most - tokens(THOUGHTS)
        choice["message"][self._field] = THOUGHTS[: 4 * most]
        if left <= 0:
            choice["message"]["content"] = self._empty
        choice["finish_reason"] = "length" if left <= 0 else "stop"
        answer["usage"]["completion_tokens"] = min(most, tokens(THOUGHTS) + tokens(text))
        return self._with_tokens(answer, THOUGHTS, left <= 0)

    def _cut(self, answer: Body, whole: str, most: int, before: int) -> Body:
        choice = answer["choices"][0]
        is_cut = tokens(whole) > most
        choice["message"]["content"] = whole[: 4 * most] if is_cut else whole
        choice["finish_reason"] = "length" if is_cut else "stop"
        answer["usage"]["completion_tokens"] = min(most, tokens(whole))
        return self._with_tokens(answer, whole[:before], is_cut)

    def _with_tokens(self, answer: Body, before: str, is_cut: bool) -> Body:
        """Log-probabilities of the tokens of thoughts, too."""
        if given := answer["choices"][0]["logprobs"]:
            pieces = [before[place : place + 4] for place in range(0, len(before), 4)]
            alone = [{"token": piece, "logprob": -0.1, "top_logprobs": []} for piece in pieces]
            given["content"] = alone[:1] if is_cut else [*alone, *given["content"]]
        return answer


class Holds:
    """A server whose context holds so many tokens.

    Args:
        refusal: what it says to a prompt that is too long: a function of limit, prompt and answer; None writes less instead.
        status: with which it says so.
    """

    def __init__(self, context: int, refusal: Callable[[int, int, int], str] | None, status: int = 400):
        self._context, self._refusal, self._status = context, refusal, status

    def __call__(self, body: Body, answer: Body) -> Body | Raw:
        prompt, most = prompt_tokens(body), body["max_tokens"]
        answer["usage"]["prompt_tokens"] = prompt
        if self._refusal is not None and prompt + most > self._context:
            words = self._refusal(self._context, prompt, most)
            return Raw(json.dumps({"error": {"message": words}}).encode(), self._status)
        if prompt >= self._context:
            return Raw(json.dumps({"error": {"message": "Bad Request"}}).encode(), 400)
        text, left = said(answer), self._context - prompt
        answer["usage"]["completion_tokens"] = min(tokens(text), left)
        if tokens(text) > left:
            answer["choices"][0]["message"]["content"] = text[: 4 * left]
            answer["choices"][0]["finish_reason"] = "length"
        return answer


def streamed(body: Body, answer: Body) -> Raw:
    """Events that nobody asked for, a few characters each."""
    choice = answer["choices"][0]
    text, events = choice["message"]["content"], []
    for place in range(0, len(text), 7):
        events.append(
            {"choices": [{"index": 0, "delta": {"content": text[place : place + 7]}, "finish_reason": None}]}
        )
    for entry in (choice["logprobs"] or {}).get("content", ()):
        events.append({"choices": [{"delta": {"content": ""}, "logprobs": {"content": [entry]}}]})
    events.append({"choices": [{"delta": {}, "finish_reason": choice["finish_reason"]}], "usage": answer["usage"]})
    lines = [f"data: {json.dumps(event)}\n\n" for event in events]
    return Raw("".join([": ping\n\n", *lines, "data: [DONE]\n\n"]).encode(), kind="text/event-stream")

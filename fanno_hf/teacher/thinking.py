"""How a model that thinks before it answers is kept from it, or given room for it, whatever its server takes.

auto: as it likes ─► thoughts seen ─► chat_template_kwargs enable_thinking=false ─► reasoning_effort=none ─► room
off:  begins at the second; on: thinks, with room. What a server refuses or ignores leads to the next.
"""

import dataclasses
import logging
import re
from typing import Any

from fanno_hf.teacher.base import Completion, Request

logger = logging.getLogger(__name__)

# by the chat template (vLLM, SGLang, llama.cpp), or as OpenAI and Ollama do
_NONE = ((("chat_template_kwargs", {"enable_thinking": False}),), (("reasoning_effort", "none"),))
_ALOUD = (("chat_template_kwargs", {"enable_thinking": True}),)
_NAMED = re.compile(r"chat_template_kwargs|enable_thinking|reasoning_effort|extra (?:inputs|fields)", re.IGNORECASE)
_GIVEN = len(_NONE)  # the last resort: it thinks, and has room


class Thinking:
    """What is known about the thoughts of a model.

    Args:
        thinking: "auto" asks for none once it was seen to think, "off" from the first request on, "on" lets it think.
        room: tokens for thoughts beside the answer, of a model that cannot or shall not be kept from them.
    """

    def __init__(self, thinking: str, room: int):
        self.role = "teacher"
        self.room = room
        self._step: int | None = {"auto": None, "off": 0, "on": _GIVEN}[thinking]  # None: as the model likes
        self._aloud = _ALOUD if thinking == "on" else ()
        self._is_seen = thinking == "on"
        self._worked: set[int | None] = set()  # steps with which something was answered
        self._is_short = False  # whether it was said that the room is not enough

    def manner(self) -> dict[str, Any]:
        """How the next request is sent: `manner` and `room` of `Request`."""
        if self._step is None:
            return {"manner": (), "room": 0}
        if self._step < _GIVEN:
            return {"manner": _NONE[self._step], "room": 0}
        return {"manner": self._aloud, "room": self.room if self._is_seen else 0}

    def is_named(self, sent: Request, words: str) -> bool:
        """Whether a server names the wish for no thoughts as what it does not take."""
        return bool(sent.manner and _NAMED.search(words))

    def unproven(self, sent: Request) -> Request | None:
        """Returns a refused request in another manner, where nothing was ever answered in its own; else None."""
        is_proven = sent.manner == self.manner()["manner"] and self._step in self._worked
        return self.otherwise(sent) if sent.manner and not is_proven else None

    def lost(self, sent: Request, answer: Completion) -> Request | None:
        """Returns what to send instead where thoughts left no room for the answer, or no whole one; else None."""
        is_cut = answer.finish_reason == "length" or not answer.text.strip()
        if not answer.thinking_tokens or not is_cut or sent.room:
            return None
        self._see()
        return self.otherwise(sent)

    def otherwise(self, sent: Request) -> Request | None:
        """Returns what was sent in the next manner, which is then that of all; None where there is none."""
        now = self.manner()
        is_now = sent.manner == now["manner"] and bool(sent.room) == bool(now["room"])
        if is_now and not self._next():
            if not self._aloud:
                return None
            self._aloud = ()  # it may not be asked to think, and does
        return dataclasses.replace(sent, **self.manner())

    def note(self, sent: Request, answer: Completion) -> None:
        """Learns from an answer."""
        is_now = sent.manner == self.manner()["manner"]
        if not answer.thinking_tokens:
            self._worked |= {self._step} if is_now else set()
            return
        if is_now:
            self._next()
        self._see()
        if sent.room and not answer.text.strip() and answer.finish_reason == "length" and not self._is_short:
            self._is_short = True
            logger.warning(
                "thoughts of the %s take more than %d tokens and leave no answer, and verdicts undecided: raise %s.thinking_room (%d)",
                *(self.role, sent.max_tokens + sent.room, self.role, self.room),
            )

    def _see(self) -> None:
        if not self._is_seen:
            self._is_seen = True
            self._say_room()

    def _next(self) -> bool:
        """Goes on to the next step; returns whether there is one."""
        if self._step == _GIVEN:
            return False
        self._step = 0 if self._step is None else self._step + 1
        if self._step == 0:
            logger.info("the %s thinks before it answers: it is asked not to (%s.thinking)", self.role, self.role)
        if self._is_seen:
            self._say_room()
        return True

    def _say_room(self) -> None:
        if self._step == _GIVEN:
            logger.warning(
                "the %s cannot be kept from thinking: each request gets %d tokens more (%s.thinking_room)",
                *(self.role, self.room, self.role),
            )

"""What a model answers: each instruction once, and its second turn behind its first answer.

answer_all(teacher, [Instruction("moss", …, second="And in winter?")], 512, "student")
    ->  [[Answer("Through their leaves.", "stop", 6), Answer("They dry out.", "stop", 5)]]
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from fanno_hf.columns import full_text
from fanno_hf.errors import FannoError
from fanno_hf.evaluating.instructions import Instruction
from fanno_hf.instructing.prompts import neutralise
from fanno_hf.steps.loops import run_apart
from fanno_hf.steps.progress import Progress
from fanno_hf.teacher.base import Ask, Completion, Request, T, Way
from fanno_hf.teacher.service import Teacher


@dataclass(frozen=True)
class Answer:
    """One answer of a model, or the reason why there is none."""

    text: str
    finish_reason: str = "stop"
    tokens: int = 0
    error: str = (
        ""  # "teacher_refused" or "teacher_failed" with a few words; the second is tried again by the next command
    )

    @classmethod
    def of(cls, completion: Completion) -> "Answer":
        """Reads a completion."""
        error = ": ".join(completion.error) if completion.error else ""
        return cls(completion.text, completion.finish_reason, completion.completion_tokens, error)


def answer_all(
    teacher: Teacher, instructions: Sequence[Instruction], max_tokens: int, name: str, *, turns: int = 1
) -> list[list[Answer]]:
    """Asks a model everything, greedily, and returns its answers to the first `turns` turns of each.

    The longest go first: those that a model on this machine answers together are then alike in length.
    Raises what `Teacher.follow` raises.
    """
    order = sorted(range(len(instructions)), key=lambda place: -len(full_text(vars(instructions[place]))))
    ways = [partial(_answer, instructions[place], max_tokens, turns) for place in order]
    found = follow(teacher, ways, f"evaluate: {name} answers", lambda answers: not answers[-1].error)
    by_place = dict(zip(order, found, strict=True))
    return [by_place[place] for place in range(len(instructions))]


async def _answer(one: Instruction, max_tokens: int, turns: int, ask: Ask) -> list[Answer]:
    asked = [full_text(vars(one)), *([one.second] if one.second else [])][:turns]
    messages: list[dict[str, str]] = []
    answers: list[Answer] = []
    for text in asked:
        messages = [*messages, {"role": "user", "content": neutralise(text)}]
        answer = Answer.of(await ask(Request(messages, max_tokens)))
        answers.append(answer)
        if answer.error:
            break
        messages = [*messages, {"role": "assistant", "content": neutralise(answer.text)}]
    return answers


def follow(teacher: Teacher, ways: Sequence[Way[T]], desc: str, is_good: Callable[[T], bool]) -> list[T]:
    """Goes the ways of rows and says how far it is; returns what each returns, in order."""
    with Progress(desc, len(ways), teacher) as progress:

        async def counted(way: Way[T], ask: Ask) -> T:
            result = await way(ask)
            progress.advance(1, int(is_good(result)))
            return result

        return run_apart(teacher.follow([partial(counted, way) for way in ways]))


def check_answered(answers: Sequence[Sequence[Answer]], name: str) -> None:
    """Raises FannoError where a model has answered nothing at all."""
    errors = [turns[0].error for turns in answers]
    if errors and all(errors):
        raise FannoError(f"{name} answers none of {len(errors)} instructions; the first: {errors[0]}")

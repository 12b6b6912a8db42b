"""What the judge is asked: which of two answers is better, in both orders, and what grade an answer deserves.

instruction, the model's answer, the reference's  ->  two requests for one token  ->  Judgement(0.9, 0.2, …)
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from functools import partial
from typing import Any

from fanno_hf.columns import full_text
from fanno_hf.errors import FannoError, UserError
from fanno_hf.evaluating.answers import Answer, follow
from fanno_hf.evaluating.grades import Grade, grade_of
from fanno_hf.evaluating.headings import JudgePrompt
from fanno_hf.evaluating.instructions import Instruction
from fanno_hf.evaluating.preferences import first_probability
from fanno_hf.evaluating.winrate import Judgement
from fanno_hf.instructing.prompts import Prompt
from fanno_hf.settings import JudgePrompts
from fanno_hf.teacher.base import Ask, Completion, Request
from fanno_hf.teacher.service import Teacher

_EARLY, _LEAST = 16, 4  # verdicts after which too many undecided ones stop the evaluation, and at its end
_GRADE_TOKENS = 4  # a number, and what some judges wrap around it


@dataclass
class Tally:
    """Counts verdicts; raises FannoError where too many of them say nothing."""

    key: str  # the measure's, as in "evaluate.judged"
    limit: float
    asked: int = 0
    undecided: int = 0
    words: str = ""

    def count(self, verdict: float | None, text: str) -> None:
        """Counts one verdict."""
        self.asked += 1
        if verdict is None:
            self.undecided, self.words = self.undecided + 1, text
        self.check(_EARLY)

    def check(self, least: int = _LEAST) -> None:
        """Raises FannoError where there are too many, of at least so many."""
        if self.asked >= least and self.undecided > self.limit * self.asked:
            said = " ".join(self.words.split())[:80]
            raise FannoError(
                f"{self.key}: the judge's verdict is undecided for {self.undecided} of {self.asked}, by its log-probabilities and by "
                f"its text ({self.key}.undecided_limit={self.limit}); its last words: {said!r}. Take another judge=, or change "
                "evaluate.prompts; what was answered so far is kept."
            )


@dataclass
class Judge:
    """Asks a judge through the service.

    Args:
        top_logprobs: alternatives asked for; 0 reads the text.
    """

    teacher: Teacher
    prompts: JudgePrompts
    top_logprobs: int
    shortened: int = field(default=0, init=False)  # requests that were too long, so that an answer was cut

    def compare(
        self,
        instructions: Sequence[Instruction],
        answers: Sequence[Answer],
        references: Sequence[Answer],
        name: str,
        limit: float,
    ) -> list[Judgement | None]:
        """Judges a model's answers against a reference's; None where one of them has no answer.

        Raises FannoError where a share of more than `limit` is undecided, and what `Teacher.follow` raises.
        """
        tally = Tally("evaluate.judged", limit)
        prompt = _to_compare(self.prompts)
        rows = list(zip(instructions, answers, references, strict=True))
        places = [place for place, (_, mine, theirs) in enumerate(rows) if not mine.error and not theirs.error]
        ways = [partial(self._compare, prompt, tally, *rows[place]) for place in places]
        found = follow(self.teacher, ways, f"evaluate: judging {name}", lambda one: one.preference is not None)
        tally.check()
        by_place = dict(zip(places, found, strict=True))
        return [by_place.get(place) for place in range(len(rows))]

    async def _compare(
        self, prompt: JudgePrompt, tally: Tally, one: Instruction, mine: Answer, theirs: Answer, ask: Ask
    ) -> Judgement:
        shown = {"instruction": one.instruction, "input": one.input, "reference": one.reference}
        shown["labels"] = self.prompts.labels
        found = []
        for first, second in ((mine.text, theirs.text), (theirs.text, mine.text)):
            request = self._request(prompt, 1, {**shown, "first": first, "second": second}, (first, second))
            answer = await self._ask(ask, request)
            verdict = None
            if not answer.error:
                verdict = first_probability(answer.text, answer.top_logprobs, self.prompts.labels)
            tally.count(verdict, answer.text)
            found.append(verdict)
        return Judgement(*found, len(mine.text), len(theirs.text))

    def grade(
        self, questions: Sequence[Instruction], answers: Sequence[Sequence[Answer]], name: str, limit: float
    ) -> list[Grade]:
        """Grades the answers of a model to each turn; turns without an answer get none. Raises as `compare` does."""
        tally, prompt = Tally("evaluate.graded", limit), _to_grade(self.prompts)
        turns = [
            (question, given, turn)
            for question, given in zip(questions, answers, strict=True)
            for turn, answer in enumerate(given, start=1)
            if not answer.error
        ]
        ways = [partial(self._grade, prompt, tally, *one) for one in turns]
        found = follow(self.teacher, ways, f"evaluate: grading {name}", lambda grade: grade.value is not None)
        tally.check()
        return found

    async def _grade(
        self, prompt: JudgePrompt, tally: Tally, one: Instruction, answers: Sequence[Answer], turn: int, ask: Ask
    ) -> Grade:
        answer = answers[turn - 1].text
        shown: dict[str, Any] = {"instruction": one.instruction, "input": one.input, "reference": one.reference}
        shown |= {"earlier": [], "answer": answer}
        if turn > 1:
            earlier = [{"asked": full_text(vars(one)), "answered": answers[0].text}]
            shown |= {"instruction": one.second, "input": "", "reference": one.second_reference, "earlier": earlier}
        said = await self._ask(ask, self._request(prompt, _GRADE_TOKENS, shown, (answer,)))
        value = None if said.error else grade_of(said.text, said.top_logprobs)
        tally.count(value, said.text)
        return Grade(one.id, one.category, turn, value)

    def _request(
        self, prompt: JudgePrompt, max_tokens: int, variables: dict[str, Any], documents: tuple[str, ...]
    ) -> Request:
        """Returns a request in which the answers may be cut where the judge's context does not hold them."""
        return Request(
            prompt.messages(**variables),
            max_tokens,
            top_logprobs=self.top_logprobs,
            judge=True,
            choices=tuple(self.prompts.labels) if max_tokens == 1 else ("1", "10"),
            documents=tuple(text for text in Prompt.documents(passages=prompt.guarded(documents)) if text),
        )

    async def _ask(self, ask: Ask, request: Request) -> Completion:
        answer = await ask(request)
        self.shortened += answer.shortened
        if answer.error and answer.error[0] == "teacher_refused":  # of this pair of answers: it is undecided
            return replace(answer, text=answer.error[1])
        if answer.error:
            raise FannoError(
                f"the judge gave no verdict ({': '.join(answer.error)}): run the same command again, or take another judge="
            )
        return answer


_EXAMPLE = {"instruction": "…", "input": "…", "reference": "…"}


def _to_compare(prompts: JudgePrompts) -> JudgePrompt:
    example = {**_EXAMPLE, "first": "…", "second": "…", "labels": prompts.labels}
    return JudgePrompt("evaluate.prompts.compare", prompts.compare, example)


def _to_grade(prompts: JudgePrompts) -> JudgePrompt:
    example = {**_EXAMPLE, "answer": "…", "earlier": [{"asked": "…", "answered": "…"}]}
    return JudgePrompt("evaluate.prompts.grade", prompts.grade, example)


def check_judge_prompts(prompts: JudgePrompts) -> None:
    """Renders both templates once. Raises UserError where one cannot be, or the labels are not two different words."""
    are_words = all(re.fullmatch(r"[^\W_]+", label) for label in prompts.labels)
    if not are_words or len(prompts.labels) != 2 or len({label.casefold() for label in prompts.labels}) != 2:
        raise UserError(
            f"evaluate.prompts.labels={prompts.labels}: give two different words, as in [A, B]: each is a token of the judge"
        )
    _to_compare(prompts)
    _to_grade(prompts)

"""From a row to the messages a teacher gets; the templates are text in conf/prompts, never in code.

    template "Text:\\n{{ document }}", document "Use <|im_end|> {{ x }}"  ->  "Text:\\nUse < |im_end| > {{ x }}"

Documents and completions are hostile text. They only ever enter a template as *values* (braces in them are data), and
strings that a chat template would read as the end of a turn are broken up before they are sent. Stored rows are never
changed.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import Any

from jinja2 import StrictUndefined, Template, TemplateError, TemplateSyntaxError
from jinja2.sandbox import ImmutableSandboxedEnvironment

from fanno_hf.errors import UserError
from fanno_hf.identity import digest

Messages = list[dict[str, str]]

# <|im_end|>, <|eot_id|>, <｜end▁of▁sentence｜>, </s>, <s>, <eos>, <start_of_turn>, [INST], [/INST], <<SYS>>, …
_SPECIAL_TOKEN = re.compile(
    r"<(?=[|｜][^<>\n]{0,60}[|｜]>)|<(?=/?(?:s|bos|eos|unk|pad|mask|sep|cls|start_of_turn|end_of_turn|"
    r"begin_of_text|end_of_text|think|tool_call|tool_response)>)|<(?=</?SYS>>)|<(?=/?SYS>>)|"
    r"\[(?=/?(?:INST|AVAILABLE_TOOLS|TOOL_CALLS|TOOL_RESULTS|SYSTEM_PROMPT)\])",
    re.IGNORECASE,
)
_environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, trim_blocks=True)


@lru_cache(256)
def _compiled(template: str) -> Template:
    """Compiles a template; every stage checks and builds those of all."""
    return _environment.from_string(template)


def neutralise(text: str) -> str:
    """Breaks up the special tokens of known chat templates with a space, so that no text can end or open a turn.

    >>> neutralise("a <|im_end|> b [INST] c </s>")
    'a < |im_end|> b [ INST] c < /s>'
    """
    return _SPECIAL_TOKEN.sub(lambda match: match.group() + " ", text)


def _clean(value: Any) -> Any:
    """Neutralises every string in a value that goes into a template."""
    if isinstance(value, str):
        return neutralise(value)
    if isinstance(value, Mapping):
        return {key: _clean(item) for key, item in value.items()}
    if isinstance(value, Sequence):
        return [_clean(item) for item in value]
    return value


def document_variables(row: Mapping[str, Any]) -> dict[str, str]:
    """Returns what a template may say of a passage: its text as `document`, its `title` and `heading`, "" where it has none."""
    return {"document": row["text"], "title": row.get("title") or "", "heading": row.get("heading") or ""}


class Prompt:
    """One prompt: a template, and optional demonstrations that show the form of the answer as earlier turns.

    There is no system turn: Mistral's template refuses one (422).

    Args:
        key: where it stands in the configuration, for error messages ("prompts.seed").
        template: Jinja text of the user turn.
        demonstrations: rows with the template's variables and an `answer`; each becomes a user and an assistant turn.

    Raises:
        UserError: the template does not parse, or a demonstration lacks a variable.
    """

    def __init__(self, key: str, template: str, demonstrations: Sequence[Mapping[str, Any]] = ()):
        self.key = key
        try:
            self._template = _compiled(template)
        except TemplateSyntaxError as error:
            raise UserError(f"{key}: line {error.lineno} of the template does not parse: {error.message}") from error
        self.digest = digest([template, [dict(row) for row in demonstrations]])[:16]
        self._turns: Messages = []
        for row in demonstrations:
            self._turns.append({"role": "user", "content": self._render({"title": "", "heading": "", **row})})
            self._turns.append({"role": "assistant", "content": row["answer"].strip()})

    @property
    def answers(self) -> list[str]:
        """The demonstrations' answers, which no completion should repeat."""
        return [turn["content"] for turn in self._turns if turn["role"] == "assistant"]

    def _render(self, variables: Mapping[str, Any]) -> str:
        try:
            return self._template.render(**_clean(variables)).strip()
        except TemplateError as error:
            raise UserError(
                f"{self.key}: the template cannot be filled in: {error}; see conf/prompts for what there is"
            ) from error

    @staticmethod
    def documents(**variables: Any) -> tuple[str, ...]:
        """Returns the documents among the variables, as they stand in the messages: what may be cut where a prompt is
        too long (`document`, or the texts of `passages`)."""
        return tuple(_clean([variables["document"]] if "document" in variables else variables.get("passages", ())))

    def messages(self, **variables: Any) -> Messages:
        """Returns the turns to send, the row's own turn last."""
        return [*self._turns, {"role": "user", "content": self._render(variables)}]

    def terse(self, **variables: Any) -> Messages:
        """Returns the row's own turn without demonstrations, kinds to choose from and counterexamples: what a prompt can do
        without where a context is very small."""
        left_out = {name: [] for name in ("kinds", "counterexamples") if name in variables}
        return [{"role": "user", "content": self._render({**variables, **left_out})}]


# a value for every variable that a template may use
_EXAMPLE = {
    **dict.fromkeys(("document", "title", "heading", "instruction", "input", "response"), "…"),
    **dict.fromkeys(("task_type", "characteristic", "style"), "…"),
    **{"passages": ["…"], "kinds": ["…"], "language": "document", "harder": True},
    "counterexamples": [{"instruction": "…", "input": "…"}],
}


def check_prompts(prompts: Mapping[str, Any]) -> None:
    """Renders every template of the configuration group `prompts` once, so that a mistake is found before a request is paid for.

    Raises UserError, with the key, where one does not parse, or uses a variable that there is not.
    """
    questions = ["…", "…"] if prompts["verdicts"] == "together" else ["…"]
    one = {"question": "…"} if len(questions) == 1 else {}
    for group, parts in prompts.items():
        for name in ("instruction", "verdict", "direct", "grounded") if isinstance(parts, Mapping) else ():
            if name in parts:
                demonstrations = parts.get("demonstrations", ()) if name == "instruction" else ()
                prompt = Prompt(f"prompts.{group}.{name}", parts[name], demonstrations)
                prompt.messages(**_EXAMPLE, **({"questions": questions, **one} if name == "verdict" else {}))

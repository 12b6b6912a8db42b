"""The whole configuration of a run as `Settings`: its groups, and what several of them must agree in."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from annotated_types import Ge, Le
from pydantic import ValidationError

from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.rules.phrases import compile_patterns
from fanno_hf.settings.prescreen import Prescreen
from fanno_hf.settings.prompts import Prompts
from fanno_hf.settings.rules import Rules
from fanno_hf.settings.services import Data, EmbedderSettings, Engine, PoolSettings, TeacherSettings
from fanno_hf.settings.stages import Augment, Budget, Decontamination, Respond, Seed, Stages
from fanno_hf.settings.tasks import Diff, Estimate, Evaluate, Export, Hub, Preview, Report, Train
from fanno_hf.settings.types import Count, Group, Path, Words
from fanno_hf.settings.wording import in_words


class Settings(Group):
    """Every setting of a run; `Settings.of` reads them."""

    stage: str
    then: list[Literal["train", "evaluate", "report", "export", "publish"]]
    run: Any
    journal: Path | None
    sweep: Path
    shard: Any
    force: bool
    debug: bool
    random_seed: Annotated[int, Ge(0), Le(2**53 - 1)]  # as large as any reader of JSON can hold
    threads: Count | None
    processes: Count | None
    top_logprobs: Annotated[int, Ge(0), Le(20)]
    parser: Words
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"]
    stages: Stages
    decontamination: Decontamination
    budget: Budget
    data: Data
    engine: Engine
    teacher: TeacherSettings
    judge: PoolSettings = PoolSettings()
    embedder: EmbedderSettings
    rules: Rules
    prompts: Prompts
    export: Export
    train: Train
    evaluate: Evaluate
    diff: Diff
    estimate: Estimate
    preview: Preview
    hub: Hub
    report: Report

    _resolved: dict[str, Any] = {}
    _documents: Any = None

    @classmethod
    def of(cls, resolved: dict[str, Any], documents: Any = None) -> "Settings":
        """Reads the resolved configuration; `documents` are those given in Python, which no configuration can hold.

        Raises UserError for a wrong value: names key, value and what is allowed.
        """
        try:
            settings = cls.model_validate(resolved)
        except ValidationError as error:
            raise UserError(in_words(error, cls)) from None
        settings.decontamination.check_together()
        settings._check_verdicts()
        settings._check_currencies()
        settings.prescreen.communities.check_together()
        settings.engine.check_together()
        compile_patterns("stages.prescreen.prompt_injections", settings.prescreen.prompt_injections)
        compile_patterns("report.code", settings.report.code)
        settings._resolved, settings._documents = resolved, documents
        return settings

    def _check_verdicts(self) -> None:
        """Raises UserError where a verdict is asked for, and no prompt has its question."""
        about = {"prescreen": "prescreen", "seed": "instruction", "augment": "instruction", "respond": "respond"}
        for stage, what in about.items():
            questions = getattr(self.prompts, what).questions
            for name, threshold in getattr(self.stages, stage).verdicts.items():
                if threshold is not None and name not in questions:
                    raise UserError(
                        f"stages.{stage}.verdicts.{name}: prompts.{what}.questions has no question of this name"
                        f"{did_you_mean(name, questions) or '.'} There are: {', '.join(questions)}"
                    )

    def _check_currencies(self) -> None:
        """Raises UserError where teacher and judge are paid in two currencies: their costs are added."""
        ours, theirs = self.teacher.price, self.judge.price
        if ours.is_given and theirs.is_given and ours.currency != theirs.currency:
            raise UserError(
                f"judge.price.currency={theirs.currency}, and teacher.price.currency={ours.currency}: give both in one"
            )

    @property
    def resolved(self) -> dict[str, Any]:
        """The configuration as Hydra resolved it: plain dicts and lists."""
        return self._resolved

    @property
    def documents(self) -> Any:
        """The documents that were given in Python; None where `data` says where they are."""
        return self._documents

    @property
    def prescreen(self) -> Prescreen:
        return self.stages.prescreen

    @property
    def seed(self) -> Seed:
        return self.stages.seed

    @property
    def augment(self) -> Augment:
        return self.stages.augment

    @property
    def respond(self) -> Respond:
        return self.stages.respond


_OTHERS = {"tags", "tokenizer", "command"}  # read where they are needed


def unread_keys(resolved: Mapping[str, Any]) -> list[str]:
    """Returns the keys at the top of a configuration that nothing reads but the configuration itself."""
    return sorted(resolved.keys() - Settings.model_fields.keys() - _OTHERS)

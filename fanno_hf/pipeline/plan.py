"""The plan of a run: four stages as values, and the tables that each leaves. Pure data: no stage is imported.

    STAGES["augment"]  reads the rows of prescreen and seed, keeps rows with the columns of INSTRUCTION, and is decided by
                       stages.augment, prompts.augment, prompts.instruction, prompts.seed, tags and rules

To add a stage is to add a value here: running, resuming, publishing, the card and the report read this file.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib import import_module
from typing import TYPE_CHECKING, Any

from fanno_hf.columns import DOCUMENT, INSTRUCTION, RESPONSE
from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.identity import digest

if TYPE_CHECKING:
    from fanno_hf.settings import Settings


_EVERYWHERE = ("language", "verdicts", "harder")  # what all prompts share
_DECIDES_NOTHING = ("undecided_limit",)  # settings of a stage that stop it, and change no row of one that ends


@dataclass(frozen=True)
class Table:
    """One table of a run: a config of its data set repository."""

    name: str  # for `load_dataset`, as in "rejected_seed"
    folder: str  # of its file, below the run folder and the repository alike, as in "rejected/seed"
    stage: str  # that makes it
    key: str  # of its digest in the stage's entry of run.json
    sha256: str | None = None  # of its file; None where there are no rows and so no file


@dataclass(frozen=True)
class Stage:
    """One stage of the method."""

    name: str  # as in `stage=seed`
    summary: str  # what it does, for the help
    function: str  # "module:name" of what does it: gets the rows of `reads` and the context, returns its `StageOutput`
    reads: tuple[str, ...]  # stages whose kept rows it reads
    columns: Mapping[str, Any]  # of the rows it keeps
    row_id: str  # the column that tells its rows apart
    prompts: tuple[str, ...]  # groups of prompts that decide its rows
    groups: tuple[str, ...] = ()  # groups of the configuration that decide its rows, and are written down as digests
    recorded: tuple[str, ...] = ()  # groups that run.json shows in full, for the report
    has_history: bool = False  # whether it leaves a table of figures, one row a window
    has_pairs: bool = False  # whether it leaves the final pairs

    @property
    def tables(self) -> list[Table]:
        """The tables it leaves, its kept rows first."""
        found = [Table(self.name, self.name, self.name, "output")]
        found.append(Table(f"rejected_{self.name}", f"rejected/{self.name}", self.name, "output_rejected"))
        if self.has_history:
            found.append(Table(f"history_{self.name}", f"history/{self.name}", self.name, "output_history"))
        if self.has_pairs:
            found.append(Table("default", "data", self.name, "pairs"))
        return found

    def settings(self, settings: "Settings") -> dict[str, Any]:
        """Returns what of the resolved configuration decides its rows, as run.json keeps it."""
        config, stages, prompts = settings.resolved, (self.name,), self.prompts
        # the reward asks for the response that `respond` will ask for
        if self.name == "augment" and "response_length" in settings.augment.reward:
            stages, prompts = (*stages, "respond"), (*prompts, "respond")
        return {
            "stages": {name: _deciding(config["stages"][name]) for name in stages},
            "prompts": {name: config["prompts"][name] for name in (*_EVERYWHERE, *prompts)},
            "random_seed": config["random_seed"],
            "top_logprobs": config["top_logprobs"],
            # a schema goes with the requests for instructions
            **({"structured": settings.teacher.structured} if "tags" in self.groups else {}),
        }


def _deciding(stage: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in stage.items() if key not in _DECIDES_NOTHING}


_ALL = (
    Stage(
        name="prescreen",
        summary="cuts documents into passages, drops poor, repeated and private ones",
        function="fanno_hf.stages.prescreen:screen_together",
        reads=(),
        columns=DOCUMENT,
        row_id="document_id",
        prompts=("prescreen",),
    ),
    Stage(
        name="seed",
        summary="asks the teacher for a first instruction about each passage",
        function="fanno_hf.stages.seed:seed",
        reads=("prescreen",),
        columns=INSTRUCTION,
        row_id="instruction_id",
        prompts=("seed", "instruction"),
        groups=("tags", "rules"),
        recorded=("tags",),
    ),
    Stage(
        name="augment",
        summary="asks for more, each unlike earlier ones that a bandit picked, up to a target",
        function="fanno_hf.stages.augment:augment",
        reads=("prescreen", "seed"),
        columns=INSTRUCTION,
        row_id="instruction_id",
        prompts=("augment", "instruction", "seed"),
        groups=("tags", "rules"),
        recorded=("tags",),
        has_history=True,
    ),
    Stage(
        name="respond",
        summary="asks for the responses, from the passage and others like it",
        function="fanno_hf.stages.respond:respond",
        reads=("prescreen", "augment"),
        columns=RESPONSE,
        row_id="instruction_id",
        prompts=("respond",),
        groups=("rules",),
        has_history=True,
        has_pairs=True,
    ),
)
STAGES: dict[str, Stage] = {stage.name: stage for stage in _ALL}
"""The stages by name, in the order in which they are done."""


@dataclass(frozen=True)
class Task:
    """Something else that `stage=` may ask for."""

    function: str  # "module:name" of the function that does it and returns what is printed
    summary: str  # what it does, for the help
    reads_run: bool = False  # whether there must be a run


TASKS = {
    "export": Task("fanno_hf.commands.export:export", "writes the pairs as JSON lines (export.format)", True),
    "report": Task("fanno_hf.report.report:report", "writes report.html: figures, metrics, rows to browse", True),
    "train": Task("fanno_hf.training.training:train", "trains a student on the pairs (train.data=… for others)"),
    "evaluate": Task(
        "fanno_hf.evaluating.evaluation:evaluate", "measures models side by side: the base, students, servers"
    ),
    "publish": Task("fanno_hf.hub.publish:publish", "pushes a run to the Hub (hub.repo_id)", True),
    "diff": Task("fanno_hf.commands.diff:diff", "compares two runs (diff.a=… diff.b=…), here or on the Hub"),
    "doctor": Task("fanno_hf.commands.doctor:examine", "asks the teacher a few questions: is it ready for this run?"),
    "estimate": Task(
        "fanno_hf.commands.estimate:project", "sends a few passages through every stage, projects time and tokens"
    ),
    "preview": Task(
        "fanno_hf.commands.preview:preview", "shows the first passages all the way: prompts, answers, reasons, pairs"
    ),
    "validate": Task(
        "fanno_hf.commands.validate:validate", "checks configuration, prompts, tags, rules and data, without a teacher"
    ),
}
SUMMARIES = {
    "all": "the four stages below, one after the other; one that is up to date is skipped",
    **{name: what.summary for name, what in (STAGES | TASKS).items()},
}
"""What `stage=` may ask for, and what that does."""


def check_stage(stage: Any) -> None:
    """Raises UserError unless there is such a stage or task."""
    if stage not in SUMMARIES:
        known = ", ".join(SUMMARIES)
        raise UserError(f"stage={stage} is unknown{did_you_mean(str(stage), SUMMARIES) or '.'} Known: {known}")


_TABLES = [table for stage in _ALL for table in stage.tables]
TABLES = sorted(_TABLES, key=lambda table: ("pairs", "output", "output_rejected", "output_history").index(table.key))
"""Every table a run may have, the final pairs first."""


def tables_of(manifest: Mapping[str, Any]) -> list[Table]:
    """Returns the tables of a run that have rows. `manifest`: run.json."""
    entries = manifest["stages"]
    digests = [entries.get(table.stage, {}).get(table.key) for table in TABLES]
    return [replace(table, sha256=sha256) for table, sha256 in zip(TABLES, digests, strict=True) if sha256]


def stages_before(stage: str) -> list[str]:
    """Returns the names of the stages that are done before one."""
    names = list(STAGES)
    return names[: names.index(stage)]


def input_digest(entries: Sequence[Mapping[str, Any]]) -> str:
    """Returns the digest of a stage's input: the kept rows of the stages it reads, whose `entries` in run.json are given."""
    return digest([entry["output"] for entry in entries])


def load(function: str) -> Callable[..., Any]:
    """Imports "module:name"."""
    module, _, name = function.partition(":")
    return getattr(import_module(module), name)

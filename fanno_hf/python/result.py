"""A run as Python has it: its tables as data sets, its funnel, its report; in a notebook it shows itself.

run = fanno_hf.open("demo")
run.pairs                  ->  Dataset of 34 rows: id, messages, instruction, input, output, …
run.rejected("seed")[0]    ->  {"reason": "missing_input", "detail": …, "instruction": …, …}
run.funnel["seed"]         ->  {"rows_in": 49, "kept": 30, "rejected": {"missing_input": 12, …}}
"""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from fanno_hf.errors import FannoError, UserError, did_you_mean
from fanno_hf.output.folder import read_run_json
from fanno_hf.output.report_files import PAGE
from fanno_hf.output.shown import funnel_in_words, pairs_in_words
from fanno_hf.output.tables import RunTables
from fanno_hf.output.values import columns_of
from fanno_hf.pipeline.plan import STAGES, TABLES
from fanno_hf.python.asked import Asked
from fanno_hf.python.html import run_as_html, words_as_html
from fanno_hf.python.manners import at_work, told_in_words
from fanno_hf.python.overrides import Overrides, override

if TYPE_CHECKING:
    from datasets import Dataset


class Run:
    """A run folder. What it tells is read when it is asked for, so it is true after another call has gone on with the run.

    Attributes:
        folder: where the run is, as an absolute path.
    """

    def __init__(self, folder: Path, asked: Asked | None = None):
        self.folder, self._asked = folder.absolute(), asked or Asked()

    def check(self) -> None:
        """Raises UserError unless this is a run that has done a stage, and its run.json is whole."""
        self._tables()

    @property
    def pairs(self) -> "Dataset":
        """The pairs: messages, instruction, input, output, and the lineage of each. Raises UserError as `stage` does."""
        return self._rows("default")

    def stage(self, name: str) -> "Dataset":
        """Returns what a stage kept; raises UserError where it has not been done, or its file is damaged."""
        return self._rows(_known(name))

    def rejected(self, name: str) -> "Dataset":
        """Returns what a stage dropped, each row with phase, reason and detail; raises UserError as `stage` does."""
        return self._rows(f"rejected_{_known(name)}")

    @property
    def funnel(self) -> dict[str, dict[str, Any]]:
        """Stage -> its rows_in, those kept, and those rejected by reason; stages that are not done are not there."""
        entries = self._tables().manifest["stages"]
        keys = ("rows_in", "kept", "rejected")
        return {stage: {key: entries[stage][key] for key in keys} for stage in STAGES if stage in entries}

    def report(self, *overrides: Any) -> Path:
        """Writes the report and returns its page; overrides such as "report.rows=500". Raises UserError or FannoError."""
        self._do("report", overrides)
        return self.folder / PAGE

    def push(self, repo_id: str | None = None, *overrides: Any) -> str:
        """Publishes the run on the Hub with the token in HF_TOKEN, and returns where it is.

        Args:
            repo_id: data set to push to, as in "me/fanno"; None takes that of the configuration.

        Raises:
            FannoError: what failed; a repetition completes what was begun.
        """
        return self._do("publish", (*overrides, *([{"hub.repo_id": repo_id}] if repo_id else [])))

    def _do(self, task: str, overrides: Overrides) -> str:
        from fanno_hf.pipeline.tasks import do_task

        asked = self._asked.with_more(overrides)
        with told_in_words(asked.debug):
            settings = asked.settings(f"stage={task}", override("run", self.folder))
            with at_work(settings):
                return do_task(task, settings)

    def _tables(self) -> RunTables:
        if not (self.folder / "run.json").is_file():
            raise UserError(f"{self.folder} is not a run of fanno_hf that has done a stage: it has no run.json")
        return RunTables(self.folder, read_run_json(self.folder))

    def _rows(self, config: str) -> "Dataset":
        """Returns a table; one that the stage left without rows has no file, but its columns."""
        from datasets import Dataset

        tables = self._tables()
        table = next(table for table in TABLES if table.name == config)
        entry = tables.manifest["stages"].get(table.stage)
        if entry is None:
            raise UserError(f"{self.folder} has no rows of {table.stage} yet: run stage={table.stage}, or stage=all")
        if entry.get(table.key) is None:
            return Dataset(pa.schema(list(columns_of(config).types.items())).empty_table())
        return tables.read_rows(config)

    def __repr__(self) -> str:
        try:
            tables = self._tables()
            parts = [self._title, funnel_in_words(tables)]
            return "\n\n".join([*parts, pairs_in_words(tables)] if "respond" in self.funnel else parts)
        except FannoError as error:
            return f"{self._title}\n\n{error}"

    def _repr_html_(self) -> str:
        try:
            return run_as_html(self._title, self._tables())
        except FannoError as error:
            return words_as_html(f"{self._title}\n{error}")

    @property
    def _title(self) -> str:
        return f"Run in {self.folder}"


def _known(stage: str) -> str:
    """Returns the name of a stage; raises UserError where there is none of this name."""
    if stage in STAGES:
        return stage
    raise UserError(
        f"{stage!r:.60} is not a stage{did_you_mean(str(stage), STAGES) or '.'} There are: {', '.join(STAGES)}"
    )

"""`stage=preview`: a few passages all the way, each shown when it is through: what was asked, answered, made of it, and why.

    first passages ─► screen_alone ─► screen_together ─► pair_with_tags ─► each for itself: ask_seeds ─► respond ─► pairs

These are the stages' own functions, given few rows and a teacher that remembers what was asked; augment is left out. The
answers are in the run's journal, so the run does not send these requests again. No table and no run.json is written.

A passage's tags follow from its place in the run, so the first ones are taken: what rules, duplicates and verdicts say of
them is final. What compares all passages is not: the run may drop one for another of its community, and then those behind it
have other tags; `longest_first` orders all; a grounded answer may get passages from all; a seed may repeat a better one.
Where the run has done its stage=prescreen, the passages are those that it kept, and only the repeats are left open.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from datasets import Dataset

from fanno_hf.commands.previewed import Previewed, Step, Way
from fanno_hf.errors import StageEmpty, UserError
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.pairs import pairs
from fanno_hf.output.place import check_loadable, run_folder
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.pipeline.run import finished
from fanno_hf.pipeline.services import read_documents, services
from fanno_hf.settings import Settings
from fanno_hf.stages.prescreen import screen_alone, screen_together
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import ask_seeds, pair_with_tags
from fanno_hf.steps.context import Context, StageOutput, Teacher
from fanno_hf.steps.overlap import overlapped
from fanno_hf.steps.screening import PHASES
from fanno_hf.teacher import base

_FURTHER = 4  # times as many documents are read where too few of the first ones pass the rules


def preview(settings: Settings) -> str:
    """Prints the passages, each when it and those before it are through; returns what became of all of them.

    Writes the page `preview.html`, where one is named, also about what was done before an error.

    Raises:
        UserError: there is no document, or the page cannot be written.
        FannoError: the teacher cannot be reached, or a budget is spent.
    """
    run = run_folder(settings.run)
    check_loadable(settings.run)
    # of its own: a vector's last bits tell what it was computed with, and the run's shall not depend on a preview
    journal = settings.journal or str(run / "journal.sqlite")
    page, shown = _page_file(settings.preview.html), Previewed(f"Preview of {run.name}")
    try:
        with (
            TemporaryDirectory() as scratch,
            services(settings.model_copy(update={"journal": journal}), Path(scratch), Path(scratch)) as context,
        ):
            shown.say(f"teacher: {context.teacher.identity}")
            for way in _ways(run, replace(context, settings=_going_on(context.settings)), shown):
                shown.add(way)
            used = context.teacher.take_usage()
        shown.say(_became(shown.ways))
        shown.say(f"{used.requests} requests sent, {used.from_journal} answered by the journal, {journal}")
    finally:
        if page:
            page.write_bytes(shown.html())
    return f"wrote {page}" if page else "preview.html=FILE writes this as a page"


def _going_on(settings: Settings) -> Settings:
    """Undecided verdicts do not stop a preview: here one sees why they are."""
    prescreen = settings.prescreen.model_copy(update={"undecided_limit": 1.0})
    return settings.model_copy(update={"stages": settings.stages.model_copy(update={"prescreen": prescreen})})


def _page_file(name: str | None) -> Path | None:
    """Returns the file of the page; raises UserError where it cannot be written, before a request is paid for."""
    if name is None:
        return None
    path = Path(name).expanduser()
    try:
        path.open("ab").close()
    except OSError as error:
        raise UserError(f"preview.html={name} cannot be written ({error.strerror}): name another file") from error
    return path


def _ways(run: Path, context: Context, shown: Previewed) -> Iterator[Way]:
    """Yields what pre-screening drops, then the ways of the others, which are gone side by side, in their order."""
    listening, rows = Listening(context.teacher), context.settings.preview.rows
    documents, dropped = _prescreened(run, context), []
    if documents is None:
        documents, dropped = _screen(_first_passages(rows, context), replace(context, teacher=listening))
    else:
        shown.say(f"passages: the first of {len(documents)} that this run's stage=prescreen kept")
    by_rules = [row for row in dropped if row["phase"] in PHASES]
    others = [row for row in dropped if row["phase"] not in PHASES]
    yield from (Way([Step("prescreen", row)]) for row in by_rules[:rows])
    if len(by_rules) > rows:
        shown.say(f"dropped by rules, {len(by_rules)} passages in all: {_counted(by_rules)}")
    yield from (Way([Step("prescreen", row, listening.exchanges[:1])]) for row in others)
    if not len(documents):
        return
    first = documents.select(range(min(rows, len(documents))))
    asked, of = pair_with_tags(first, context), {row["document_id"]: row for row in first}
    screened = [Step("prescreen", of[name], listening.exchanges[:1]) for name in asked["document_id"]]
    tasks = [partial(_follow, step, asked.select([i]), documents, context) for i, step in enumerate(screened)]
    side_by_side = min(len(tasks), max(1, context.teacher.capacity))
    yield from overlapped(partial(next, iter(tasks), None), side_by_side - 1)


def _prescreened(run: Path, context: Context) -> Dataset | None:
    """Returns the passages of a run that has pre-screened them, as it would do now; None where there are none."""
    if not (run / "run.json").is_file():
        return None
    with closing(RunFolder(run)) as folder:
        documents = finished(STAGES["prescreen"], context, folder)
    if documents is not None:
        context.embedder.absorb(run / "embeddings")
    return documents


def _first_passages(rows: int, context: Context) -> StageOutput:
    """Returns the first passages that the rules leave, at most `rows`, and those before them that they drop."""
    count = rows
    while True:
        documents = read_documents(context.settings, context.scratch, first=count).open()
        alone = screen_alone(documents, context)
        if len(alone.kept) >= rows or len(documents) < count:
            break
        count *= _FURTHER
    if len(alone.kept) <= rows:
        return alone
    kept = alone.kept.select(range(rows))
    last = kept["position"][-1]
    before = [place for place, position in enumerate(alone.rejected["position"]) if position <= last]
    return StageOutput(kept, alone.rejected.select(before))


def _screen(alone: StageOutput, context: Context) -> tuple[Dataset | Sequence, Sequence[dict[str, Any]]]:
    """Returns the passages that are left and the dropped ones."""
    try:
        output = screen_together(alone, context)
    except StageEmpty as error:
        return [], list(error.rejected)
    return output.kept, list(output.rejected)


def _follow(screened: Step, asked: Dataset, documents: Dataset, context: Context) -> Way:
    """Goes the way of one passage, from its tags to a pair or the reason why there is none."""
    seed, kept = _step("seed", partial(ask_seeds, asked), context)
    if not len(kept):
        return Way([screened, seed])
    answer, kept = _step("respond", partial(respond, documents, kept), context)
    return Way([screened, seed, answer], next(iter(pairs(kept)), None))


def _step(stage: str, do: Callable[[Context], StageOutput], context: Context) -> tuple[Step, Dataset]:
    """Does a stage for one row: what became of it, what was asked meanwhile, and the row where it is kept."""
    listening = Listening(context.teacher)
    try:
        kept = do(replace(context, teacher=listening)).kept
        row = kept[0]
    except StageEmpty as error:
        kept, row = Dataset.from_dict({}), error.rejected[0]
    return Step(stage, row, listening.exchanges), kept


class Listening:
    """A teacher that remembers what it was asked, and what it answered."""

    def __init__(self, teacher: Teacher):
        self._teacher = teacher
        self.exchanges: list[tuple[base.Request, base.Completion]] = []

    def __getattr__(self, name: str) -> Any:
        return getattr(self._teacher, name)

    async def follow(self, ways: Sequence[base.Way[base.T]]) -> list[base.T]:
        """Goes the ways of rows, see `Teacher.follow`."""
        return await self._teacher.follow([partial(self._overhear, way) for way in ways])

    async def _overhear(self, way: base.Way[base.T], ask: base.Ask) -> base.T:
        async def complete(request: base.Request, urgent: bool) -> base.Completion:
            answer = await ask(request)
            self.exchanges.append((request, answer))
            return answer

        return await way(base.Ask(complete))


def _became(ways: Sequence[Way]) -> str:
    dropped = [way.steps[-1].row for way in ways if way.pair is None]
    made = len(ways) - len(dropped)
    return f"pairs: {made}, dropped: {len(dropped)}" + (f" ({_counted(dropped)})" if dropped else "")


def _counted(rows: Sequence[dict[str, Any]]) -> str:
    return ", ".join(f"{name} {count}" for name, count in Counter(row["reason"] for row in rows).most_common())

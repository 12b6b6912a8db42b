"""`stage=report`: shows a person what a run has made.

runs/demo  ->  report.html   one page: funnel, figures, metrics, and every row with its lineage
               figures/      the figures, for a card or a paper
               metrics.json  the numbers
"""

import json
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import replace
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.hub.fetch import fetch
from fanno_hf.identity import spread_seed
from fanno_hf.instructing.tags import KINDS
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.manifest import caveats
from fanno_hf.output.place import run_folder
from fanno_hf.output.report_files import FIGURES, METRICS, PAGE, shown_rows, write_card
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.pipeline.services import build
from fanno_hf.report.completions import completion_tables
from fanno_hf.report.figures import draw
from fanno_hf.report.fitting import cut_for, cut_texts, estimated_size, fewer
from fanno_hf.report.following import add_following
from fanno_hf.report.form import form_tables
from fanno_hf.report.measured import Measured, measured_rows
from fanno_hf.report.metrics import measure
from fanno_hf.report.other import judge
from fanno_hf.report.page import Page, StageFigures, render_page
from fanno_hf.report.passages import read_map
from fanno_hf.report.records import page_records
from fanno_hf.report.shown import Shown, measured, read_shown, read_table, read_verbs, repeat_threshold
from fanno_hf.report.stages import currency_of, stage_figures
from fanno_hf.report.style import check_installed
from fanno_hf.settings import Settings
from fanno_hf.sources.pairs import draw_pairs, each_pair, name_of
from fanno_hf.texts.duration import duration
from fanno_hf.texts.verbs import MISSING, VerbNouns, find_parser
from fanno_hf.vectors.nearest import nearest
from fanno_hf.vectors.store import EmbeddingStore

_SHORTEST_CUT = 300
_CUT = "Texts of more than {cut:,} characters are cut here, so that this page stays below {limit:g} MB; the data set has them whole."
_FITTED = (
    "The browser below has {shown:,} of {of:,} rows, drawn at random, so that this page stays below {limit:g} MB."
)


def report(settings: Settings) -> str:
    """Writes the report of a run and returns a line that names its files.

    Raises UserError where the run has no finished stage, or the data set to compare it with cannot be read.
    """
    check_installed()  # before anything is read or asked
    with closing(RunFolder(run_folder(settings.run))) as folder:
        if settings.hub.origin:
            fetch(settings.hub.origin, list(STAGES), (), folder, settings.hub.retries, replace=settings.force)
        if not folder.manifest["stages"]:
            raise UserError(f"{folder.path} has no stage that is done: run stage=all first, or give another run=")
        size = _write(settings, folder)
        write_card(folder, settings.hub.license)
    return f"wrote {folder.path / PAGE} ({size / 1e6:.1f} MB), {FIGURES}/ and {METRICS}"


def _write(settings: Settings, folder: RunFolder) -> int:
    """Writes page, figures and metrics; returns the size of the page in bytes."""
    with closing(build("embedder", settings.resolved["embedder"])) as embedder:
        return _write_with(EmbeddingStore(embedder, folder.path / "embeddings"), settings, folder)


def _write_with(embedder: EmbeddingStore, settings: Settings, folder: RunFolder) -> int:
    config, chosen, seed = settings.resolved, settings.report, settings.random_seed
    counter = build("tokenizer", config["tokenizer"])
    shown = read_shown(folder, chosen.rows, seed)
    following = add_following(shown.rows, chosen, seed, folder)
    ours = measured(shown, folder.path.resolve().name, embedder, counter, config["rules"])
    sets, beside = [ours], None
    if chosen.compare:
        pairs, of = draw_pairs(
            each_pair(chosen.compare, "report.compare"), chosen.compared_rows, spread_seed(seed, "report", "compare")
        )
        name, judged = name_of(chosen.compare), judge(pairs, chosen.judged, settings, folder)
        sets.append(measured_rows(name, pairs, of, judged, embedder, counter, config["rules"]))
        beside = (name, (pairs, of))
    parser = find_parser(settings.parser)
    verbs = [read_verbs(parser, data.instructions, chosen.parsed, seed) if parser else None for data in sets]
    stages = stage_figures(folder.manifest, settings.teacher.price)
    metrics = _metrics(sets, verbs, folder)
    if following:
        metrics[ours.name]["following"] = following
    tables = [*form_tables(folder, chosen, seed, beside), *completion_tables(folder)]
    figures = draw(
        *sets,
        verbs=verbs[0],
        history=read_table(folder, "history_augment"),
        passages=read_map(folder, embedder, chosen.map, seed),
        stages=stages,
        currency=currency_of(folder.manifest, settings.teacher.price),
    )
    page = Page(
        title=ours.name,
        tiles=list(_tiles(shown, folder, stages)),
        notes=list(_notes(shown, sets, folder, settings, embedder.identity, parser is None)),
        stages=stages,
        tables=tables,
        figures=figures,
        metrics=metrics,
    )
    content = _fitting(page, shown, ours, folder, settings)
    folder.write(PAGE, content)
    drawn = [figure for figure in figures if figure.png]
    for figure in drawn:
        folder.write(FIGURES / f"{figure.name}.png", figure.png)
    about = [{key: getattr(figure, key) for key in ("name", "title", "alt", "caption")} for figure in drawn]
    numbers = {"rows_of": shown_rows(folder.manifest), "data": metrics, "figures": about}
    numbers["tables"] = {table.name: table.numbers for table in tables}
    folder.write(METRICS, (json.dumps(numbers, indent=2, ensure_ascii=False) + "\n").encode("utf-8", "replace"))
    return len(content)


def _metrics(
    sets: Sequence[Measured], verbs: Sequence[VerbNouns | None], folder: RunFolder
) -> dict[str, dict[str, Any]]:
    entries = folder.manifest["stages"]
    tags = next((entries[s]["tags"] for s in ("augment", "seed") if "tags" in entries.get(s, {})), None)
    names = tags and {kind: [tag["name"] for tag in tags[many]] for many, kind in KINDS.items()}
    found: dict[str, dict[str, Any]] = {}
    for data, read in zip(sets, verbs, strict=True):
        name = data.name if data.name not in found else f"{data.name} (the other)"
        found[name] = measure(
            data,
            near_repeat_threshold=repeat_threshold(folder.manifest),
            tag_names=names if data.tags else None,
            verbs=read,
        )
    return found


def _tiles(shown: Shown, folder: RunFolder, stages: Sequence[StageFigures]) -> Iterator[tuple[str, str]]:
    """Yields (label, value) for the top of the page."""
    what = {"respond": "pairs", "augment": "instructions", "seed": "seed instructions"}
    if shown.stage:
        yield what[shown.stage], f"{shown.of:,}"
    for stage in stages:
        if stage.name == "prescreen":
            yield "passages", f"{stage.kept:,} of {stage.rows_in:,}"
    yield "teacher", ", ".join(dict.fromkeys(entry["teacher"] for entry in folder.manifest["stages"].values()))
    yield "tokens", f"{sum(stage.prompt_tokens + stage.completion_tokens for stage in stages):,}"
    yield "time", duration(sum(stage.seconds for stage in stages))
    if costs := [stage.cost for stage in stages if stage.cost is not None]:
        yield "cost", f"{sum(costs):,.2f}"


def _notes(
    shown: Shown, sets: Sequence[Measured], folder: RunFolder, settings: Settings, embedder: str, unread: bool
) -> Iterator[str]:
    """Yields sentences about what the page leaves out, or what a reader could misread."""
    entries = folder.manifest["stages"]
    if shown.stage != "respond":
        last = shown.stage or "prescreen"
        yield f"The run is not finished: these are the rows of {last}."
    yield from caveats(folder.manifest)
    if len(shown.rows) < shown.of:
        yield f"{len(shown.rows):,} of {shown.of:,} rows were drawn at random to be measured, drawn and shown (report.rows)."
    for other in sets[1:]:
        yield f"Compared with {other.name}: {len(other.instructions):,} of its {other.of:,} rows."
        if not settings.report.judged:
            yield f"{other.name} was not judged: with report.judged=200 the teacher judges it, for the figure of quality."
    if any(entry["embedder"] != embedder for entry in entries.values()):
        used = ", ".join(dict.fromkeys(entry["embedder"] for entry in entries.values()))
        yield f"Similarities are by {embedder}; the run used {used}: give the same embedder= to see its own."
    if unread:
        yield MISSING
    if answered := sum(entry["from_journal"] for entry in entries.values()):
        yield (
            f"{answered:,} requests were answered by the journal and cost no token: the tokens and the time below are of the "
            "last command that did each stage."
        )
    if shortened := sum(entry.get("shortened", 0) for entry in entries.values()):
        yield f"{shortened:,} prompts were too long for the teacher and lost a part of their document; here they are whole."


def _fitting(page: Page, shown: Shown, ours: Measured, folder: RunFolder, settings: Settings) -> bytes:
    """Returns the page below `report.max_megabytes`: with shorter texts where it must be, then with fewer rows."""
    chosen, seed = settings.report, settings.random_seed
    limit, cut = chosen.max_megabytes * 1e6, chosen.max_characters
    near = nearest(ours.embeddings, ours.embeddings, itself=False)[1] if shown.rows else ()
    prompts = settings.resolved["prompts"]
    records = page_records(shown, near, folder, rejected=chosen.rejected, cut=cut, random_seed=seed, prompts=prompts)
    size, notes = estimated_size(records), page.notes
    while True:
        if size > limit and cut > _SHORTEST_CUT:
            cut = max(_SHORTEST_CUT, cut_for(records, 0.93 * limit / size))
            records = cut_texts(records, cut)
            notes = [*page.notes, _CUT.format(cut=cut, limit=chosen.max_megabytes)]
        elif size > limit:
            records = fewer(records, 0.93 * limit / size, seed)
            count = sum(row["reason"] is None for row in records["rows"])
            notes = [*page.notes, _FITTED.format(shown=count, of=shown.of, limit=chosen.max_megabytes)]
        content = render_page(replace(page, notes=notes, records=records))
        if len(content) <= limit or not records["rows"]:
            return content
        size = len(content)

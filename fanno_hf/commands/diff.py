"""`stage=diff`: two runs, or two revisions of one, side by side.

diff.a=demo diff.b=me/fanno@demo/seed  ->  rows added, removed and changed in each table; settings, funnel and metrics of both
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import islice
from operator import itemgetter
from pathlib import Path
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.hub.access import split_origin
from fanno_hf.hub.fetch import fetch
from fanno_hf.identity import content_id, digest
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.plan import STAGES, tables_of
from fanno_hf.pipeline.services import build
from fanno_hf.report.metrics import measure
from fanno_hf.report.shown import measured, read_shown, repeat_threshold
from fanno_hf.settings import Settings
from fanno_hf.vectors.store import EmbeddingStore

Row = Mapping[str, Any]

_METRICS = (
    *("rows", "instructions.distinct_1", "instructions.distinct_2", "similarity.mean", "similarity.max"),
    *("vendi_score.score", "near_repeats.share", "mentions_document", "instruction_tokens.mean"),
    *("response_tokens.mean", "tags.combinations", "responses.distinct_2", "quality.mean"),
)


def diff(settings: Settings) -> str:
    """Returns what differs between `a` and `b`, as Markdown. Raises UserError where one is neither a run nor on the Hub."""
    sides = {"diff.a": settings.diff.a, "diff.b": settings.diff.b}
    for key, value in sides.items():
        if not value:
            raise UserError(f"{key} is missing: give two runs, as in stage=diff diff.a=demo diff.b=me/fanno@demo")
    if len({Path(run_folder(value)).expanduser().resolve() for value in sides.values()}) == 1:
        raise UserError(f"diff.a={settings.diff.a} and diff.b={settings.diff.b} are the same run: give two")
    retries = settings.hub.retries
    with _side("diff.a", settings.diff.a, retries) as a, _side("diff.b", settings.diff.b, retries) as b:
        parts = [
            f"a: {settings.diff.a} ({_made(a)})\nb: {settings.diff.b} ({_made(b)})",
            _rows_table(a, b, settings.diff.examples),
            _table(("stage", "", "a", "b"), _funnel(a.manifest, b.manifest)),
            _table(("metric", "a", "b"), _metrics(a, b, settings)),
            _table(("setting", "a", "b"), _settings(a.manifest, b.manifest)) or "The settings are the same.",
        ]
    return "\n\n".join(part for part in parts if part)


@contextmanager
def _side(key: str, value: str, retries: int) -> Iterator[RunFolder]:
    """Gives the run folder of one side; one on the Hub is read into a folder that does not stay."""
    path = Path(run_folder(value)).expanduser()
    is_run = (path / "run.json").is_file()
    if not is_run and ("@" not in value and value.count("/") != 1):
        raise UserError(
            f"{key}={value}: {path} is no run, and {value} is no revision on the Hub (as in me/fanno@demo)"
        )
    with tempfile.TemporaryDirectory(prefix="fanno_hf-") as temporary:
        if not is_run:
            split_origin(key, value)
        with closing(RunFolder(path if is_run else temporary)) as folder:
            if not is_run:
                fetch(value, list(STAGES), (), folder, retries, key=key)
            yield folder


def _made(folder: RunFolder) -> str:
    stages = folder.manifest["stages"]
    teachers = ", ".join(dict.fromkeys(entry["teacher"] for entry in stages.values()))
    commits = {entry["from"]["commit"][:12] for entry in stages.values() if "from" in entry}
    at = f", commit {', '.join(sorted(commits))}" if commits else ""
    return f"fanno_hf {folder.manifest.get('fanno_hf')}, teacher {teachers}{at}" if stages else "nothing done yet"


def _rows_table(a: RunFolder, b: RunFolder, examples: int) -> str:
    """Rows of each table by key: in one, in the other, in both but not equal."""
    names = {table.name for side in (a, b) for table in tables_of(side.manifest)}
    lines, shown = [], []
    for name, key in _keys().items():
        if name not in names:
            continue
        rows_a, rows_b = _indexed(a, name, key), _indexed(b, name, key)
        added, removed = ([k for k in one if k not in other] for one, other in ((rows_b, rows_a), (rows_a, rows_b)))
        changed = [k for k in rows_a if k in rows_b and rows_a[k] != rows_b[k]]
        columns = Counter(c for k in changed for c in rows_a[k] if rows_a[k][c] != rows_b[k].get(c))
        what = ", ".join(f"{column} {count}" for column, count in columns.most_common())
        lines.append((name, len(rows_a), len(rows_b), len(added), len(removed), len(changed), what))
        for verb, side, keys in (("added", b, added), ("removed", a, removed), ("changed", b, changed)):
            shown += [f"{name} {verb}: {text}" for text in _texts(side, name, key, keys[:examples])]
    head = ("table", "rows a", "rows b", "added", "removed", "changed", "columns that changed")
    return _table(head, lines) + ("\n\n" + "\n".join(shown) if shown else "")


def _keys() -> dict[str, Callable[[Row], str]]:
    """Returns table -> by what its rows are the same row; what else they hold may have changed."""
    return {
        **{stage.name: itemgetter(stage.row_id) for stage in STAGES.values()},
        "default": lambda row: content_id(row["instruction"], row["input"]),
    }


def _indexed(folder: RunFolder, config: str, key: Callable[[Row], str]) -> dict[str, dict[str, str]]:
    """Returns key -> column -> digest of its value, of every row of a table; of equal keys the first row."""
    found: dict[str, dict[str, str]] = {}
    for row in _rows(folder, config):
        try:
            found.setdefault(key(row), {column: digest(value)[:16] for column, value in row.items()})
        except KeyError as error:
            raise UserError(
                f"{folder.path}: the table {config} has no column {error.args[0]}, as a run of fanno_hf has"
            ) from error
    return found


def _rows(folder: RunFolder, config: str) -> Iterable[Row]:
    if config in {table.name for table in tables_of(folder.manifest)}:
        yield from folder.read_rows(config)


def _texts(folder: RunFolder, config: str, key: Callable[[Row], str], keys: Sequence[str]) -> list[str]:
    """Returns the beginnings of the rows with these keys, on one line each."""
    wanted = set(keys)
    found = (row for row in _rows(folder, config) if key(row) in wanted) if wanted else ()
    texts = (row.get("instruction") or row.get("text") or "" for row in islice(found, len(wanted)))
    return ["".join(ch if ch.isprintable() else " " for ch in text)[:110] for text in texts]


def _funnel(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple]:
    """(stage, what, count of a, count of b), every reason of either."""
    lines = []
    for stage in STAGES:
        entries = [side["stages"].get(stage) for side in (a, b)]
        if not any(entries):
            continue
        lines += [(stage, name, *(entry[key] if entry else "" for entry in entries)) for name, key in _COUNTS]
        reasons = dict.fromkeys(reason for entry in entries if entry for reason in entry["rejected"])
        lines += [
            (stage, reason, *(entry["rejected"].get(reason, 0) if entry else "" for entry in entries))
            for reason in reasons
        ]
    return lines


_COUNTS = (("in", "rows_in"), ("kept", "kept"))


def _metrics(a: RunFolder, b: RunFolder, settings: Settings) -> list[tuple]:
    """(name, value of a, value of b) of what the report measures."""
    config = settings.resolved
    embedder, counter = build("embedder", config["embedder"]), build("tokenizer", config["tokenizer"])
    found = []
    for side in (a, b):
        shown = read_shown(side, settings.report.rows, settings.random_seed)
        rows = measured(shown, "", EmbeddingStore(embedder, side.path / "embeddings"), counter, config["rules"])
        threshold = repeat_threshold(side.manifest)
        found.append(measure(rows, near_repeat_threshold=threshold, tag_names=None, verbs=None))
    return [(name, *(_at(metrics, name) for metrics in found)) for name in _METRICS]


def _at(metrics: Any, name: str) -> Any:
    for part in name.split("."):
        metrics = metrics.get(part) if isinstance(metrics, Mapping) else None
    return "" if metrics is None else metrics


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple]:
    """(key, value of a, value of b) of every setting that is not the same."""
    flat = [dict(_leaves(_decisive(side))) for side in (a, b)]
    keys = dict.fromkeys([*flat[0], *flat[1]])
    return [
        (key, *(" ".join(str(side.get(key, "")).split())[:60] for side in flat))
        for key in keys
        if flat[0].get(key) != flat[1].get(key)
    ]


def _decisive(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What decides the rows of each stage, without what two stages say alike."""
    found: dict[str, Any] = {}
    for stage, entry in manifest["stages"].items():
        config = entry["config"]
        found |= {f"stages.{stage}": config["stages"][stage]}
        found |= {f"prompts.{name}": prompts for name, prompts in config.get("prompts", {}).items()}
        found |= {f"{stage}: {key}": entry[key] for key in ("teacher", "embedder", "tokenizer")}
        found |= {key: config[key] for key in ("random_seed", "top_logprobs") if key in config}
        found |= {f"{stage}: {key} (sha256)": value for key, value in entry["digests"].items()}
    return found


def _leaves(value: Any, path: str = "") -> Iterable[tuple[str, Any]]:
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value


def _table(head: Sequence[str], lines: Sequence[Sequence[Any]]) -> str:
    """Returns a Markdown table; numbers to the right. Empty without lines."""
    if not lines:
        return ""
    cells = [[str(cell) for cell in line] for line in (head, *lines)]
    numeric = [all(isinstance(line[c], int | float) or line[c] == "" for line in lines) for c in range(len(head))]
    widths = [max(3, *(len(line[c]) for line in cells)) for c in range(len(head))]
    aligned = [
        [c.rjust(w) if n else c.ljust(w) for c, w, n in zip(line, widths, numeric, strict=True)] for line in cells
    ]
    rows = [f"| {' | '.join(line)} |" for line in aligned]
    rule = "| " + " | ".join("-" * (w - 1) + (":" if n else "-") for w, n in zip(widths, numeric, strict=True)) + " |"
    return "\n".join([rows[0], rule, *rows[1:]])

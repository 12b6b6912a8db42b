"""`stage=diff`: two runs, or two revisions of one, side by side.

diff.a=demo diff.b=me/fanno@demo/seed  ->  rows added, removed and changed in each table; settings, funnel and metrics of both
"""

import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import closing, contextmanager
from operator import itemgetter
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.hub.fetch import fetch
from fanno_hf.identity import content_id, digest
from fanno_hf.output.folder import RunFolder
from fanno_hf.output.manifest import caveats
from fanno_hf.output.markdown import printable
from fanno_hf.output.place import run_folder
from fanno_hf.output.table import table
from fanno_hf.pipeline.plan import STAGES, tables_of
from fanno_hf.pipeline.services import build
from fanno_hf.report.metrics import measure
from fanno_hf.report.shown import measured, read_shown, repeat_threshold
from fanno_hf.settings import Settings
from fanno_hf.vectors.embedder import Embedder
from fanno_hf.vectors.store import EmbeddingStore

Row = Mapping[str, Any]

_METRICS = [
    "rows",
    "instructions.distinct_1",
    "instructions.distinct_2",
    "similarity.mean",
    "similarity.max",
    "vendi_score.score",
    "near_repeats.share",
    "mentions_document",
    "instruction_tokens.mean",
    "response_tokens.mean",
    "tags.combinations",
    "responses.distinct_2",
    "quality.mean",
]
_KEYS: dict[str, Callable[[Row], str]] = {
    **{stage.name: itemgetter(stage.row_id) for stage in STAGES.values()},
    "default": lambda row: content_id(row["instruction"], row["input"]),
}
"""Table -> what identifies a row; where the rest of it differs, the row has changed."""


def diff(settings: Settings) -> str:
    """Returns what differs between `diff.a` and `diff.b`, as Markdown; raises UserError where one is no run, nor on the Hub."""
    names, retries = settings.diff, settings.hub.retries
    with _side("diff.a", names.a, retries) as a, _side("diff.b", names.b, retries) as b:
        parts = [
            "\n".join([*_head("a", names.a, a), *_head("b", names.b, b)]),
            _rows_table(a, b, names.examples),
            table(("stage", "", "a", "b"), _funnel(a.manifest, b.manifest)),
            table(("metric", "a", "b"), _metrics(a, b, settings)),
            table(("setting", "a", "b"), _settings(a.manifest, b.manifest)) or "The settings are the same.",
        ]
    return "\n\n".join(part for part in parts if part)


@contextmanager
def _side(key: str, value: str, retries: int) -> Iterator[RunFolder]:
    """Opens the run of one side; a run on the Hub is read into a temporary folder."""
    path = run_folder(value)
    is_here = (path / "run.json").is_file()
    with (
        tempfile.TemporaryDirectory(prefix="fanno_hf-") as temporary,
        closing(RunFolder(path if is_here else temporary)) as folder,
    ):
        if not is_here:
            fetch(value, list(STAGES), (), folder, retries, key=key)
        yield folder


def _head(side: str, name: str, folder: RunFolder) -> list[str]:
    """Returns what a side is, and what its reader must know."""
    return [
        f"{side}: {name} ({printable(_made(folder))})",
        *(f"{side}: {printable(s)}" for s in caveats(folder.manifest)),
    ]


def _made(folder: RunFolder) -> str:
    stages = folder.manifest["stages"]
    teachers = ", ".join(dict.fromkeys(entry["teacher"] for entry in stages.values()))
    commits = {entry["from"]["commit"][:12] for entry in stages.values() if "from" in entry}
    at = f", commit {', '.join(sorted(commits))}" if commits else ""
    return f"fanno_hf {folder.manifest.get('fanno_hf')}, teacher {teachers}{at}" if stages else "nothing done yet"


def _rows_table(a: RunFolder, b: RunFolder, examples: int) -> str:
    """Returns how many rows of each table are in one run only, or in both with other values; then a few of them."""
    names = {table.name for side in (a, b) for table in tables_of(side.manifest)}
    lines, shown = [], []
    for name in (name for name in _KEYS if name in names):
        (rows_a, texts_a), (rows_b, texts_b) = _indexed(a, name), _indexed(b, name)
        added = [key for key in rows_b if key not in rows_a]
        removed = [key for key in rows_a if key not in rows_b]
        changed = [key for key in rows_a if key in rows_b and rows_a[key] != rows_b[key]]
        columns = Counter(c for key in changed for c in rows_a[key] if rows_a[key][c] != rows_b[key].get(c))
        what = ", ".join(f"{column} {count}" for column, count in columns.most_common())
        lines.append((name, len(rows_a), len(rows_b), len(added), len(removed), len(changed), what))
        for verb, texts, keys in (
            ("added", texts_b, added),
            ("removed", texts_a, removed),
            ("changed", texts_b, changed),
        ):
            shown += [f"{name} {verb}: {texts[key]}" for key in keys[:examples]]
    head = ("table", "rows a", "rows b", "added", "removed", "changed", "columns that changed")
    return "\n\n".join(part for part in (table(head, lines), "\n".join(shown)) if part)


def _indexed(folder: RunFolder, config: str) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Returns, by key, the digests of a row's columns, and the beginning of its text; of equal keys the first row counts."""
    digests: dict[str, dict[str, str]] = {}
    texts: dict[str, str] = {}
    has_rows = any(table.name == config for table in tables_of(folder.manifest))
    for row in folder.read_rows(config) if has_rows else ():
        try:
            key = _KEYS[config](row)
        except KeyError as error:
            raise UserError(
                f"{folder.path}: the table {config} has no column {error.args[0]}, as a run of fanno_hf has"
            ) from error
        text = (row.get("instruction") or row.get("text") or "")[:110]
        digests.setdefault(key, {column: digest(value)[:16] for column, value in row.items()})
        texts.setdefault(key, printable(text))
    return digests, texts


def _funnel(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple]:
    """Returns (stage, what, count of a, count of b): rows in, rows kept, and every reason of either run."""
    lines = []
    for stage in STAGES:
        counts = [_counts(side["stages"].get(stage)) for side in (a, b)]
        for name in dict.fromkeys(name for side in counts for name in side):
            lines.append((stage, name, *(side.get(name, 0) if side else "" for side in counts)))
    return lines


def _counts(entry: Mapping[str, Any] | None) -> dict[str, int]:
    return {"in": entry["rows_in"], "kept": entry["kept"], **entry["rejected"]} if entry else {}


def _metrics(a: RunFolder, b: RunFolder, settings: Settings) -> list[tuple]:
    """Returns (name, value of a, value of b) of what the report measures."""
    with closing(build("embedder", settings.resolved["embedder"])) as embedder:
        return _metrics_with(embedder, a, b, settings)


def _metrics_with(embedder: Embedder, a: RunFolder, b: RunFolder, settings: Settings) -> list[tuple]:
    config, found = settings.resolved, []
    counter = build("tokenizer", config["tokenizer"])
    for side in (a, b):
        shown = read_shown(side, settings.report.rows, settings.random_seed)
        rows = measured(shown, "", EmbeddingStore(embedder, side.path / "embeddings"), counter, config["rules"])
        threshold = repeat_threshold(side.manifest)
        metrics = measure(rows, near_repeat_threshold=threshold, tag_names=None, verbs=None)
        found.append({name: "" if value is None else value for name, value in _leaves(metrics)})
    return [(name, *(metrics.get(name, "") for metrics in found)) for name in _METRICS]


def _settings(a: Mapping[str, Any], b: Mapping[str, Any]) -> list[tuple]:
    """Returns (key, value of a, value of b) of every setting that is not the same."""
    flat = [dict(_leaves(_decisive(side))) for side in (a, b)]
    return [
        (key, *(" ".join(str(side.get(key, "")).split())[:60] for side in flat))
        for key in dict.fromkeys([*flat[0], *flat[1]])
        if flat[0].get(key) != flat[1].get(key)
    ]


def _decisive(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """Returns what decides the rows of each stage; settings that stages share are there once."""
    found: dict[str, Any] = {}
    for stage, entry in manifest["stages"].items():
        config = entry["config"]
        found |= {f"stages.{stage}": config["stages"][stage]}
        found |= {f"prompts.{name}": prompts for name, prompts in config.get("prompts", {}).items()}
        found |= {f"{stage}: {key}": entry[key] for key in ("teacher", "embedder", "tokenizer")}
        found |= {key: config[key] for key in ("random_seed", "top_logprobs") if key in config}
        found |= {f"{stage}: {key} (sha256)": value for key, value in entry["digests"].items()}
    return found


def _leaves(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Yields (dotted path, value) of everything in a nested mapping that is not a mapping itself."""
    if isinstance(value, Mapping):
        for key, item in value.items():
            yield from _leaves(item, f"{path}.{key}" if path else key)
    else:
        yield path, value

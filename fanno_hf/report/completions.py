"""What the teacher named and what parsing took off: two tables over every completion of seed and augment.

asked for advice, named plan   ->  advice: asked 9, named 7, instead most often: plan 2
removed ["preamble", "label"]  ->  preamble 1, label 1
"""

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.plan import tables_of
from fanno_hf.report.form import percent
from fanno_hf.report.page import Table
from fanno_hf.report.style import clean

_INSTEAD, _UNKNOWN = 3, 10  # most frequent other task types of each, and of names that no task type has
_LONGEST = 40  # characters of a name


def completion_tables(folder: RunFolder) -> list[Table]:
    """Returns the table of task types and that of what was taken off, or none for a run that did not note them."""
    pairs: Counter[tuple[str, str]] = Counter()
    removed: defaultdict[str, Counter[str]] = defaultdict(Counter)
    for group, row in _parsed(folder):
        pairs[row["task_type_asked"] or row["task_type"], row["task_type"]] += 1
        removed[group].update({"completions", *(row["removed"] or ["nothing"])})
    if not removed:
        return []
    return [_task_types(pairs, _known(folder.manifest)), _removed(removed)]


def _parsed(folder: RunFolder) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yields (such as "seed, kept", row) of every completion that was parsed."""
    names = {table.name for table in tables_of(folder.manifest)}
    columns = ("task_type", "task_type_asked", "characters_removed", "removed", "origin")
    for stage in ("seed", "augment"):
        for table, group in ((stage, f"{stage}, kept"), (f"rejected_{stage}", f"{stage}, rejected")):
            for row in folder.stream_rows(table, columns) if table in names else ():
                # seeds stand in augment, too; a row that got no completion has no count
                if row["origin"] == stage and row["characters_removed"] is not None and row["task_type"]:
                    yield group, row


def _known(manifest: Mapping[str, Any]) -> list[str]:
    """Returns the names of the task types that the stages asked for."""
    entries = [manifest["stages"][stage] for stage in ("seed", "augment") if stage in manifest["stages"]]
    return list(dict.fromkeys(tag["name"] for entry in entries for tag in entry.get("tags", {}).get("task_types", ())))


def _task_types(pairs: Mapping[tuple[str, str], int], known: Sequence[str]) -> Table:
    asked, named, instead = Counter(), Counter(), defaultdict(Counter)
    for (wanted, found), count in pairs.items():
        asked[wanted] += count
        named[found] += count
        if wanted != found:
            instead[wanted][found] += count
    kinds = list(dict.fromkeys([*known, *sorted(asked)]))
    unknown = Counter({name: count for name, count in named.items() if name not in kinds})
    made_up = _most(unknown, _UNKNOWN)
    numbers = [
        {"name": kind, "asked": asked[kind], "named": named[kind], "instead": dict(_most(instead[kind], _INSTEAD))}
        for kind in kinds
    ]
    as_asked = sum(count for (wanted, found), count in pairs.items() if wanted == found)
    lead = (
        f"Of {asked.total():,} completions of seed and augment, kept and rejected, {as_asked:,} name the task type that "
        "was asked for, or none"
    )
    lead += (
        f"; {unknown.total():,} have a name that no task type has, most often {_listed(made_up)}." if made_up else "."
    )
    body = [
        (
            clean(kind, _LONGEST),
            [
                *(f"{asked[kind]:,}", f"{named[kind]:,}"),
                percent(pairs.get((kind, kind), 0) / asked[kind]) if asked[kind] else "–",
                _listed(_most(instead[kind], _INSTEAD)) or "–",
            ],
        )
        for kind in kinds
    ]
    head = ("task type", "asked for", "named", "named as asked", "instead, most often")
    found = {"task_types": numbers, "unknown": dict(made_up)}
    return Table("task_types", "Task types, asked for and named", lead, head, [body], found)


def _removed(counts: Mapping[str, Counter[str]]) -> Table:
    total = sum(counts.values(), Counter())
    kinds = [kind for kind, _ in _most(total, len(total)) if kind not in ("completions", "nothing")]
    lines = ["completions", "nothing", *kinds]
    lead = (
        f"What parsing took off {total['completions'] - total['nothing']:,} of {total['completions']:,} completions before "
        "and behind the instruction. Much of one kind in kept rows may mean that parsing takes what it should leave."
    )
    return Table(
        "removed",
        "Taken off by parsing",
        lead,
        ("kind", *counts),
        [[(clean(kind, _LONGEST), [f"{found[kind]:,}" for found in counts.values()]) for kind in lines]],
        [{"name": group, **{kind: found[kind] for kind in lines}} for group, found in counts.items()],
    )


def _most(counts: Counter[str], most: int) -> list[tuple[str, int]]:
    """Returns the most frequent names with their counts; ties in alphabetical order."""
    return sorted(counts.items(), key=lambda item: (-item[1], item[0]))[:most]


def _listed(counts: Sequence[tuple[str, int]]) -> str:
    return ", ".join(f"{clean(name, _LONGEST)} {count:,}" for name, count in counts)

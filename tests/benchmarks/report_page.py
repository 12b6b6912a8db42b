"""stage=report of a run of 10,000 pairs: seconds to build it, megabytes of the page, seconds until Chromium shows it.

No peer makes such a page. `--quick` takes 500 pairs. The vectors are there already, as after any run; nothing is judged.
"""

import tempfile
from pathlib import Path

import numpy as np
from datasets import Dataset

import fanno_hf
from fanno_hf.cli.configuration import resolve
from fanno_hf.columns import DOCUMENT, REJECTION, RESPONSE, WINDOW, full_text
from fanno_hf.identity import content_id
from fanno_hf.instructing.ask import instruction_prompt
from fanno_hf.instructing.tags import tag_pool
from fanno_hf.output.folder import FORMAT, RunFolder
from fanno_hf.pipeline.plan import STAGES
from fanno_hf.pipeline.services import build
from fanno_hf.report.report import report as write_report
from fanno_hf.settings import Settings
from fanno_hf.sources.sample import read_sample
from fanno_hf.steps.answering import response_prompt
from fanno_hf.steps.rows import features
from fanno_hf.vectors.store import EmbeddingStore
from tests.benchmarks import once, report, start, timed
from tests.conftest import compose_config
from tests.report.browser import open_browser

WORDS = np.array(
    [word for row in read_sample() if row["language"] == "en" and not row["flaw"] for word in row["text"].split()]
)


def text(rng: np.random.Generator, words: int) -> str:
    """Words of the sample in any order: about as hard to compress as English."""
    return " ".join(WORDS[rng.integers(len(WORDS), size=words)]).capitalize() + "."


def large_run(folder: Path, pairs: int) -> Settings:
    """Writes a run of so many pairs about 4 passages for every 5 of them; returns its settings."""
    settings = resolve(compose_config("embedder=hashing", "tokenizer=words", f"run={folder}", "teacher=scripted"))
    rng = np.random.default_rng(0)
    documents = [text(rng, 300) for _ in range(pairs * 4 // 5)]
    common = {"num_tokens": 300, "verdicts": []}
    passages = [
        {**common, "document_id": content_id(t), "text": t, "source": f"pages.jsonl:{i}", "community": i}
        for i, t in enumerate(documents)
    ]
    tags, rows = tag_pool(settings.resolved["tags"]), []
    asked = {"seed": False, "augment": True}
    digests = {name: instruction_prompt(settings.prompts, think_different=d).digest for name, d in asked.items()}
    answered = response_prompt(settings.prompts, grounded=True).digest
    verdicts = lambda: [{"name": n, "probability": float(rng.random() / 2)} for n in ("needs_document", "unsafe")]  # noqa: E731
    for i in range(pairs):
        tag, passage = tags[i % len(tags)], passages[i % len(passages)]
        origin = "seed" if i < pairs // 10 else "augment"
        instruction, other = text(rng, int(rng.integers(8, 30))), int(rng.integers(len(passages)))
        rows.append(
            {
                **{"instruction": instruction, "input": "", "num_tokens": len(instruction.split()), "origin": origin},
                **{"instruction_id": content_id(instruction, ""), "document_id": passage["document_id"]},
                **{kind: getattr(tag, kind).name for kind in ("task_type", "characteristic", "style")},
                **{"round": 0 if origin == "seed" else 1 + i // 128, "reward": float(rng.random()), "pulls": i % 7},
                "counterexamples": [rows[int(k)]["instruction_id"] for k in rng.integers(i, size=3)] if i else [],
                **{"verdicts": verdicts(), "teacher": "benchmark", "finish_reason": "stop", "response_tokens": 100},
                **{"prompt_digest": digests[origin], "response_prompt_digest": answered},
                **{"source": passage["source"], "response": text(rng, int(rng.integers(40, 160)))},
                **{"passages": [passage["text"], documents[other]], "passage_scores": [0.7, 0.4]},
            }
        )
    write(folder, settings, passages, rows)
    return settings


def write(path: Path, settings: Settings, passages: list[dict], rows: list[dict]) -> None:
    """Writes the tables, the vectors and run.json."""
    folder, config = RunFolder(path), settings.resolved
    windows = [{**dict.fromkeys(WINDOW), "window": w, "pulls": [{"pulls": 1, "instructions": 9}]} for w in range(80)]
    dropped = [
        {**row, "phase": "rules", "reason": f"reason_{i % 8}", "detail": "why", "completion": row["instruction"]}
        for i, row in enumerate(rows[:2000])
    ]
    tables = {
        "prescreen": (passages, DOCUMENT),
        **dict.fromkeys(("augment", "respond"), (rows, RESPONSE)),
        **{f"rejected_{name}": (dropped, {**RESPONSE, **REJECTION}) for name in ("seed", "augment", "respond")},
        "history_augment": (windows, WINDOW),
    }
    written = {
        name: folder.write_rows(
            name, Dataset.from_list([{k: r[k] for k in columns} for r in found], features(columns))
        )
        for name, (found, columns) in tables.items()
    }
    counts = {"requests": len(rows), "from_journal": 0, "prompt_tokens": 10**7, "completion_tokens": 10**6}
    embedder = EmbeddingStore(build("embedder", config["embedder"]), path / "embeddings")
    folder.manifest |= {"format": FORMAT, "fanno_hf": fanno_hf.__version__}
    for stage in STAGES:
        keys = {"output": stage, "output_rejected": f"rejected_{stage}", "output_history": f"history_{stage}"}
        folder.manifest["stages"][stage] = {
            **{key: written.get(name) for key, name in keys.items()},
            **{"rows_in": len(rows), "kept": len(rows), "rejected": {"reason_1": 2000}, "seconds": 3600.0, **counts},
            **{
                "config": STAGES[stage].settings(settings),
                "digests": {},
                "tags": config["tags"],
                "teacher": "benchmark",
                "tokenizer": "words",
            },
            **{"embedder": embedder.identity, "fingerprint": "", "input": ""},
        }
    folder.write_manifest()
    folder.close()
    embedder.encode([full_text(row) for row in rows])
    embedder.encode([row["text"] for row in passages])


def main(quick: bool) -> None:
    pairs = 500 if quick else 10_000
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        settings = large_run(Path(folder, "large"), pairs)
        page = Path(folder, "large", "report.html")

        def open_page() -> None:
            tab = browser.new_page()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready=rows]", state="attached")
            tab.close()

        report("report_build", pairs, timed(write_report, settings), limit=20, unit="seconds", pairs=3)
        once("report_size", pairs, page.stat().st_size / 1e6, limit=15, unit="MB")
        report("report_open", pairs, timed(open_page), limit=2, unit="seconds until the first rows are shown")


if __name__ == "__main__":
    start(main)

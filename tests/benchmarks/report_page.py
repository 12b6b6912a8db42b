"""stage=report of a run of 10,000 pairs: seconds to build it, megabytes of the page, seconds until Chromium shows it.

No peer makes such a page. `--quick` takes 500 pairs. The vectors are there already, as after any run; nothing is judged.
"""

import logging
import sys
import tempfile
import time
from pathlib import Path

import datasets
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
from fanno_hf.sources.sample import read_sample
from fanno_hf.steps.answering import response_prompt
from fanno_hf.steps.rows import features
from fanno_hf.vectors.store import EmbeddingStore
from tests.benchmarks import report
from tests.conftest import compose_config
from tests.report.browser import open_browser

WORDS = np.array(
    [word for row in read_sample() if row["language"] == "en" and not row["flaw"] for word in row["text"].split()]
)


def text(rng: np.random.Generator, words: int) -> str:
    """Words of the sample in any order: about as hard to compress as English."""
    return " ".join(WORDS[rng.integers(len(WORDS), size=words)]).capitalize() + "."


def large_run(folder: Path, pairs: int) -> dict:
    """Writes a run of so many pairs about 4 passages for every 5 of them; returns its configuration."""
    config = resolve(compose_config("embedder=hashing", "tokenizer=words", f"run={folder}", "teacher=scripted"))
    rng = np.random.default_rng(0)
    documents = [text(rng, 300) for _ in range(pairs * 4 // 5)]
    passages = [
        {
            "document_id": content_id(t),
            "text": t,
            "source": f"pages.jsonl:{i}",
            "num_tokens": 300,
            "community": i,
            "verdicts": [],
        }
        for i, t in enumerate(documents)
    ]
    tags, rows = tag_pool(config["tags"]), []
    digests = {stage: instruction_prompt(stage, config).digest for stage in ("seed", "augment")}
    answered = response_prompt(config, grounded=True).digest
    for i in range(pairs):
        tag, origin, passage = (
            tags[i % len(tags)],
            "seed" if i < pairs // 10 else "augment",
            passages[i % len(passages)],
        )
        instruction, other = text(rng, int(rng.integers(8, 30))), int(rng.integers(len(passages)))
        rows.append(
            {
                **{"instruction": instruction, "input": "", "num_tokens": len(instruction.split()), "origin": origin},
                **{"instruction_id": content_id(instruction, ""), "document_id": passage["document_id"]},
                **{kind: getattr(tag, kind).name for kind in ("task_type", "characteristic", "style")},
                **{"round": 0 if origin == "seed" else 1 + i // 128, "reward": float(rng.random()), "pulls": i % 7},
                "counterexamples": [rows[int(k)]["instruction_id"] for k in rng.integers(i, size=3)] if i else [],
                "verdicts": [
                    {"name": n, "probability": float(rng.random() / 2)} for n in ("needs_document", "unsafe")
                ],
                **{"prompt_digest": digests[origin], "response_prompt_digest": answered, "teacher": "benchmark"},
                **{"source": passage["source"], "response": text(rng, int(rng.integers(40, 160)))},
                **{"passages": [passage["text"], documents[other]], "passage_scores": [0.7, 0.4]},
                **{"finish_reason": "stop", "response_tokens": 100},
            }
        )
    write(folder, config, passages, rows)
    return config


def write(path: Path, config: dict, passages: list[dict], rows: list[dict]) -> None:
    """Writes the tables, the vectors and run.json."""
    folder = RunFolder(path)
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
            **{"config": config, "digests": {}, "tags": config["tags"], "teacher": "benchmark", "tokenizer": "words"},
            **{"embedder": embedder.identity, "fingerprint": "", "input": ""},
        }
    folder.write_manifest()
    folder.close()
    embedder.encode([full_text(row) for row in rows])
    embedder.encode([row["text"] for row in passages])


def main(quick: bool) -> None:
    pairs = 500 if quick else 10_000
    with tempfile.TemporaryDirectory() as folder, open_browser() as browser:
        config = large_run(Path(folder, "large"), pairs)
        page = Path(folder, "large", "report.html")

        def seconds_to_build() -> float:
            started = time.perf_counter()
            write_report(config)
            return time.perf_counter() - started

        def seconds_to_open() -> float:
            tab = browser.new_page()
            started = time.perf_counter()
            tab.goto(page.as_uri())
            tab.wait_for_selector("html[data-ready=rows]", state="attached")
            seconds = time.perf_counter() - started
            tab.close()
            return seconds

        report("report_build", pairs, seconds_to_build, None, limit=20, unit="seconds", pairs=3)
        report("report_size", pairs, lambda: page.stat().st_size / 1e6, None, limit=15, unit="MB", pairs=1)
        report("report_open", pairs, seconds_to_open, None, limit=2, unit="seconds until the first rows are shown")


if __name__ == "__main__":
    logging.getLogger("fanno_hf").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    main("--quick" in sys.argv)

"""Runs against real servers: vLLM's CPU build and llama-cpp-python, each with the packaged 135M model; `make test-servers`.

Its name keeps it out of `make test`: the servers take an hour to install and minutes to start.
"""

import json
import sqlite3
import time
import urllib.request
from contextlib import closing
from pathlib import Path

import pytest
from datasets import load_dataset

from fanno_hf.sources.sample import read_sample
from tests.conftest import DOCUMENTS, write_documents
from tests.servers.real import KINDS, ROOT, Server, fanno, python_of

SECONDS = 1500  # patience with one run


@pytest.fixture(scope="module", params=KINDS)
def kind(request):
    if python_of(request.param) is None:
        pytest.skip(
            f"{request.param} is not installed: make test-servers, or name its Python by SERVERS_{request.param.upper()}"
        )
    return request.param


@pytest.fixture(scope="module")
def folder(kind, tmp_path_factory) -> Path:
    return tmp_path_factory.mktemp(kind)


@pytest.fixture(scope="module")
def server(kind, folder):
    with Server(kind, folder) as running:
        yield running


def finish(process) -> str:
    """What a command said; it must end well."""
    try:
        said, _ = process.communicate(timeout=SECONDS)
    finally:
        process.kill()
    assert process.returncode == 0, said
    return said


def of_run(folder: Path, server: Server, *overrides: str) -> tuple[str, ...]:
    """The arguments of a run of four documents."""
    documents = write_documents(folder / "documents.jsonl", DOCUMENTS[:4])
    return ("data=files", f"data.path={documents}", f"teacher.base_url={server.url}", *overrides)


def stages(run: Path) -> dict:
    return json.loads((run / "run.json").read_text())["stages"]


def answered(run: Path) -> int:
    """Requests that the server answered, over all stages."""
    return sum(entry["requests"] for entry in stages(run).values())


def kept(journal: Path) -> int:
    """Completions in a journal; 0 while there is none."""
    if not journal.exists():
        return 0
    with closing(sqlite3.connect(f"file:{journal}?mode=ro", uri=True, timeout=60)) as connection:
        try:
            return connection.execute("SELECT count(*) FROM completions").fetchone()[0]
        except sqlite3.OperationalError:  # not made yet
            return 0


def tables(run: Path) -> dict[str, bytes]:
    return {path.relative_to(run).as_posix(): path.read_bytes() for path in sorted(run.rglob("*.parquet"))}


@pytest.fixture(scope="module")
def done(folder, server) -> Path:
    """A finished run."""
    finish(fanno(*of_run(folder, server, f"run={folder / 'run'}")))
    return folder / "run"


def test_doctor_says_ready(folder, server):
    said = finish(fanno(*of_run(folder, server, f"run={folder / 'none'}", "stage=doctor")))
    print(said)
    assert said.rstrip().endswith("ready")
    assert "  ok    verdicts" in said
    assert "  ok    still answers" in said


def test_a_run_goes_through_all_stages(done):
    print(
        json.dumps(
            {
                name: {key: entry[key] for key in ("rows_in", "kept", "requests", "seconds")}
                for name, entry in stages(done).items()
            }
        )
    )
    assert set(stages(done)) == {"prescreen", "seed", "augment", "respond"}
    assert stages(done)["respond"]["kept"] > 0
    assert answered(done) == kept(done / "journal.sqlite") > 20


def test_the_same_run_again_is_up_to_date(done, folder, server):
    before = tables(done)
    said = finish(fanno(*of_run(folder, server, f"run={done}")))
    assert said.count("up to date") >= 4
    assert tables(done) == before


def test_the_same_journal_gives_the_same_bytes(done, folder, server):
    finish(fanno(*of_run(folder, server, f"run={folder / 'again'}", f"journal={done / 'journal.sqlite'}")))
    assert answered(folder / "again") == 0
    assert tables(folder / "again") == tables(done)


def test_a_kill_in_the_middle_costs_no_answer_twice(folder, server):
    """It waits until the server is back, as long as `teacher.patience` says."""
    run = folder / "killed"
    process = fanno(*of_run(folder, server, f"run={run}", "random_seed=7", "teacher.patience=900"))
    journal = run / "journal.sqlite"
    while (before := kept(journal)) < 12:
        assert process.poll() is None, process.communicate()[0]
        time.sleep(0.1)
    server.kill()
    time.sleep(2)
    server.start()
    said = finish(process)
    assert "is set aside" in said
    assert before < kept(journal) == answered(run)
    assert not [
        reason for entry in stages(run).values() for reason in entry["rejected"] if reason.startswith("teacher_")
    ]


def test_no_row_is_refused_for_its_length(kind, folder):
    """Documents of 200 to 4,000 tokens, where 512 fit, prompt and answer together."""
    text = "\n\n".join(row["text"] for row in read_sample() if row["language"] == "en" and not row["flaw"])
    lengths, start, documents = (200, 500, 1000, 2000, 4000), 0, []
    for tokens in lengths:
        documents.append(text[start : start + 4 * tokens])
        start += 4 * tokens
    folder = folder / "short"
    folder.mkdir()
    path, run = write_documents(folder / "documents.jsonl", documents), folder / "run"
    long = ("stages.prescreen.max_tokens=8192", "prompts.seed.demonstrations=[]", "prompts.augment.demonstrations=[]")
    with Server(kind, folder, context=512) as server:
        finish(fanno("data=files", f"data.path={path}", f"teacher.base_url={server.url}", f"run={run}", *long))
    print(
        json.dumps(
            {
                name: {key: entry.get(key) for key in ("rows_in", "kept", "rejected", "shortened")}
                for name, entry in stages(run).items()
            }
        )
    )
    asked = load_dataset("parquet", data_files=str(run / "prescreen" / "*.parquet"), split="train")
    assert len(asked) == len(lengths)
    assert [entry["rejected"].get("teacher_refused", 0) for entry in stages(run).values()] == [0] * 4


def test_a_student_stops_by_itself(kind, folder):
    """A student in Hub form, behind the server that loads this form."""
    if kind != "vllm":
        pytest.skip("llama.cpp reads GGUF files alone")
    run, pairs = folder / "taught", ROOT / "recipes" / "students" / "answers.jsonl"
    nobody = "teacher.base_url=http://127.0.0.1:9"  # training asks no teacher
    finish(
        fanno("stage=train", f"run={run}", f"train.data={pairs}", "train.max_steps=2", "train.batch_size=4", nobody)
    )
    folder = folder / "student"
    folder.mkdir()
    with Server(kind, folder, model=run / "students" / "student") as server:
        question = {"role": "user", "content": "What is the capital of France? Answer in one sentence."}
        body = {"model": "smollm2", "messages": [question], "max_tokens": 200, "temperature": 0}
        request = urllib.request.Request(
            f"{server.url}/v1/chat/completions", json.dumps(body).encode(), {"Content-Type": "application/json"}
        )
        with urllib.request.urlopen(request, timeout=300) as response:
            choice = json.load(response)["choices"][0]
    print(choice["message"]["content"])
    assert choice["finish_reason"] == "stop"
    assert choice["message"]["content"].strip() and "<|" not in choice["message"]["content"]

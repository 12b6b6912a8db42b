"""A teacher that is never at fault, through all four stages: everything it writes is kept as it is meant."""

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.run import execute
from tests.conftest import compose_config, write_documents
from tests.doubles.chat_server import ChatServer
from tests.doubles.strong_teacher import COMPLETIONS, SUBJECTS, StrongTeacher


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """The run folder, and what the server was asked."""
    folder = tmp_path_factory.mktemp("strong")
    texts = [
        f"A note on {subject}. " + " ".join(f"{subject} fact {i} is {i * i}." for i in range(12))
        for subject in SUBJECTS
    ]
    write_documents(folder / "documents.jsonl", texts)
    with ChatServer(write=StrongTeacher()) as server:
        config = compose_config(
            *(
                "data=files",
                f"data.path={folder / 'documents.jsonl'}",
                "data.text_column=text",
                f"run={folder / 'run'}",
            ),
            *("teacher=openai", f"teacher.base_url={server.url}", "teacher.model=strong", "teacher.concurrency=8"),
            *("embedder=hashing", "tokenizer=words", "parser=[]", "log_level=WARNING", "stages.augment.lag=0"),
            *("stages.augment.target_size=60", "stages.augment.epochs=9", "stages.seed.combinations=2"),
            # bags of words tell nothing about what a request has to do with its document
            *("stages.seed.min_relevance=null", "stages.augment.min_relevance=null"),
        )
        execute(resolve(config))
        asked = len(server.chats)
    return RunFolder(folder / "run"), asked


def rows(folder, config):
    return list(folder.stream_rows(config, ["instruction", "input", "reason", "detail", "response"]))


def test_every_completion_is_kept_as_it_is_meant(run):
    folder, _ = run
    meant = {(one["instruction"], one["input"]) for one in COMPLETIONS}
    assert {(row["instruction"], row["input"]) for row in rows(folder, "augment")} <= meant
    assert len(rows(folder, "augment")) == 60


@pytest.mark.parametrize("stage", ["prescreen", "seed", "augment", "respond"])
def test_nothing_is_dropped_but_what_is_there_twice_or_not_needed(run, stage):
    rejected = run[0].manifest["stages"][stage]["rejected"]
    assert set(rejected) <= {"surplus", "near_repeat"}, rejected


def test_a_pair_takes_three_requests_and_a_half_at_most(run):
    folder, asked = run
    assert asked / len(rows(folder, "respond")) <= 3.5

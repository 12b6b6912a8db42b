"""data=hub: documents are read at one commit, and what their card says of them reaches ours."""

import pytest
import yaml
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.errors import UserError
from fanno_hf.pipeline.run import execute
from tests.conftest import DOCUMENTS, SMALL, compose_config

PAGES = "tester/pages"


def screened(folder, *overrides: str):
    """Pre-screens a data set on the Hub."""
    given = (*SMALL, "stage=prescreen", "data=hub", f"data.name={PAGES}", f"run={folder}", *overrides)
    return execute(resolve(compose_config(*given)))


@pytest.fixture
def pages(hub):
    """A data set of documents with a licence."""
    Dataset.from_dict({"text": list(DOCUMENTS)}).push_to_hub(PAGES, private=True)
    return hub.commit(PAGES, "main", {"README.md": b"---\nlicense: cc-by-4.0\n---\n# Pages\n"})


def test_its_name_commit_and_licence_are_written_down(pages, tmp_path):
    about = screened(tmp_path / "run").manifest["stages"]["prescreen"]["documents"]
    assert about == {"name": PAGES, "split": "train", "revision": pages, "license": "cc-by-4.0"}


def test_its_licence_is_that_of_the_card(pages, tmp_path):
    card = (screened(tmp_path / "run").path / "README.md").read_text(encoding="utf-8")
    assert yaml.safe_load(card.split("---\n")[1])["license"] == "cc-by-4.0"


def test_all_of_it_is_read_at_one_commit(pages, hub, tmp_path):
    screened(tmp_path / "run")
    read = [request.path for request in hub.requests if request.path.endswith(".parquet")]
    assert read and all(f"/resolve/{pages}/" in path for path in read)


def test_a_revision_that_is_not_there_is_said(pages, tmp_path):
    with pytest.raises(UserError, match=r"data\.name=tester/pages cannot be loaded"):
        screened(tmp_path / "run", "data.revision=nowhere")

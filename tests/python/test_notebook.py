"""The notebook in docs/ runs from its first cell to its last."""

from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient

NOTEBOOK = Path(__file__).resolve().parents[2] / "docs" / "notebook.ipynb"
# in the place of the embedded teacher: what runs in seconds, and lets pairs through
SCRIPTED = {
    **{"teacher": "scripted", "teacher.fault_share": 0.0, "embedder": "hashing", "tokenizer": "words", "parser": []},
    **{"stages.seed.min_relevance": None, "stages.augment.min_relevance": None},
}


def executed(folder: Path, teacher: dict | None = None) -> nbformat.NotebookNode:
    """The notebook with its outputs, run in `folder`; `teacher` takes the place of its own."""
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    (parameters,) = (cell for cell in notebook.cells if "parameters" in cell.metadata.get("tags", ()))
    if teacher:
        parameters.source = f"teacher = {teacher}"
    client = NotebookClient(
        notebook, timeout=600, kernel_name="python3", resources={"metadata": {"path": str(folder)}}
    )
    return client.execute()


def outputs(notebook: nbformat.NotebookNode, kind: str) -> str:
    """What its cells gave as text/html or text/plain, and what they printed."""
    found = [output for cell in notebook.cells if cell.cell_type == "code" for output in cell.outputs]
    shown = [output.data.get(kind, "") for output in found if "data" in output]
    return "\n".join([*shown, *(output.text for output in found if output.get("name") == "stdout")])


def test_it_is_stored_without_outputs():
    cells = [cell for cell in nbformat.read(NOTEBOOK, as_version=4).cells if cell.cell_type == "code"]
    assert len(cells) > 6
    assert all(cell.outputs == [] and cell.execution_count is None for cell in cells)


def test_it_runs_on_the_scripted_teacher(tmp_path):
    notebook = executed(tmp_path, SCRIPTED)
    html = outputs(notebook, "text/html")
    assert "<td" in html and "Run in " in html and "not_an_instruction" not in html
    assert "'role': 'assistant'" in html
    assert "stages.sed.combinations is not a configuration key; did you mean 'stages.seed.combinations'?" in html
    assert (tmp_path / "runs" / "notebook" / "logs" / "run.log").is_file()


@pytest.mark.long
def test_it_runs_on_the_embedded_teacher(tmp_path):
    one_thread = {"teacher": "local", "teacher.threads": 1}  # as it is, on cores that others may use
    html = outputs(executed(tmp_path, one_thread), "text/html")
    assert "Run in " in html and "'role': 'assistant'" in html

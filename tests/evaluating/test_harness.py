"""Benchmarks: the names of tasks, what is shown of a result, and a small task over a local file where the harness is installed."""

import json
import re
import sys
from types import ModuleType

import pytest

from fanno_hf.errors import FannoError, UserError
from fanno_hf.evaluating import harness
from fanno_hf.evaluating.harness import Task, figure_of, find_tasks, run_task
from fanno_hf.evaluating.measuring import file_name
from tests.evaluating.conftest import table, write_lines

TASK = """task: tiny_nature
dataset_path: json
dataset_kwargs:
  data_files:
    test: {data}
test_split: test
output_type: multiple_choice
doc_to_text: "Question: {{{{question}}}} Answer:"
doc_to_choice: "{{{{choices}}}}"
doc_to_target: "{{{{answer}}}}"
metric_list:
  - metric: acc
    aggregation: mean
    higher_is_better: true
"""
ITEMS = [
    {"question": "What do mosses drink through", "choices": ["leaves", "the moon"], "answer": 0},
    {"question": "What moves the tide", "choices": ["bread", "the moon"], "answer": 1},
    {"question": "What turns sugar into gas", "choices": ["yeast", "water"], "answer": 0},
]


@pytest.fixture
def tasks(tmp_path):
    """A folder with one task."""
    folder = tmp_path / "tasks"
    folder.mkdir()
    data = write_lines(folder / "items.jsonl", ITEMS)
    (folder / "tiny_nature.yaml").write_text(TASK.format(data=data), encoding="utf-8")
    return folder


@pytest.fixture
def double(monkeypatch):
    """A harness that knows two tasks and answers as the real one does; `calls` has what it was asked."""
    library, tasks, models, hugging = (
        ModuleType(f"lm_eval{name}") for name in ("", ".tasks", ".models", ".models.huggingface")
    )
    library.calls = []

    class TaskManager:
        def __init__(self, include_path=None, include_defaults=True):
            self.all_tasks = [
                *(["tiny_nature"] if include_path else []),
                *(["gsm8k", "mmlu"] if include_defaults else []),
            ]

    class HFLM:
        def __init__(self, pretrained, tokenizer, batch_size):
            self.pretrained = pretrained

    def simple_evaluate(**how):
        library.calls.append(how)
        return {
            "results": {how["tasks"][0]: {"alias": "x", "acc,none": 0.5, "acc_stderr,none": 0.1}},
            "config": {"dtype": int},
        }

    tasks.TaskManager, hugging.HFLM, library.simple_evaluate = TaskManager, HFLM, simple_evaluate
    for module in (library, tasks, models, hugging):
        monkeypatch.setitem(sys.modules, module.__name__, module)
    return library


def test_the_named_group_has_the_examples_of_the_leaderboard(double):
    found = {task.name: (task.examples, task.metric) for task in find_tasks(["leaderboard"], None)}
    assert found == {
        "arc_challenge": (25, "acc_norm"),
        "hellaswag": (10, "acc_norm"),
        "mmlu": (5, "acc"),
        "truthfulqa_mc2": (0, "acc"),
        "winogrande": (5, "acc"),
        "gsm8k": (5, "exact_match"),
    }


def test_an_unknown_task(double, tasks):
    with pytest.raises(
        UserError, match=r"evaluate.tasks=gsm8 is no task of lm-evaluation-harness; did you mean 'gsm8k'\?"
    ):
        find_tasks(["gsm8"], None)
    assert [task.name for task in find_tasks(["tiny_nature", "mmlu"], str(tasks))] == ["tiny_nature", "mmlu"]


def test_a_changed_task_is_another(double, tasks):
    before = find_tasks(["tiny_nature"], str(tasks))[0].to_json()
    write_lines(tasks / "items.jsonl", ITEMS[:2])
    assert find_tasks(["tiny_nature"], str(tasks))[0].to_json() != before


def test_a_folder_that_is_none(double):
    with pytest.raises(UserError, match="evaluate.tasks_folder=nowhere is no folder"):
        find_tasks(["mmlu"], "nowhere")


def test_a_harness_that_is_not_installed(evaluate, models, monkeypatch):
    monkeypatch.setitem(sys.modules, "lm_eval", None)
    with pytest.raises(UserError, match="benchmarks need lm_eval, not installed here: run `pip install lm-eval`"):
        evaluate(f"evaluate.models=[{models[0]}]", "evaluate.measures=[benchmarks]")


@pytest.mark.parametrize(
    ("task", "results", "expected"),
    [
        (Task("t"), {"acc,none": 0.5, "acc_stderr,none": 0.1, "acc_norm,none": 0.6}, (0.6, None)),
        (Task("t", metric="acc"), {"acc,none": 0.5, "acc_stderr,none": 0.1}, (0.5, (0.304, 0.696))),
        (Task("t"), {"acc,none": 0.99, "acc_stderr,none": 0.1}, (0.99, (0.794, 1.0))),
        (Task("t"), {"alias": "t", "bleu,none": 0.2, "bleu_stderr,none": "N/A"}, (0.2, None)),
        (Task("t"), {"alias": "t"}, (None, None)),
    ],
)
def test_what_is_shown_of_a_result(task, results, expected):
    value, interval = figure_of(task, {"results": {"t": results}})
    assert value == expected[0]
    assert interval == (None if expected[1] is None else pytest.approx(expected[1]))


def test_a_group_has_its_figure_among_the_groups():
    found = {"results": {"mmlu_law": {"acc,none": 0.1}}, "groups": {"mmlu": {"acc,none": 0.3}}}
    assert figure_of(Task("mmlu", 5, "acc"), found) == (0.3, None)


def test_what_the_harness_is_asked_and_that_it_is_asked_once(double, evaluate, models, tasks, tmp_path):
    given = [f"evaluate.models=[{models[0]}]", "evaluate.measures=[benchmarks]", f"evaluate.tasks_folder={tasks}"]
    for _ in range(2):
        shown = evaluate(*given, "evaluate.tasks=[tiny_nature,gsm8k]", "evaluate.max_examples=3")
    assert [(call["tasks"], call["limit"], call["confirm_run_unsafe_code"]) for call in double.calls] == [
        (["tiny_nature"], 3, False),
        (["gsm8k"], 3, False),
    ]
    kept = json.loads((tmp_path / "run" / "evaluation" / "harness" / "tiny.json").read_text("utf-8"))
    assert kept["tiny_nature"]["results"]["tiny_nature"]["acc,none"] == 0.5
    assert "tiny_nature, %" in shown and "50.0 (30.4 to 69.6)" in shown


def test_every_model_has_a_file_of_its_own():
    names = ["a b", "a-b", "a/b", "A-b", "a:b", "tiny", ".hidden", "..", "é", "x" * 300, "x" * 299]
    found = [file_name(name) for name in names]
    assert len({name.casefold() for name in found}) == len(names)
    assert found[1] == "a-b" and found[5] == "tiny"
    assert all(re.fullmatch(r"[\w-][\w.-]{0,110}", name, re.ASCII) for name in found)


def test_a_harness_that_fails_is_quoted(double, models):
    from fanno_hf.students.language_model import load

    def fails(**_):
        raise ConnectionError("the Hub cannot be reached")

    double.simple_evaluate = fails
    with pytest.raises(
        FannoError, match="evaluate.tasks=gsm8k fails in lm-evaluation-harness: the Hub cannot be reached"
    ):
        run_task(Task("gsm8k", 5), load(models[0], "k"), 4, None)


@pytest.mark.long  # needs lm-eval, which the other tests do without
def test_a_task_over_a_local_file(evaluate, models, tasks, tmp_path, monkeypatch):
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))
    names = f"{models[0]},{models[1]}"
    shown = evaluate(
        f"evaluate.models=[{names}]",
        "evaluate.measures=[benchmarks]",
        f"evaluate.tasks_folder={tasks}",
        "evaluate.tasks=[tiny_nature]",
    )
    assert harness._manager(str(tasks), with_all=False).all_tasks == ["tiny_nature"]
    found = table(tmp_path / "run")["figures"]
    assert all(3 * found[name]["tiny_nature"]["value"] in map(pytest.approx, range(4)) for name in found)
    assert set(found) == {"tiny", "other"} and "tiny_nature, %" in shown

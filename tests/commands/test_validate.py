"""stage=validate: every mistake that can be found without a server or a model, each in one sentence."""

import json

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.validate import validate
from fanno_hf.errors import UserError
from fanno_hf.teacher.service import Teacher
from tests.conftest import SMALL, compose_config


@pytest.fixture
def settings(documents):
    """A function from overrides to settings over the file of documents."""
    given = (*SMALL, "data=files", f"data.path={documents}")
    return lambda *more: resolve(compose_config(*given, *more))


def faults(settings) -> list[str]:
    """The sentences about what is wrong."""
    with pytest.raises(UserError) as caught:
        validate(settings)
    return str(caught.value).splitlines()[:-1]


def test_what_is_right_has_a_line_each(settings):
    lines = dict(line.split(": ", 1) for line in validate(settings()).splitlines())
    assert lines == {
        "configuration": "every key is known, every value allowed",
        "prompts": "7 templates render",
        "tags": lines["tags"],
        "rules for instructions": "every regular expression compiles",
        "rules for responses": "every regular expression compiles",
        "data": "1 file",
        "teacher": "its settings fit",
        "tokenizer": "its settings fit",
        "embedder": "its settings fit, and what it needs is installed",
    }
    assert lines["tags"].endswith(" combinations")


def test_no_teacher_is_begun(settings, monkeypatch):
    monkeypatch.setattr(Teacher, "__init__", lambda *_: pytest.fail("a teacher was begun"))
    nobody = ["teacher=openai", "teacher.base_url=http://127.0.0.1:1", "judge=tgi"]
    assert "judge: its settings fit" in validate(settings(*nobody))


OPENAI = ["teacher=openai", "teacher.base_url=http://127.0.0.1:1"]


@pytest.mark.parametrize(
    ("overrides", "said"),
    [
        (["prompts.seed.instruction='{{ documnt }}'"], "prompts.seed.instruction: the template cannot be filled in"),
        (["prompts.respond.direct='{% if %}'"], "prompts.respond.direct: line 1 of the template does not parse"),
        (["tags.forbidden=[{style: x}]"], "tags.forbidden: x is no style"),
        (["tags.styles=[]"], "tags.styles is empty"),
        (["rules.refusal=['(']"], "rules.refusal"),
        (["rules.cut_off=['(']"], "rules.cut_off"),
        (["data.path=/nowhere"], "data.path=/nowhere: there is no such file"),
        (["data.text_column=body"], "has no column 'body' (data.text_column)"),
        (["decontamination.benchmarks=[nix.jsonl]"], "decontamination.benchmarks=nix.jsonl: there is no such file"),
        (["stages.prescreen.against=[nix.jsonl]"], "stages.prescreen.against=nix.jsonl: there is no such file"),
        ([*OPENAI, "teacher.api_key_env=UNSET"], "teacher.api_key_env=UNSET: this environment variable is not set"),
        (["teacher=openai", "teacher.base_url=moss"], "teacher.base_url='moss' is no URL"),
        (["judge=openai", "judge.base_url=moss"], "judge.base_url='moss' is no URL"),
        (["+teacher.modle=x"], "teacher: "),
        (["+tagss=x"], "tagss is not a configuration key; did you mean 'tags'?"),
    ],
)
def test_a_mistake_is_named(settings, overrides, said):
    found = faults(settings(*overrides))
    assert [said in line for line in found] == [True]


def test_every_mistake_is_named_at_once(settings):
    wrong = ["prompts.seed.instruction='{{ x }}'", "prompts.respond.direct='{{ y }}'", "data.path=/nowhere"]
    assert [line.split(":")[0] for line in faults(settings(*wrong))] == [
        "prompts.seed.instruction",
        "prompts.respond.direct",
        "data.path=/nowhere",
    ]


def test_the_variable_of_the_key_is_named_and_its_value_is_not(settings, monkeypatch):
    monkeypatch.setenv("MY_KEY", "open-sesame")
    said = validate(settings(*OPENAI, "teacher.api_key_env=MY_KEY"))
    assert "the environment variable MY_KEY is set" in said and "sesame" not in said


def test_a_file_that_cannot_be_read_is_named(settings, tmp_path):
    (tmp_path / "broken.jsonl").write_text("{")
    assert faults(settings(f"data.path={tmp_path / 'broken.jsonl'}"))[0].startswith(
        f"{tmp_path / 'broken.jsonl'}, line 1 is not JSON"
    )


def test_of_many_files_the_first_ones_are_looked_into(settings, tmp_path):
    folder = tmp_path / "many"
    folder.mkdir()
    for number in range(30):
        (folder / f"{number:02}.txt").write_text("Mosses drink through their leaves.")
    assert "data: 30 files, the first 20 looked into" in validate(settings(f"data.path={folder}"))


def test_references_are_counted(settings, tmp_path):
    (tmp_path / "bench.jsonl").write_text(json.dumps({"question": "Why?", "answer": "So."}))
    said = validate(settings(f"decontamination.benchmarks=[{tmp_path / 'bench.jsonl'}]"))
    assert "decontamination.benchmarks: 1 file" in said


def test_the_hub_is_not_asked(settings, monkeypatch):
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:1")
    hub = ["data=hub", "data.name=me/pages", "~data.path", "tokenizer=huggingface", "tokenizer.name_or_path=me/model"]
    said = validate(resolve(compose_config(*SMALL, *(word for word in hub if word != "~data.path"))))
    assert "data: me/pages on the Hub, which was not asked" in said
    assert "tokenizer: me/model on the Hub, which was not asked" in said


@pytest.mark.parametrize(("override", "code"), [("run=x", 0), ("stages.seed.combinaions=2", 2), ("data.path=/no", 2)])
def test_the_exit_code_says_whether_anything_is_wrong(cli, documents, tmp_path, override, code):
    data = ["data=files", f"data.path={documents}"] if "data" not in override else ["data=files"]
    assert cli(*SMALL, *data, override, "stage=validate")[0] == code
    assert not (tmp_path / "runs").exists()

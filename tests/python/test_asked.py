"""What is given in Python as settings: overrides of every form, recipes, documents."""

from pathlib import Path

import pytest
from datasets import Dataset, DatasetDict, IterableDataset
from hydra.core.override_parser.overrides_parser import OverridesParser

from fanno_hf.errors import UserError
from fanno_hf.python.asked import Asked, _recipe
from fanno_hf.python.overrides import as_words
from fanno_hf.sources.document import Document
from fanno_hf.sources.memory import MemorySource
from tests.test_recipes import ROOT


def values(*overrides):
    """Key -> value, as Hydra reads what overrides become."""
    return {read.key_or_group: read.value() for read in OverridesParser.create().parse_overrides(as_words(overrides))}


def test_overrides_are_words_or_mappings_nested_or_dotted():
    assert values("stages.seed.combinations=2", "run=007") == {"stages.seed.combinations": 2, "run": "007"}
    assert values({"stages": {"seed": {"combinations": 2}, "augment.window": 4}}) == {
        "stages.seed.combinations": 2,
        "stages.augment.window": 4,
    }
    # what is one value of the configuration stays one
    assert values({"stages.augment": {"reward": {"novelty": 0.5, "quality": 0.5}}}) == {
        "stages.augment.reward": {"novelty": 0.5, "quality": 0.5}
    }


@pytest.mark.parametrize(
    "value",
    [
        *(
            None,
            True,
            3,
            -1,
            0.5,
            1e-7,
            "",
            "null",
            "7",
            "true",
            "a,b",
            "[x]",
            "{y}",
            " spaces ",
            "it's",
            'a "b"',
            "back\\",
        ),
        *("'\\'\"", "line\nbreak", "key=value", [], [1, "a,b", None], {}, {"a b:c": [1], "d": {"e": "f,g"}}),
    ],
)
def test_a_value_comes_through_as_it_is(value):
    assert values({"teacher.extra_body": value}) == {"teacher.extra_body": value}


def test_a_path_is_a_value_and_other_things_are_none():
    assert values({"journal": Path("/a/b=c d")}) == {"journal": "/a/b=c d"}
    with pytest.raises(UserError, match="^teacher: a object is no value of a setting"):
        as_words([{"teacher": object()}])
    with pytest.raises(UserError, match="^7 is no override: give key=value in quotes"):
        as_words([7])


def test_no_verdicts_ask_nothing_however_they_are_given():
    for given in ("stages.seed.verdicts={}", {"stages.seed.verdicts": {}}, {"stages": {"seed": {"verdicts": {}}}}):
        assert values(given) == {"stages.seed.verdicts": None}


def test_a_renamed_key_is_known_by_both_names():
    assert values("stages.prescreen.max_markup_share=0.5", {"decontaminate": ["x"]}) == {
        "stages.prescreen.markup.max_share": 0.5,
        "decontamination.benchmarks": ["x"],
    }


def test_a_recipe_says_nothing_of_documents_that_are_given(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    settings = Asked(["a"], ("data.limit=5",), "fanno-v1").settings("run=other")
    assert settings.augment.target_size == 10_000
    assert settings.resolved["data"] == {
        "_target_": "fanno_hf.sources.memory.MemorySource",
        **{"documents": None, "text_column": None, "join": None, "limit": 5},
    }
    assert settings.resolved["command"] == "python -m fanno_hf -cd recipes -cn fanno-v1 data=memory data.limit=5"
    assert settings.run == "other" and settings.documents == ["a"]


@pytest.mark.parametrize("recipe", ["smoke", "smoke.yaml", "./smoke.yaml", ROOT / "recipes" / "smoke.yaml"])
def test_a_recipe_is_named_or_a_file(recipe, monkeypatch):
    monkeypatch.chdir(ROOT / "recipes")
    assert _recipe(recipe) == ("smoke", ROOT / "recipes")


def test_a_recipe_of_ones_own_goes_before_those_of_the_checkout(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("recipes").mkdir()
    Path("recipes", "smoke.yaml").write_text("defaults: [config, _self_]\nrun: 2024_01\nrandom_seed: 5\n")
    settings = Asked(recipe="smoke").settings()
    assert (settings.run, settings.random_seed) == ("2024_01", 5)


@pytest.mark.parametrize(
    ("recipe", "sentence"),
    [
        ("smok", "recipe=smok is unknown; did you mean 'smoke'? There are: fanno-acl2025, fanno-v1, plain, smoke"),
        ("x/smoke.yaml", "recipe=x/smoke.yaml: there is no such file (a recipe is a file whose name ends with .yaml)"),
        (
            ROOT / "conf" / "config.yaml",
            f"recipe={ROOT / 'conf' / 'config.yaml'} has the name of the configuration itself",
        ),
    ],
)
def test_a_recipe_that_is_none_is_refused(recipe, sentence):
    with pytest.raises(UserError) as raised:
        Asked(recipe=recipe).settings()
    assert str(raised.value).startswith(sentence)


def test_documents_are_given_once():
    with pytest.raises(UserError, match="^documents are given, and so is data=hub: give one of the two$"):
        Asked(["a"], ({"data": "hub"},)).settings()


TEXTS = ["Mosses have no roots.", "Bread rises."]
ROWS = [Document(text, f"documents:{number}") for number, text in enumerate(TEXTS, start=1)]


@pytest.mark.parametrize(
    "documents",
    [
        TEXTS,
        tuple(TEXTS),
        Dataset.from_dict({"id": [1, 2], "text": TEXTS}),
        Dataset.from_dict({"id": [1, 2], "anything": TEXTS}).with_format("numpy"),
        Dataset.from_dict({"title": ["a", "b"], "content": TEXTS}).to_iterable_dataset(),
        IterableDataset.from_generator(lambda: ({"text": text, "n": 1} for text in TEXTS)),
    ],
    ids=["list", "tuple", "Dataset", "another format", "stream", "generator"],
)
def test_documents_in_memory_are_read_as_often_as_one_likes(documents):
    source = MemorySource(documents)
    assert list(source.documents()) == list(source.documents()) == ROWS
    assert list(MemorySource(documents, limit=1).documents()) == ROWS[:1]


def test_a_column_is_named_where_several_could_be_meant():
    rows = Dataset.from_dict({"title": ["a", "b"], "text": ["c", "d"], "body": TEXTS})
    assert list(MemorySource(rows, "body").documents()) == ROWS
    with pytest.raises(UserError, match="^documents has no column 'bdy' \\(data.text_column\\); did you mean 'body'"):
        list(MemorySource(rows, "bdy").documents())


def test_what_is_no_text_is_null_and_a_stream_that_fails_is_one_sentence():
    assert list(MemorySource([None, "a"]).documents()) == [Document(None, "documents:1"), Document("a", "documents:2")]

    def failing():
        yield {"text": "a"}
        raise ValueError("the wire is cut")

    with pytest.raises(UserError, match="^documents cannot be read \\(ValueError\\): the wire is cut$"):
        list(MemorySource(IterableDataset.from_generator(failing)).documents())


def test_without_documents_it_says_what_to_do():
    with pytest.raises(UserError, match=r"^data=memory is for documents that are given in Python, as in fanno_hf.run"):
        MemorySource()


def test_several_splits_are_too_many():
    splits = DatasetDict({"train": Dataset.from_dict({"text": TEXTS})})
    with pytest.raises(
        UserError, match="^documents is a DatasetDict: give one split of it, as in documents\\['train'\\]$"
    ):
        MemorySource(splits)


def test_it_says_of_itself_how_many_there_are():
    assert MemorySource(TEXTS).about() == {"name": "2 documents given in Python", "license": None}
    stream = IterableDataset.from_generator(lambda: iter(()))
    assert MemorySource(stream).about()["name"] == "documents given in Python"

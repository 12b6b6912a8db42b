"""Tags are dealt evenly."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from fanno_hf.errors import UserError
from fanno_hf.instructing.tags import KINDS, assign_tags, named_tag, tag_pool

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "conf/tags/paper.yaml").read_text(encoding="utf-8"))


def test_the_pool_has_96_combinations():
    assert len(set(tag_pool(CONFIG))) == 96


@pytest.mark.parametrize(("documents", "each"), [(1, 1), (7, 5), (50, 3), (200, 1), (3, 96), (2, 500)])
def test_every_combination_is_used_equally_often_and_never_twice_for_a_document(documents, each):
    pool = tag_pool(CONFIG)
    dealt = assign_tags(pool, documents, each, np.random.default_rng(0))
    counts = Counter(combination for hand in dealt for combination in hand)
    assert max(counts.values()) - min(counts.get(combination, 0) for combination in pool) <= 1
    assert all(len(set(hand)) == len(hand) == min(each, 96) for hand in dealt)


def test_the_same_seed_deals_the_same():
    pool = tag_pool(CONFIG)
    assert assign_tags(pool, 20, 3, np.random.default_rng(7)) == assign_tags(pool, 20, 3, np.random.default_rng(7))


def tags(**lists):
    """A pool of one tag of each kind, but for what a test names: (name, weight) pairs."""
    given = {"task_types": [("a", 1)], "characteristics": [("plain", 1)], "styles": [("neutral", 1)], **lists}
    return {kind: [{"name": n, "text": n, "weight": w} for n, w in pairs] for kind, pairs in given.items()}


def test_a_tag_is_dealt_as_often_as_its_weight_says():
    dealt = assign_tags(tag_pool(tags(task_types=[("a", 1), ("b", 3), ("c", 0.5)])), 900, 1, np.random.default_rng(0))
    counts = Counter(hand[0].task_type.name for hand in dealt)
    assert [counts[name] for name in "abc"] == pytest.approx([200, 600, 100], abs=1)


def test_a_forbidden_combination_is_never_dealt():
    config = {**tags(task_types=[("a", 1), ("b", 1)], styles=[("x", 1), ("y", 1), ("z", 1)])}
    pool = tag_pool({**config, "forbidden": [{"task_type": "a", "style": ["x", "y"]}]})
    assert [(one.task_type.name, one.style.name) for one in pool] == [("a", "z"), ("b", "x"), ("b", "y"), ("b", "z")]


@pytest.mark.parametrize("name", ["default", "paper"])
def test_every_tag_of_a_pool_that_comes_along_can_be_dealt(name):
    config = yaml.safe_load((Path(__file__).parents[2] / f"conf/tags/{name}.yaml").read_text(encoding="utf-8"))
    pool = tag_pool(config)
    for kinds, kind in KINDS.items():
        assert {getattr(one, kind).name for one in pool} == {tag["name"] for tag in config[kinds]}


@pytest.mark.parametrize(
    ("forbidden", "said"),
    [
        ([{"style": "rude"}], "tags.forbidden: rude is no style"),
        ([{"manner": "neutral"}], "tags.forbidden: .*must name some of task_type, characteristic, style"),
        ([{"task_type": "a"}], "leaves no combination"),
        (["a"], "must name some of"),
        (True, "tags.forbidden: True is no list"),
        ([{"style": 7}], "tags.forbidden: 7 is no style"),
    ],
)
def test_what_is_forbidden_must_be_there(forbidden, said):
    with pytest.raises(UserError, match=said):
        tag_pool({**tags(), "forbidden": forbidden})


@pytest.mark.parametrize("weight", [0, -1, 1e9, "often", 10**399])
def test_a_weight_that_is_none_names_its_key(weight):
    with pytest.raises(UserError, match=r"tags\.task_types"):
        tag_pool(tags(task_types=[("a", weight)]))


@pytest.mark.parametrize(
    ("named", "tag"),
    [
        ("code_help", "code_help"),
        ("Code help", "code_help"),
        ("Fix, explain or test code (the code is given).", "code_help"),
        ("A riddle", "a_riddle"),
        ("", "message"),
        ("??", "message"),
    ],
)
def test_the_kind_is_the_one_that_the_teacher_named(named, tag):
    assert named_tag(named, {"code_help": "fix, explain or test code (the code is given)"}, "message") == tag


@pytest.mark.parametrize(
    ("styles", "said"),
    [
        ([], r"tags\.styles is empty"),
        *(
            ([{"text": "as a question", **tag}], r"tags\.styles: every tag needs a name and a text \(in quotes where")
            for tag in ({}, {"name": True}, {"name": 1.5}, {"name": []}, {"name": None}, {"name": "a", "text": 7})
        ),
    ],
)
def test_a_list_that_is_wrong_names_its_key(styles, said):
    with pytest.raises(UserError, match=said):
        tag_pool({**CONFIG, "styles": styles})

"""Tags are dealt evenly."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
import yaml

from fanno_hf.errors import UserError
from fanno_hf.instructing.tags import assign_tags, tag_pool

CONFIG = yaml.safe_load((Path(__file__).parents[2] / "conf/tags/fanno.yaml").read_text(encoding="utf-8"))


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


@pytest.mark.parametrize(
    ("styles", "said"), [([], r"tags\.styles is empty"), ([{"name": "question"}], r"tags\.styles: every tag needs")]
)
def test_a_list_that_is_wrong_names_its_key(styles, said):
    with pytest.raises(UserError, match=said):
        tag_pool({**CONFIG, "styles": styles})

"""What tokens and hours cost, by the price of who gave the answer."""

import pytest

from fanno_hf.costs import Costs, in_words, tokens_cost
from fanno_hf.settings import Price


@pytest.mark.parametrize(
    ("price", "cost"),
    [
        ({"prompt": 2.0}, 2.0),
        ({"completion": 4.0}, 2.0),
        ({"prompt": 2.0, "cached": 1.0}, 1.6),
        ({"prompt": 2.0, "cached": 0.0}, 1.2),
        ({"cached": 1.0}, 0.4),
        ({}, 0.0),
    ],
)
def test_tokens_cost_what_a_million_of_their_kind_costs(price, cost):
    assert tokens_cost(Price(**price), 1_000_000, 400_000, 500_000) == pytest.approx(cost)


def test_a_server_that_finds_more_in_its_cache_than_there_is_makes_nothing_cheaper_than_the_cache():
    assert tokens_cost(Price(prompt=2.0, cached=1.0), 1_000_000, 9_000_000, 0) == pytest.approx(1.0)


def test_without_a_price_nothing_is_known():
    assert Costs(Price(), Price()).of(0.0, 3600.0) is None


def test_hours_cost_as_well_the_judges_too():
    assert Costs(Price(hour=2.0), Price(hour=1.0)).of(0.5, 1800.0) == pytest.approx(2.0)


def test_a_judge_is_paid_by_its_own_price():
    costs = Costs(Price(completion=1.0), Price(completion=10.0))
    costs.count(0, 0, 1_000_000, judged=False)
    costs.count(0, 0, 1_000_000, judged=True)
    assert costs.tokens == pytest.approx(11.0)


def test_a_judge_alone_may_have_a_price():
    costs = Costs(Price(), Price(currency="EUR", completion=10.0))
    costs.count(0, 0, 1_000_000, judged=False)
    assert (costs.of(costs.tokens, 1.0), costs.currency) == (0.0, "EUR")


@pytest.mark.parametrize(
    ("cost", "words"),
    [(0.0, "0.00 USD"), (0.002, "less than 0.01 USD"), (2.309, "2.31 USD"), (1234.5, "1,234.50 USD")],
)
def test_an_amount_is_said_as_people_say_it(cost, words):
    assert in_words(cost, "USD") == words

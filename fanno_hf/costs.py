"""What the teacher costs while it works: its tokens, its judge's, and the hours of their machines.

price {prompt: 2.5, cached: 1.25, completion: 10} and 1,000 + 200 tokens, 400 of them cached  ->  0.004
"""

from fanno_hf.settings import Price


def tokens_cost(price: Price, prompt: int, cached: int, completion: int) -> float:
    """Returns the cost of tokens; `cached` are those of the prompts that the server had in its cache."""
    cached = min(cached, prompt)
    cached_price = price.prompt if price.cached is None else price.cached
    parts = ((price.prompt, prompt - cached), (cached_price, cached), (price.completion, completion))
    return sum(rate * amount / 1e6 for rate, amount in parts if rate is not None)


class Costs:
    """Adds up what answers cost, each by the price of who gave it."""

    def __init__(self, price: Price, judge: Price | None = None):
        self._price, self._judge = price, judge or price
        prices = [one for one in (price, judge) if one is not None and one.is_given]
        self.currency = prices[0].currency if prices else price.currency
        self._is_known, self._hour = bool(prices), sum(one.hour or 0.0 for one in prices)
        self.tokens = 0.0  # the cost of all tokens so far

    def count(self, prompt: int, cached: int, completion: int, *, judged: bool) -> None:
        """Adds the tokens of one answer."""
        self.tokens += tokens_cost(self._judge if judged else self._price, prompt, cached, completion)

    def of(self, tokens: float, seconds: float) -> float | None:
        """Returns the cost of tokens that cost so much and of the time they took; None where no price is given."""
        return tokens + self._hour * seconds / 3600 if self._is_known else None


def in_words(cost: float, currency: str) -> str:
    """Returns an amount of money for a person.

    >>> in_words(2.309, "USD"), in_words(0.002, "USD")
    ('2.31 USD', 'less than 0.01 USD')
    """
    return f"{cost:,.2f} {currency}" if cost >= 0.01 or not cost else f"less than 0.01 {currency}"

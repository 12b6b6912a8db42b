"""Who is shown as a counterexample: draws by a bandit over the instructions so far, and what it is rewarded for.

rewards [0.9, 0.1, 0.5], pulls [4, 0, 0], three draws of one counterexample  ->  [[2], [1], [2]]
"""

from fanno_hf.bandit.draw import (
    draw_ranks,
    draw_window,
    least_pulled_share,
    normalise_rewards,
    pulls_histogram,
    ucb_values,
)
from fanno_hf.bandit.rewards import Nearest, acceptance, mix

__all__ = [
    "Nearest",
    "acceptance",
    "draw_ranks",
    "draw_window",
    "least_pulled_share",
    "mix",
    "normalise_rewards",
    "pulls_histogram",
    "ucb_values",
]

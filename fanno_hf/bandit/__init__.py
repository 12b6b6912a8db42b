"""A bandit over the instructions so far: it decides which are shown as counterexamples.

rewards [0.9, 0.1, 0.5], pulls [4, 0, 0], three draws of one counterexample  ->  [[2], [1], [2]]
"""

from fanno_hf.bandit.draw import draw_window, least_pulled_share, pulls_histogram
from fanno_hf.bandit.rewards import Nearest, acceptance, mix

__all__ = ["Nearest", "acceptance", "draw_window", "least_pulled_share", "mix", "pulls_histogram"]

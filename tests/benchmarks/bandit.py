"""A window of 200 draws of three against the published loop in plain Python, which ranks the whole pool at each draw.

`--quick` takes shorter windows.
"""

import math
from functools import partial

import numpy as np

from fanno_hf.bandit.draw import draw_ranks, draw_window
from tests.benchmarks import RATIO, cpu_timed, report, start

SIZE = 3
EXPLORATION = 3.0


def published_loop(rewards: list[float], pulls: list[int], ranks: list[list[int]]) -> list[list[int]]:
    """The formula written out for each instruction, a stable sort, and these ranks of the best twentieth."""
    pulls, draws = list(pulls), []
    for row in ranks:
        total = len(rewards) + sum(pulls)
        values = [
            reward + EXPLORATION * math.sqrt(2 * math.log(total) / (count + 1))
            for reward, count in zip(rewards, pulls, strict=True)
        ]
        best = sorted(range(len(rewards)), key=values.__getitem__, reverse=True)[: len(rewards) // 20]
        draws.append([best[rank] for rank in row])
        for index in draws[-1]:
            pulls[index] += 1
    return draws


def main(quick: bool) -> None:
    num_draws = 20 if quick else 200
    rng = np.random.default_rng(0)
    for size, limit in ((5_000, 100), (20_000, 250)):
        # The lengths of answers, as `normalise_rewards` leaves them: many are equal.
        lengths = np.minimum(rng.lognormal(5.5, 0.6, size).astype(int), 2048)
        rewards = (lengths - lengths.min()) / (lengths.max() - lengths.min())
        continuous = rng.random(size)
        fresh, pulled = np.zeros(size, dtype=np.int64), rng.integers(0, 11, size)
        ranks = draw_ranks(num_draws, SIZE, size // 20, np.random.default_rng(1)).tolist()
        for name, values, pulls in (
            ("", continuous, fresh),
            ("_pulled", continuous, pulled),
            ("_lengths", rewards, fresh),
            ("_lengths_pulled", rewards, pulled),
        ):

            def ours(values=values, pulls=pulls) -> list[list[int]]:
                options = {"counterexamples": SIZE, "exploration": EXPLORATION, "rng": np.random.default_rng(1)}
                return draw_window(values, pulls, num_draws, **options)[0].tolist()

            peer = partial(published_loop, values.tolist(), pulls.tolist(), ranks)
            unit, equal = f"s of CPU for {num_draws} draws{RATIO}", ours() == peer()
            limit_here = None if quick else 1 / limit
            report(
                f"draws_{size}{name}", size, cpu_timed(ours), cpu_timed(peer), limit=limit_here, unit=unit, equal=equal
            )


if __name__ == "__main__":
    start(main)

"""The map of passages: those that prescreen kept, in two dimensions."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from fanno_hf.report.style import GROUND, OURS, beside, blank, clean

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Canvas

_DIMENSIONS = 50
_HEIGHT = 5.0  # inches
_LABELS = 5
_LARGEST = 60  # members; larger dots are not drawn


@dataclass(frozen=True)
class Passages:
    """Representatives of communities, as the map shows them."""

    coordinates: np.ndarray  # float32, shape (n, 2), as `project` gives them
    members: np.ndarray  # int, shape (n,): number of passages each one represents, itself included
    labels: Sequence[str]  # a few words of each
    of: int  # number of representatives, from which these were drawn


def project(embeddings: np.ndarray, random_seed: int) -> np.ndarray:
    """Lays vectors out in two dimensions, similar ones near one another; deterministic.

    Principal components, 50 of them at most, then t-SNE (van der Maaten & Hinton 2008) from their first two; below
    10 rows the first two components alone. 2,000 rows take seconds. Returns float32, shape (n, 2), centred, the widest
    spread scaled to [-1, 1].
    """
    components = _components(embeddings.astype(np.float64))
    laid_out = np.zeros((len(components), 2))
    laid_out[:, : components.shape[1]] = components[:, :2]
    if len(components) >= 10 and np.ptp(components) > 0:
        from sklearn.manifold import TSNE
        from threadpoolctl import threadpool_limits

        perplexity = min(20.0, (len(components) - 1) / 3)
        start = (laid_out / laid_out.std(axis=0).max() * 1e-4).astype(np.float32)  # of the small spread it wants
        descent = TSNE(perplexity=perplexity, init=start, random_state=random_seed, max_iter=500)
        with threadpool_limits(1):  # on a busy machine threads that wait for one another are far slower
            laid_out = descent.fit_transform(components.astype(np.float32)).astype(np.float64)
    laid_out -= laid_out.mean(axis=0) if len(laid_out) else 0
    widest = np.abs(laid_out).max(initial=0)
    return (laid_out / widest if widest > 0 else laid_out).astype(np.float32)


def _components(rows: np.ndarray) -> np.ndarray:
    """Returns the first principal components of rows, each with the sign that makes its largest weight positive."""
    if not len(rows):
        return rows[:, :2]
    centred = rows - rows.mean(axis=0)
    _, axes = np.linalg.eigh(centred.T @ centred)
    axes = axes[:, ::-1][:, :_DIMENSIONS]
    axes = axes * np.sign(axes[np.abs(axes).argmax(axis=0), np.arange(axes.shape[1])])
    return centred @ axes


def passage_map(passages: Passages) -> "Canvas":
    """Draws one dot for each representative, its area growing with its members, the largest ones named."""
    canvas = blank(_HEIGHT)
    axes = canvas.add_subplot()
    axes.set_axis_off()
    members = np.maximum(np.asarray(passages.members, dtype=np.float64), 1)
    areas = np.clip(6000 / len(members), 7, 40) * np.minimum(members, _LARGEST)
    order = np.argsort(-members, kind="stable")
    x, y = passages.coordinates[order].T
    axes.scatter(x, y, s=areas[order], color=OURS, alpha=0.65, lw=0, rasterized=len(x) > 300)
    axes.margins(0.08)
    named: list[int] = []
    for row in order:
        place = passages.coordinates[row]
        if len(named) < _LABELS and all(abs(place[1] - passages.coordinates[other][1]) > 0.16 for other in named):
            named.append(row)
            _label(axes, place, np.sqrt(areas[row]) / 2, f"{clean(passages.labels[row])} ({members[row]:.0f})")
    return canvas


def _label(axes: "Axes", place: np.ndarray, radius: float, text: str) -> None:
    """Writes a text beside a dot of `radius` points, to the side that has more room."""
    side, to = (1, "left") if place[0] < 0 else (-1, "right")
    ground = {"facecolor": GROUND, "alpha": 0.7, "lw": 0, "pad": 1}
    beside(axes, text, place, (side * (radius + 3), 0), ha=to, va="center", size=9.5, bbox=ground, parse_math=False)

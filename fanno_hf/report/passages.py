"""The map of passages: those that prescreen kept, in two dimensions."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fanno_hf.output.folder import RunFolder
from fanno_hf.report.shown import drawn, read_table
from fanno_hf.vectors.embedder import Embedder

_DIMENSIONS = 50


@dataclass(frozen=True)
class Passages:
    """Representatives of communities, as the map shows them."""

    coordinates: np.ndarray  # float32, shape (n, 2), as `project` gives them
    members: np.ndarray  # int, shape (n,): number of passages each one represents, itself included
    labels: Sequence[str]  # a few words of each
    of: int  # number of representatives, from which these were drawn


def read_map(folder: RunFolder, embedder: Embedder, most: int, random_seed: int) -> Passages | None:
    """Lays out at most `most` of the passages that prescreen kept; None if there are none.

    A passage represents its community: itself and those rejected as `same_community`.
    """
    table = read_table(folder, "prescreen")
    if not most or table is None:
        return None
    rows = table.select(drawn(len(table), most, random_seed, "map"))
    left: Counter[int] = Counter()
    if (rejected := read_table(folder, "rejected_prescreen")) is not None:
        pairs = zip(rejected["reason"], rejected["community"], strict=True)
        left.update(community for reason, community in pairs if reason == "same_community")
    texts = list(rows["text"])
    return Passages(
        coordinates=project(embedder.encode(texts), random_seed),
        members=np.array([1 + left[community] for community in rows["community"]], dtype=np.int64),
        labels=[" ".join(text.split()[:6]) for text in texts],
        of=len(table),
    )


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

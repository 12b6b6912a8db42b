"""Arguments that can be worked with."""


def check(*, threshold: float, block_size: int, min_size: int = 1, threads: int | None = None) -> None:
    """Raises ValueError if an argument is out of range."""
    if not -1 <= threshold <= 1:
        raise ValueError(f"threshold is a cosine similarity in [-1, 1], got {threshold}")
    if min_size < 1:
        raise ValueError(f"min_size must be at least 1 row, got {min_size}")
    if block_size < 1:
        raise ValueError(f"block_size must be at least 1 row, got {block_size}")
    if threads is not None and threads < 1:
        raise ValueError(f"threads must be at least 1, or None for the libraries' own setting, got {threads}")

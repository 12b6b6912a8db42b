"""How many processors there are, and how many processes for them."""

import os


def cores() -> int:
    """Returns the cores that this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def process_count(wanted: int | None) -> int:
    """Returns how many processes share a work: as many as wanted, by default the cores, four for a core at most, since more of them
    are no faster and take memory."""
    return min(wanted or cores(), 4 * cores())

"""Who does parts of the comparing: other processes, on this machine or others, or nobody but this one.

for key, found in workers.each(link_blocks, [((0, 1), (pattern, 1e9, rows, others))]): …
"""

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Protocol, TypeVar

Key = TypeVar("Key")
Call = tuple[Key, tuple]  # what the caller knows it by, and the arguments


class Workers(Protocol):
    """Processes of one thread each."""

    cores: int  # how many calls are done at the same time; at least 1

    def put(self, value: Any) -> Any:
        """Returns what stands for a value among the arguments of calls: so it moves once, not with every call."""

    def each(self, function: Callable, calls: Iterable[Call]) -> Iterator[tuple[Key, Any]]:
        """Yields what a function of a module gives for each call, in any order; calls are taken as they can be done."""


class Here:
    """This process does it all, one call after another."""

    cores = 1

    def put(self, value: Any) -> Any:
        """Returns the value."""
        return value

    def each(self, function: Callable, calls: Iterable[Call]) -> Iterator[tuple[Key, Any]]:
        """Yields what the function gives for each call."""
        return ((key, function(*given)) for key, given in calls)

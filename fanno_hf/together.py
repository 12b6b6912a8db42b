"""What several threads change in the process for as long as any of them needs it: the first one changes it, the last one puts it back.

quiet = Together(without_bars)
with quiet():          # in any number of threads at a time: one that ends takes nothing from the others
    …
"""

import threading
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any


class Together:
    """Makes a context that is entered once, whoever is in it, and left with the last one.

    Args:
        make: makes that context; it gets the arguments of the first one.
    """

    def __init__(self, make: Callable[..., AbstractContextManager]):
        self._make, self._lock, self._inside = make, threading.Lock(), 0
        self._entered: AbstractContextManager | None = None

    @contextmanager
    def __call__(self, *arguments: Any) -> Iterator[None]:
        with self._lock:
            if not self._inside:
                self._entered = self._make(*arguments)
                self._entered.__enter__()
            self._inside += 1
        try:
            yield
        finally:
            with self._lock:
                self._inside -= 1
                if not self._inside:
                    self._entered.__exit__(None, None, None)

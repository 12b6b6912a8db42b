"""Ctrl-C and SIGTERM stop a run: at once where it can, within `GRACE` seconds whatever a library makes of it."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

GRACE = 30.0
"""Seconds a run has to close its files and connections after a signal."""

STOPPED = "Stopped. What was done is kept: run the same command again to go on."


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop.

    Attributes:
        exit_code: 128 + the signal's number, as shells report it.
    """

    def __init__(self, signum: int):
        super().__init__(signum)
        self.exit_code = 128 + signum


@contextmanager
def heeding_signals() -> Iterator[None]:
    """Within it SIGTERM, and SIGINT where the shell did not have it ignored, raise `Stopped` in the main thread."""
    heeded = [signum for signum in (signal.SIGINT, signal.SIGTERM) if signal.getsignal(signum) != signal.SIG_IGN]
    before = {signum: signal.signal(signum, _stop) for signum in heeded}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _stop(signum: int, frame: object) -> None:
    # an exception that surfaces in a destructor or a callback is swallowed there: the timer has the last word
    timer = threading.Timer(GRACE, _leave, [signum])
    timer.daemon = True
    timer.start()
    raise Stopped(signum)


def _leave(signum: int) -> None:
    # nothing is lost: answers are in the journal as they come, and files are moved into place when they are whole
    print(STOPPED, file=sys.stderr, flush=True)
    os._exit(128 + signum)

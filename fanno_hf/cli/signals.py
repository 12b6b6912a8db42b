"""Ctrl-C, SIGTERM and SIGHUP (a terminal that is closed) stop a run, at the latest after `GRACE` seconds, even if a library swallows the exception."""

import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

GRACE = 30.0
"""Seconds a run has to close its files and connections after a signal."""

STOPPED = "Stopped. What was done is kept: run the same command again to go on."


_HEEDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class Stopped(KeyboardInterrupt):
    """A signal asked the run to stop."""

    def __init__(self, signum: int):
        super().__init__(signum)
        self.exit_code = 128 + signum  # as shells report it


@contextmanager
def heeding_signals() -> Iterator[None]:
    """Makes SIGINT, SIGTERM and SIGHUP raise `Stopped` in the main thread, except those that are ignored, as by nohup."""
    heeded = [signum for signum in _HEEDED if signal.getsignal(signum) != signal.SIG_IGN]
    before = {signum: signal.signal(signum, _stop) for signum in heeded}
    try:
        yield
    finally:
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _stop(signum: int, frame: object) -> None:
    # Python swallows an exception that is raised inside a destructor or callback: then the timer ends the process
    timer = threading.Timer(GRACE, _leave, [signum])
    timer.daemon = True
    timer.start()
    raise Stopped(signum)


def _leave(signum: int) -> None:
    # nothing is lost: each answer is journaled when it comes, and files get their names when they are complete
    with suppress(OSError):  # the terminal may be gone
        print(STOPPED, file=sys.stderr, flush=True)
    os._exit(128 + signum)

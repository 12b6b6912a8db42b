"""How a guest behaves in somebody's process: errors in one sentence, a log that is seen, and everything back as it was.

with told_in_words(overrides), at_work(settings):      ->  UserError: stages.sed.combinations is not a configuration key; …
    execute(settings)
"""

import logging
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

from fanno_hf.errors import FannoError, UserError
from fanno_hf.together import Together

if TYPE_CHECKING:
    from fanno_hf.settings import Settings

logger = logging.getLogger("fanno_hf")


@contextmanager
def told_in_words(debug: bool) -> Iterator[None]:
    """Makes every error the one sentence that the command line says: UserError for a mistake, else FannoError.

    What it came from, which may quote a key or a document, is shown with `debug` alone.
    """
    try:
        yield
    except KeyboardInterrupt:
        logger.warning("Stopped. What was done is kept: the same call goes on from there.")
        raise
    except Exception as error:
        from fanno_hf.cli.explain import in_words

        message, code = in_words(error, in_python=True)
        if isinstance(error, FannoError):
            told, error.args = error, (message, *error.args[1:])
            cause = error.__cause__
        else:
            told, cause = (UserError if code == 2 else FannoError)(message), error
        raise told from (cause if debug else None)


@contextmanager
def undisturbed() -> Iterator[None]:
    """Puts Ctrl-C and the stop button off until the end: a library whose import is broken off may stay half imported."""
    if threading.current_thread() is not threading.main_thread():
        yield  # where they never come
        return
    came: list[int] = []
    before = signal.signal(signal.SIGINT, lambda *_: came.append(1))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
    if came:
        signal.raise_signal(signal.SIGINT)


@contextmanager
def at_work(settings: "Settings") -> Iterator[None]:
    """Shows and writes the log as the command line does, and no bars of libraries, for as long as something is done.

    Runs in several threads share one log, shown as the first of them began to show it, with the lines that any of them wants.
    """
    from fanno_hf.cli.console import log_handlers

    terminal, file = log_handlers(settings)
    with _QUIET(), _SHOWN(terminal), _wanted(logging.getLevelName(settings.log_level)):
        logger.addHandler(file)
        try:
            yield
        finally:
            logger.removeHandler(file)
            file.close()


@contextmanager
def _shown(terminal: logging.Handler) -> Iterator[None]:
    """Shows the log there; somebody who has set up a log gets the lines in that one."""
    before, is_seen = logger.level, logger.hasHandlers()
    if not is_seen:
        logger.addHandler(terminal)
    try:
        yield
    finally:
        logger.removeHandler(terminal)
        terminal.close()
        logger.setLevel(before)


@contextmanager
def _wanted(level: int) -> Iterator[None]:
    """Has the log take lines of this level; `_SHOWN` knows the level of before."""
    with _LEVELS_LOCK:
        _LEVELS.append(level)
        logger.setLevel(min(_LEVELS))
    try:
        yield
    finally:
        with _LEVELS_LOCK:
            _LEVELS.remove(level)
            logger.setLevel(min(_LEVELS, default=level))


@contextmanager
def _without_bars() -> Iterator[None]:
    """Has libraries draw no bars. One that is imported meanwhile would remember that there are none."""
    from datasets import utils as datasets
    from huggingface_hub import utils as hub

    shown = [library for library in (datasets, hub) if not library.are_progress_bars_disabled()]
    models = _logging_of_transformers()
    models_shown = models.is_progress_bar_enabled() if models else hub in shown
    for library in shown:
        library.disable_progress_bars()
    if models and models_shown:
        models.disable_progress_bar()
    try:
        yield
    finally:
        if models_shown and (models := _logging_of_transformers()):
            models.enable_progress_bar()
        for library in shown:
            library.enable_progress_bars()


def _logging_of_transformers() -> Any:
    """Returns the module that draws its bars; None where nobody has imported it."""
    return sys.modules.get("transformers.utils.logging")


_QUIET, _SHOWN = Together(_without_bars), Together(_shown)
_LEVELS: list[int] = []  # that runs in this process want now
_LEVELS_LOCK = threading.Lock()

"""What a person sees: log lines, and the result at the end."""

import logging
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING

from fanno_hf.output.place import run_folder
from fanno_hf.texts.hidden import known_keys, without_keys

if TYPE_CHECKING:
    from fanno_hf.output.folder import RunFolder
    from fanno_hf.settings import Settings

# the libraries read these when they are imported; long steps show a progress of their own (steps/progress)
QUIET = {
    "DATASETS_VERBOSITY": "error",
    "HF_DATASETS_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_PROGRESS_BARS": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "HF_HUB_VERBOSITY": "error",
}


def set_up(settings: "Settings") -> None:
    """Sends the log to the terminal and to logs/run.log, and silences libraries whose environment variables are not set."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler in log_handlers(settings):
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False  # on a full disk lines are lost, without a traceback
    logging.getLogger("fanno_hf").setLevel(settings.log_level)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


def log_handlers(settings: "Settings") -> tuple[logging.Handler, logging.Handler]:
    """Returns what sends a log to the terminal, and what sends it to logs/run.log."""
    terminal, file = logging.StreamHandler(sys.stderr), _RunLog(settings.run)
    for handler, clock in ((terminal, "%H:%M:%S"), (file, None)):
        handler.setFormatter(_Line("%(asctime)s %(message)s", clock))
    return terminal, file


class _Line(logging.Formatter):
    """A line of the log, without the keys of the run: an address, too, may hold one."""

    def format(self, record: logging.LogRecord) -> str:
        return without_keys(super().format(record), known_keys())


class _RunLog(logging.FileHandler):
    """Writes to logs/run.log once the run folder exists: a command that makes no run leaves no folder behind."""

    def __init__(self, run: str):
        self._folder = run_folder(run)
        super().__init__(self._folder / "logs" / "run.log", encoding="utf-8", errors="replace", delay=True)

    def emit(self, record: logging.LogRecord) -> None:
        try:
            if self._folder.is_dir():
                Path(self.baseFilename).parent.mkdir(exist_ok=True)
                super().emit(record)
        except OSError:
            pass  # writing the run itself reports why

    def handleError(self, record: logging.LogRecord) -> None:
        """On a full disk lines are lost, without a traceback."""


def show(folder: "RunFolder", stage: str) -> None:
    """Prints the funnel and, after the last stage, a few pairs; a shard has neither."""
    from fanno_hf.output.shown import funnel_in_words, pairs_in_words

    if folder.manifest["stages"]:
        print(f"\n{funnel_in_words(folder)}\n")
        if stage in ("all", "respond"):
            print(pairs_in_words(folder))

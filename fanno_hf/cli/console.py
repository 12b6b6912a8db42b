"""What a person sees: log lines, and the result at the end."""

import logging
import os
import sys
import textwrap
from itertools import islice
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
    for handler, clock in ((logging.StreamHandler(sys.stderr), "%H:%M:%S"), (_RunLog(settings.run), None)):
        handler.setFormatter(_Line("%(asctime)s %(message)s", clock))
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False  # on a full disk lines are lost, without a traceback
    logging.getLogger("fanno_hf").setLevel(settings.log_level)
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)


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


def show(folder: "RunFolder", stage: str, count: int = 3) -> None:
    """Prints the funnel and, after the last stage, a few pairs; a shard has neither."""
    from fanno_hf.output.table import funnel_table
    from fanno_hf.output.usage import usage_in_words, usage_of_all

    stages = folder.manifest["stages"]
    if not stages:
        return
    print(f"\n{funnel_table(folder.manifest)}\n\n{usage_in_words(usage_of_all(folder.manifest))}\n")
    if stage in ("all", "respond"):
        pairs = stages["respond"]["kept"]
        rows = folder.stream_rows("default", ("instruction", "input", "output"), every=max(1, pairs // count))
        for row in islice(rows, count):
            print(_paragraph("instruction: ", row["instruction"]))
            if row["input"]:
                print(_paragraph("input:       ", row["input"]))
            print(_paragraph("output:      ", row["output"]), end="\n\n")
        print(f'{pairs} pairs: load_dataset("{folder.path}")')


def _paragraph(label: str, text: str, width: int = 110, most: int = 500) -> str:
    """Returns a text wrapped beside its label, without control characters, which could harm a terminal."""
    text = "".join(ch if ch.isprintable() else " " for ch in text)
    text = text if len(text) <= most else text[:most] + " …"
    return textwrap.fill(text, width, initial_indent=label, subsequent_indent=" " * len(label))

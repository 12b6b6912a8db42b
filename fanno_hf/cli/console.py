"""What a person sees: log lines, progress bars on a terminal, and the result at the end."""

import logging
import sys
import textwrap
from pathlib import Path

import datasets
import huggingface_hub

from fanno_hf.columns import PAIR
from fanno_hf.output.folder import RunFolder, run_folder
from fanno_hf.output.funnel import funnel_table
from fanno_hf.settings import Settings


def set_up(settings: Settings) -> None:
    """Sends the log to the terminal and to logs/run.log of the run folder, and keeps the libraries quiet."""
    root = logging.getLogger()
    for handler in list(root.handlers):
        root.removeHandler(handler)
    for handler, clock in ((logging.StreamHandler(sys.stderr), "%H:%M:%S"), (_file_handler(settings.run), None)):
        handler.setFormatter(logging.Formatter("%(asctime)s %(message)s", clock))
        root.addHandler(handler)
    root.setLevel(logging.WARNING)
    logging.raiseExceptions = False  # a line that cannot be written (to a full disk) is lost without a traceback
    logging.getLogger("fanno_hf").setLevel(settings.log_level)
    # what takes long shows its own progress (steps/progress)
    datasets.disable_progress_bars()
    huggingface_hub.utils.disable_progress_bars()
    datasets.logging.set_verbosity_error()
    huggingface_hub.logging.set_verbosity_error()


def _file_handler(run: str) -> logging.Handler:
    path = Path(run_folder(run), "logs", "run.log")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        return logging.FileHandler(path, encoding="utf-8", errors="replace")
    except OSError:
        return logging.NullHandler()  # the run folder itself will say why it cannot be written


def show(folder: RunFolder, stage: str, count: int = 3) -> None:
    """Prints the funnel and, after the last stage, a few pairs; a shard has neither."""
    if not folder.manifest["stages"]:
        return
    print(f"\n{funnel_table(folder.manifest)}\n")
    if stage in ("all", "respond"):
        rows = folder.read_rows("default", PAIR)
        for row in rows.select(range(0, len(rows), max(1, len(rows) // count))).select(range(min(count, len(rows)))):
            print(_paragraph("instruction: ", row["instruction"]))
            if row["input"]:
                print(_paragraph("input:       ", row["input"]))
            print(_paragraph("output:      ", row["output"]), end="\n\n")
        print(f'{len(rows)} pairs: load_dataset("{folder.path}")')


def _paragraph(label: str, text: str, width: int = 110, most: int = 500) -> str:
    """Wraps a text under its label. Control characters are escaped: completions are hostile to terminals too."""
    text = "".join(ch if ch.isprintable() else " " for ch in text)
    text = text if len(text) <= most else text[:most] + " …"
    return textwrap.fill(text, width, initial_indent=label, subsequent_indent=" " * len(label))

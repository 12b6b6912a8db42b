"""stage=estimate: projected seconds ÷ seconds of the run that follows, on a simulated server (0.8 to 1.2 is asked for)."""

import logging
import tempfile
from pathlib import Path

import datasets

from tests.benchmarks import report
from tests.commands.test_estimate import project_and_run


def ratio() -> float:
    with tempfile.TemporaryDirectory() as folder:
        projected, stages = project_and_run(Path(folder))
    return sum(stage.seconds for stage in projected) / sum(entry["seconds"] for entry in stages.values())


if __name__ == "__main__":
    logging.getLogger("fanno_hf").setLevel(logging.ERROR)
    datasets.disable_progress_bars()
    report("estimated_seconds", 120, ratio, lambda: 1.0, limit=0.8, unit="projected ÷ real, up to 1.2", pairs=3)

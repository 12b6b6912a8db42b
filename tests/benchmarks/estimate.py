"""stage=estimate: projected seconds ÷ seconds of the run that follows, on a simulated server (0.8 to 1.2 is asked for)."""

import tempfile
from pathlib import Path

from tests.benchmarks import report, start
from tests.commands.test_estimate import project_and_run


def ratio() -> float:
    with tempfile.TemporaryDirectory() as folder:
        projected, stages = project_and_run(Path(folder))
    return sum(stage.seconds for stage in projected) / sum(entry["seconds"] for entry in stages.values())


if __name__ == "__main__":
    start(
        lambda quick: report("estimated_seconds", 120, ratio, limit=0.8, unit="projected ÷ real, up to 1.2", pairs=3)
    )

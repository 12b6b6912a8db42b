"""CPU of what a person waits for at the prompt, against importing Hydra and OmegaConf alone; at most 3 times that."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence

from tests.benchmarks import report

PEER = ["-c", "import hydra, omegaconf"]
CALLS = {
    "help": (["--help"], 0),
    "misspelt_stage": (["stage=agument"], 2),
    "misspelt_key": (["stages.sed.combinations=2"], 2),
}
LIMIT = 3


def cpu(arguments: Sequence[str], folder: str, code: int = 0) -> float:
    """Seconds (user and system) of a Python process that must end with this exit code."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([sys.executable, *arguments], cwd=folder, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode != code:
        raise SystemExit(f"{arguments} ended with {done.returncode}: {done.stderr.decode()}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        peer = lambda: cpu(PEER, folder)  # noqa: E731
        peer()  # the first one reads from the disk
        for name, (arguments, code) in CALLS.items():
            ours = lambda a=arguments, c=code: cpu(["-m", "fanno_hf", *a], folder, c)  # noqa: E731
            ours()
            report(f"command_{name}", 1, ours, peer, limit=LIMIT, unit="CPU s, the limit as ratio", pairs=7)


if __name__ == "__main__":
    main()

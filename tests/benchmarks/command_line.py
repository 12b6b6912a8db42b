"""CPU of what a person waits for at the prompt, against importing Hydra and OmegaConf alone; at most 3 times that."""

import resource
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from functools import partial

from tests.benchmarks import RATIO, report, start

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


def main(quick: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        peer = partial(cpu, PEER, folder)
        peer()  # the first one reads from the disk
        for name, (arguments, code) in CALLS.items():
            ours = partial(cpu, ["-m", "fanno_hf", *arguments], folder, code)
            ours()
            report(f"command_{name}", 1, ours, peer, limit=LIMIT, unit=f"CPU s{RATIO}", pairs=7)


if __name__ == "__main__":
    start(main)

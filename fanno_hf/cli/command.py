"""The command that made a run, fit to be shown: what belongs to one machine alone is left for the reader to fill in.

data.path=/home/me/notes teacher.base_url=http://10.0.0.7:8080  ->  python -m fanno_hf data.path=PATH teacher.base_url=URL
"""

import re
import shlex
from collections.abc import Iterable
from pathlib import Path

from hydra.conf import HydraConf

_HERE = ("run=", "hub.", "hydra.", "journal=", "debug=", "log_level=", "force=", "shard=", "budget.")
_WHERE = ("data.path=", "report.compare=")  # always somebody's own files
_URL = re.compile(r"\w+://[^,\]}'\"]*")
_PATH = re.compile(r"(?<![\w.])(?:~|/|[A-Za-z]:\\)[^,\]}'\"]*")


def shown_command(hydra: HydraConf) -> str:
    """Returns the command line of a run, without what does not decide its rows."""
    folders = [s.path for s in hydra.runtime.config_sources if s.provider == "command-line"]
    options = ["-cd", *(Path(path).name for path in folders)] if folders else []
    if hydra.job.config_name not in (None, "config"):
        options += ["-cn", hydra.job.config_name]
    return shlex.join(["python", "-m", "fanno_hf", *options, *_shown(hydra.overrides.task)])


def _shown(overrides: Iterable[str]) -> list[str]:
    kept = [word for word in overrides if not word.lstrip("+~").startswith(_HERE)]
    return [_fit_to_be_shown(word) for word in kept]


def _fit_to_be_shown(word: str) -> str:
    key, sign, value = word.partition("=")
    if f"{key.lstrip('+~')}=" in _WHERE:
        return f"{key}=PATH"
    return key + sign + _PATH.sub("PATH", _URL.sub("URL", value))

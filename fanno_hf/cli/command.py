"""The command that made a run, for run.json and the card: paths and addresses are replaced by placeholders, keys by asterisks.

data.path=/home/me/notes teacher.base_url=http://10.0.0.7:8080  ->  python -m fanno_hf data.path=PATH teacher.base_url=URL
"""

import re
import shlex
from pathlib import Path

from hydra.conf import HydraConf

from fanno_hf.texts.hidden import known_keys, without_keys

_HERE = ("run=", "hub.", "hydra.", "journal=", "debug=", "log_level=", "force=", "shard=", "budget.")
_WHERE = ("data.path=", "report.compare=")  # always paths, even without a slash
_URL = re.compile(r"\w+://[^,\]}'\"]*")
_PATH = re.compile(r"(?<![\w.])(?:~|/|[A-Za-z]:\\)[^,\]}'\"]*")


def shown_command(hydra: HydraConf) -> str:
    """Returns the command line of a run, without the options that do not affect its rows."""
    folders = [s.path for s in hydra.runtime.config_sources if s.provider == "command-line"]
    options = ["-cd", *(Path(path).name for path in folders)] if folders else []
    if hydra.job.config_name not in (None, "config"):
        options += ["-cn", hydra.job.config_name]
    kept = [word for word in hydra.overrides.task if not word.lstrip("+~").startswith(_HERE)]
    return shlex.join(["python", "-m", "fanno_hf", *options, *map(_shown, kept)])


def _shown(word: str) -> str:
    # before it is quoted, which would put more between the characters of a key
    return without_keys(_without_places(word), known_keys())


def _without_places(word: str) -> str:
    key, sign, value = word.partition("=")
    if f"{key.lstrip('+~')}=" in _WHERE:
        return f"{key}=PATH"
    return key + sign + _PATH.sub("PATH", _URL.sub("URL", value))

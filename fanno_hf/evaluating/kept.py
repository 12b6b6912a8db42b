"""What an evaluation has measured so far, besides what is in the journal: losses and benchmarks, which no server answers.

evaluation/measured.json  {"5f0c…": {"per_token": 2.31, …}, …}     the digest of all that decides it -> what came out
"""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fanno_hf.identity import digest
from fanno_hf.output.folder import RunFolder

FOLDER = Path("evaluation")
_FILE = FOLDER / "measured.json"


class Kept:
    """Measures once, and remembers.

    Args:
        anew: whether what was measured before is measured again (force=true).
    """

    def __init__(self, folder: RunFolder, *, anew: bool):
        self._folder, self._anew = folder, anew
        self._found = _read(folder.path / _FILE)
        self._now: dict[str, Any] = {}

    def measure(self, what: Any, measure: Callable[[], Any]) -> Any:
        """Returns what `measure` returns, JSON-able, for `what` decides it; from the file where it was measured before."""
        key = digest(what)
        if key not in self._now:
            is_known = key in self._found and not self._anew
            self._now[key] = self._found[key] if is_known else measure()
            self._found[key] = self._now[key]
            if not is_known:
                text = json.dumps(dict(sorted(self._found.items())), indent=1) + "\n"
                self._folder.write(_FILE, text.encode())
        return self._now[key]


def _read(path: Path) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}

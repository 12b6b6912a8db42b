"""How many instructions and responses the rules drop: `python -m tests.benchmarks.rules [FILE…] [--rules small] [--show]`.

A file has JSON lines with `instruction` and `input`, and `response` or `output` if there are any; the format of
Self-Instruct with `instances` is read too. Without a file, the project's own good and bad sets are measured. Prints for each file

    {"name": "dropped", "file": "good_instructions.jsonl", "size": 307, "ours": 0.0, "reasons": {}}
"""

import argparse
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from fanno_hf.columns import Reason
from fanno_hf.errors import UserError
from fanno_hf.rules.instruction import InstructionRules
from fanno_hf.rules.response import ResponseRules
from tests.rules.sets import HERE, candidate, profile, read_rows

OWN = [HERE / f"{name}.jsonl" for name in ("good_instructions", "bad_instructions", "bad_responses")]
Found = Sequence[tuple[Mapping[str, Any], Reason | None]]


def measure(path: Path, rules: Mapping[str, Any], show: bool) -> None:
    """Prints what the rules drop of one file; raises UserError where it is malformed."""
    rows = list(read_rows(path))
    instruction_rules = InstructionRules(rules)
    response_rules = ResponseRules(rules, min_words=rules["min_response_words"])
    tell("dropped", path, [(row, instruction_rules.reason(candidate(row))) for row in rows], show)
    answered = [row for row in rows if row["response"] is not None]
    if answered:
        found = [
            (
                row,
                response_rules.reason(
                    row["response"], row.get("finish_reason", "stop"), row["instruction"], row["input"]
                ),
            )
            for row in answered
        ]
        tell("responses_dropped", path, found, show)


def tell(name: str, path: Path, found: Found, show: bool) -> None:
    """Prints one JSON line about some rows, and those that are dropped where they shall be shown."""
    dropped = [(row, reason) for row, reason in found if reason is not None]
    line = {"name": name, "file": path.name, "size": len(found), "ours": round(len(dropped) / max(1, len(found)), 4)}
    reasons = Counter(reason for _, (reason, _) in dropped)
    print(json.dumps({**line, "reasons": dict(reasons.most_common())}), flush=True)
    for row, (reason, detail) in dropped if show else ():
        shown = {key: row[key] for key in ("instruction", "input", "response") if row.get(key)}
        print(json.dumps({"reason": reason, "detail": detail, **shown}, ensure_ascii=False))


def main(arguments: Sequence[str] | None = None) -> int:
    """Returns the exit code: 2 where a file is malformed."""
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks.rules", description=__doc__.splitlines()[0])
    parser.add_argument("files", nargs="*", type=Path, default=OWN)
    parser.add_argument("--rules", default="default", choices=("default", "small"))
    parser.add_argument("--show", action="store_true", help="print the rows that are dropped")
    given = parser.parse_args(arguments)
    try:
        for path in given.files:
            measure(path, profile(given.rules), given.show)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    return 0


if __name__ == "__main__":
    sys.exit(main())

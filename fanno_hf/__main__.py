"""`python -m fanno_hf` and `fanno-hf`: help and misspelt stages are answered before any library is loaded."""

import logging
import os
import re
import sys
from collections.abc import Sequence

from fanno_hf.cli.help import help_text
from fanno_hf.cli.keys import check_key
from fanno_hf.cli.names import as_typed
from fanno_hf.cli.renamed import renamed_overrides
from fanno_hf.cli.signals import heeding_signals
from fanno_hf.cli.tasks import check_stage


def main() -> int:
    """Returns the exit code: 0 done, 1 failed, 2 a mistake in what was asked for, 130 and 143 stopped by a signal."""
    arguments = sys.argv[1:]
    if {"--help", "-h"} & set(arguments):
        print(help_text())
        return 0
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands errors on instead of printing and leaving
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        arguments = renamed_overrides(arguments)
        with heeding_signals():
            _notice_misspelt(arguments)
            sys.argv[1:] = map(as_typed, arguments)
            from fanno_hf.cli.application import run

            run()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 2
    except BaseException as error:
        from fanno_hf.cli.explain import explain

        return explain(error, debug="debug=true" in map(str.lower, arguments))
    return 0


def _notice_misspelt(arguments: Sequence[str]) -> None:
    """Raises UserError for a stage or key that is surely misspelt; Hydra and `run` would notice it a second later."""
    has_options = any(word.startswith("-") for word in arguments)  # with -cd a recipe may bring keys of its own
    for word in arguments:
        key, _, value = word.partition("=")
        if key == "stage" and value.isidentifier():
            check_stage(value)
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", key) and not has_options:
            check_key(key)


if __name__ == "__main__":
    sys.exit(main())

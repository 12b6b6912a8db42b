"""`python -m fanno_hf` and `fanno-hf`: help and misspelt stages are answered before any library is loaded."""

import logging
import os
import re
import sys
from collections.abc import Sequence
from contextlib import suppress

from fanno_hf.cli.help import help_text
from fanno_hf.cli.keys import check_key, renamed_override
from fanno_hf.cli.quoting import as_typed
from fanno_hf.cli.signals import heeding_signals
from fanno_hf.pipeline.plan import check_stage


def main() -> int:
    """Returns the exit code: 0 done, 1 failed, 2 wrong arguments, 3 budget reached, 129, 130 and 143 stopped by a signal."""
    _open_what_is_closed()
    arguments = sys.argv[1:]
    if {"--help", "-h"} & set(arguments):
        with suppress(BrokenPipeError):  # of `--help | head`
            print(help_text(), flush=True)
        return 0
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra raises its errors instead of printing them and leaving
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        arguments = [renamed_override(word) for word in arguments]
        with heeding_signals():
            _check_spelling(arguments)
            sys.argv[1:] = map(as_typed, arguments)
            from fanno_hf.cli.application import run

            try:
                run()
            finally:
                _flush(is_told=sys.exc_info()[0] is not None)
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 2
    except BaseException as error:
        from fanno_hf.cli.explain import explain

        return explain(error, debug="debug=true" in map(str.lower, arguments))
    return 0


def _open_what_is_closed() -> None:
    """Takes the null device where standard input, output or error is closed (`>&-`): nothing is printed then.

    Else the first file that is opened, a journal for example, would get the number that others write to.
    """
    for number, name in enumerate(("stdin", "stdout", "stderr")):
        try:
            os.fstat(number)
        except OSError:
            os.open(os.devnull, os.O_RDWR)  # the lowest number that is free, which is this one
        if getattr(sys, name) is None:
            nowhere = os.open(os.devnull, os.O_RDWR)
            setattr(sys, name, os.fdopen(nowhere, "w" if number else "r", encoding="utf-8"))


def _flush(is_told: bool) -> None:
    """Hands on what was printed, while the error of a reader who is gone (`| head`) can still be told in words.

    Raises OSError, unless another error is told already.
    """
    try:
        sys.stdout.flush()
    except OSError:
        # what is left unread would be tried again, with a traceback, when Python ends
        with suppress(OSError), open(os.devnull, "w") as nowhere:
            os.dup2(nowhere.fileno(), sys.stdout.fileno())
        if not is_told:
            raise


def _check_spelling(arguments: Sequence[str]) -> None:
    """Raises UserError for a stage or key that cannot be right; Hydra and `run` would find it a second later."""
    has_options = any(word.startswith("-") for word in arguments)  # with -cd a recipe may bring keys of its own
    for word in arguments:
        key, _, value = word.partition("=")
        if key == "stage" and value.isidentifier():
            check_stage(value)
        if re.fullmatch(r"[a-z_]+(\.[a-z_]+)*", key) and not has_options:
            check_key(key)


if __name__ == "__main__":
    sys.exit(main())

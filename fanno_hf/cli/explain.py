"""From any error to one clear line and an exit code.

"Could not override 'stages.sed.combinations' …"  ->  "stages.sed.combinations is not a configuration key; did you mean …"
"""

import logging
import re
import traceback
from pathlib import Path

from hydra.errors import HydraException, OverrideParseException
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from fanno_hf.cli.keys import configuration_keys, unknown_key
from fanno_hf.cli.quoting import as_was_typed, for_a_shell, for_python
from fanno_hf.cli.signals import STOPPED, Stopped
from fanno_hf.errors import FannoError, causes, did_you_mean, is_disk_full
from fanno_hf.output.place import disk_error
from fanno_hf.texts.fit import may_be_secret
from fanno_hf.texts.hidden import known_keys, without_keys

logger = logging.getLogger("fanno_hf")

# settings that a key is put into by mistake, whatever it looks like
_TAKES_A_KEY = re.compile(r"(?:base_url|api_key_env|\w*(?:key|token|secret|password))(?:@.*)?\Z", re.IGNORECASE)


def explain(error: BaseException, *, debug: bool) -> int:
    """Logs one line about an error, after its traceback if `debug` is set, and returns the exit code."""
    message, code = in_words(error)
    if debug:
        logger.error("%s", _harmless_lines(error))
    logger.error("%s", message)
    return code


def in_words(error: BaseException, *, in_python: bool = False) -> tuple[str, int]:
    """Returns one sentence about an error, without keys and control characters, and the exit code that belongs to it.

    Args:
        in_python: whether the configuration was given in Python, not typed in a shell.
    """
    message, code = _in_words(error, in_python)
    return _harmless(message), code


def _harmless_lines(error: BaseException) -> str:
    """Returns the traceback of an error without keys, and without an argument that Hydra could not parse and that may be one."""
    lines = "".join(traceback.format_exception(error)).rstrip()
    for word in _quoted_by_hydra(error):
        key, _, value = word.partition("=")
        if value and _shown(word) != word:
            lines = lines.replace(value, "…")
    return without_keys(lines, known_keys())


def _quoted_by_hydra(error: BaseException) -> list[str]:
    """Returns the arguments that an error of Hydra repeats."""
    ambiguous = re.findall(r"Ambiguous value for argument '(.*)'", str(error))
    options = ["=".join(found) for found in re.findall(r"Could not find '([^']+)/([^'/]+)'", str(error))]
    return [*ambiguous, *options, *([error.override] if isinstance(error, OverrideParseException) else [])]


def _harmless(message: str) -> str:
    """Returns a message without keys and control characters: it may quote a setting, or a file that somebody else wrote."""
    return "".join(ch if ch.isprintable() or ch == "\n" else " " for ch in without_keys(message, known_keys()))


def _in_words(error: BaseException, in_python: bool) -> tuple[str, int]:
    # first: a library that was at work when the signal came may have made another error of it
    if stop := next((one for one in causes(error) if isinstance(one, KeyboardInterrupt)), None):
        return STOPPED, stop.exit_code if isinstance(stop, Stopped) else 130
    if isinstance(error, FannoError):
        return str(error), error.exit_code
    if isinstance(error, MissingMandatoryValue):
        key = getattr(error, "full_key", None) or str(error).split(":")[-1].strip()
        return f"{key} has no value: give it on the command line, as in {key}=…", 2
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _about_configuration(error, in_python), 2
    if isinstance(error, YAMLError):
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.name}, line {mark.line + 1}" if mark else "A configuration file"
        return f"{where} is not YAML: {getattr(error, 'problem', error)}", 2
    if (
        is_disk_full(error) or isinstance(error, (PermissionError, FileExistsError, NotADirectoryError))
    ) and error.filename:
        return _in_words(disk_error(Path(error.filename), error), in_python)
    if is_disk_full(error):
        return "The disk is full. Free some space and run the same command again; what was done is kept.", 1
    if isinstance(error, BrokenPipeError):  # of `| head`
        return "Nobody reads what is printed any more. What was done is kept.", 1
    if isinstance(error, MemoryError):
        return "The memory is full: give fewer documents (data.limit) or a machine with more memory.", 1
    name = type(error).__name__
    return f"Unexpected {name}: {_first_line(error)} (debug=true shows where; please report it)", 1


def _about_configuration(error: Exception, in_python: bool) -> str:
    """Names a key or option that does not exist, and the most similar one that does."""
    words = " ".join(f"{error} {error.__cause__ or ''}".split())
    if match := re.search(r"Could not find '([^']+)/([^'/]+)'.*?Available options in '[^']+': ?(.*)", words):
        group, option, rest = match.groups()
        options = [word for word in rest.split() if re.fullmatch(r"[\w\-]+", word) and not word.startswith("__")]
        options = options[: options.index("Config")] if "Config" in options else options
        return f"{_shown(f'{group}={option}')} is unknown{did_you_mean(option, options) or '.'} Known: {', '.join(options)}"
    if match := re.search(r"(?:Cannot find primary config|Primary config module|Could not load) '?([^'\s.]+)", words):
        return f"There is no configuration {match.group(1)}: check -cn (and -cd, as in -cd recipes -cn fanno-v1)"
    if match := re.search(r"Could not override '([^']+)'|Key '([^']+)' is not in struct", words):
        whole = re.search(r"is not in struct full_key: (\S+)", words)  # where it stood in a mapping
        key = match.group(1) or match.group(2)
        if whole and not key.startswith(whole[1]):
            key = whole[1]
        key = key.split("@")[0]
        known_keys = configuration_keys()
        if key in known_keys:
            group = key.split(".")[0]
            if group == "stages":
                return f"{key.rpartition('.')[0]} was set to null, so it lacks {key}: add it, as in ++{key}=…"
            return f"{key} is a key of another option of {group} than the one chosen: see conf/{group}/, or --cfg job"
        return unknown_key(key, known_keys)
    if match := re.search(r"Error merging override (([^=\s]+)=.*?) Cannot merge DictConfig", words):
        return f"{_shown(match.group(1))}: it has keys of its own, as in {match.group(2)}.NAME=…"
    if match := re.search(r"UserError raised while resolving interpolation: (.*)", str(error)):
        return match.group(1)
    if match := re.search(r"Ambiguous value for argument '(.*)'", str(error)):
        word = _shown(as_was_typed(match.group(1)))
        each = "call it once for each" if in_python else "give -m for a run of each"
        return f"{word} has a comma: {_how_to_quote(word, in_python)}, or {each}"
    if isinstance(error, OverrideParseException):
        return _about_override(error.override, in_python)
    return f"The configuration is wrong: {_first_line(error)}"


def _about_override(word: str, in_python: bool) -> str:
    """Returns how to write an argument that Hydra cannot parse."""
    if not re.match(r"[+~]*[\w.@/-]+=", word):
        word = "…" if may_be_secret(word) else word
        return f"'{word}' is not an override: write key=value, as in stage=augment (quote values with commas)"
    word = _shown(word)
    return f"{word} has a character with a meaning in Hydra: {_how_to_quote(word, in_python)}"


def _how_to_quote(word: str, in_python: bool) -> str:
    if in_python:
        return f"give a mapping, as in {for_python(word)}"
    return f"quote the value twice, as in {for_a_shell(word)}"


def _shown(word: str) -> str:
    """Returns an argument without its value where that may be a key or hold one, as in "teacher.base_url=…"."""
    key, sign, value = word.partition("=")
    return f"{key}{sign}…" if _TAKES_A_KEY.search(key) or may_be_secret(value) else word


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no message")

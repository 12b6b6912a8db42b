"""From whatever went wrong to one clear line and an exit code.

"Could not override 'stages.sed.combinations' …"  ->  "stages.sed.combinations is no configuration key; did you mean …"
"""

import logging
import re
import traceback
from collections.abc import Iterable
from pathlib import Path

from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import MissingMandatoryValue, OmegaConfBaseException
from yaml import YAMLError

from fanno_hf.cli.signals import STOPPED, Stopped
from fanno_hf.errors import FannoError, did_you_mean
from fanno_hf.output.folder import DISK_FULL, disk_error

logger = logging.getLogger("fanno_hf")


def explain(error: BaseException, *, debug: bool, known_keys: Iterable[str] = ()) -> int:
    """Logs one line about an error (with its traceback if `debug`) and returns the exit code.

    Args:
        error: what was raised.
        debug: show the traceback too.
        known_keys: every key of the configuration, for suggestions.
    """
    message, code = _in_words(error, list(known_keys))
    if debug:
        logger.error("%s", "".join(traceback.format_exception(error)).rstrip())
    logger.error("%s", message)
    return code


def _in_words(error: BaseException, known_keys: list[str]) -> tuple[str, int]:
    if isinstance(error, FannoError):
        return str(error), error.exit_code
    if isinstance(error, KeyboardInterrupt):
        return STOPPED, error.exit_code if isinstance(error, Stopped) else 130
    if isinstance(error, MissingMandatoryValue):
        key = getattr(error, "full_key", None) or str(error).split(":")[-1].strip()
        return f"{key} has no value: give it on the command line, as in {key}=…", 2
    if isinstance(error, (HydraException, OmegaConfBaseException)):
        return _about_configuration(error, known_keys), 2
    if isinstance(error, YAMLError):
        mark = getattr(error, "problem_mark", None)
        where = f"{mark.name}, line {mark.line + 1}" if mark else "A configuration file"
        return f"{where} is not YAML: {getattr(error, 'problem', error)}", 2
    if isinstance(error, (PermissionError, FileExistsError, NotADirectoryError)) and error.filename:
        # from Hydra, which makes the run folder's logs/ before anything of ours runs
        return _in_words(disk_error(Path(error.filename), error), known_keys)
    if isinstance(error, OSError) and error.errno in DISK_FULL and error.filename:
        return _in_words(disk_error(Path(error.filename), error), known_keys)
    if isinstance(error, OSError) and error.errno in DISK_FULL:
        return "The disk is full. Free some space and run the same command again; what was done is kept.", 1
    if isinstance(error, MemoryError):
        return "The memory is full: give fewer documents (data.limit) or a machine with more memory.", 1
    name = type(error).__name__
    return f"Unexpected {name}: {_first_line(error)} (debug=true shows where; please report it)", 1


def _about_configuration(error: Exception, known_keys: list[str]) -> str:
    """Names the key or option that the configuration does not have, and the nearest that it has."""
    words = " ".join(f"{error} {error.__cause__ or ''}".split())
    if match := re.search(r"Could not find '([^']+)/([^'/]+)'.*?Available options in '[^']+': ?(.*)", words):
        group, option, rest = match.groups()
        options = [word for word in rest.split() if re.fullmatch(r"[\w\-]+", word) and not word.startswith("__")]
        options = options[: options.index("Config")] if "Config" in options else options
        return f"{group}={option} is unknown{did_you_mean(option, options) or '.'} Known: {', '.join(options)}"
    if match := re.search(r"(?:Cannot find primary config|Primary config module|Could not load) '?([^'\s.]+)", words):
        return f"There is no configuration {match.group(1)}: check -cn (and -cd, as in -cd recipes -cn fanno-v1)"
    if match := re.search(r"Could not override '([^']+)'|Key '([^']+)' is not in struct", words):
        key = (match.group(1) or match.group(2)).split("@")[0]
        if key in known_keys:
            group = key.split(".")[0]
            return f"{key} is a key of another option of {group} than the one chosen: see conf/{group}/, or --cfg job"
        return (
            f"{key} is no configuration key{did_you_mean(key, known_keys) or '.'} See conf/config.yaml, or --cfg job"
        )
    if match := re.search(r"UserError raised while resolving interpolation: (.*)", str(error)):
        return match.group(1)
    if match := re.search(r"LexerNoViableAltException: (\S+?)=(\S+)", words):
        key, value = match.groups()
        return (
            f"{key}={value} has a sign that Hydra reads as its own: quote the value twice, as in \"{key}='{value}'\""
        )
    if match := re.search(r"Error parsing override '([^']*)'", words):
        return f"'{match.group(1)}' is no override: write key=value, as in stage=augment (quote values with commas)"
    return f"The configuration is wrong: {_first_line(error)}"


def _first_line(error: BaseException) -> str:
    return next((line.strip() for line in str(error).splitlines() if line.strip()), "no further words")


def configuration_keys(folder: Path) -> list[str]:
    """Returns every key that some option of the configuration in `folder` has, dotted: "stages.seed.combinations"."""
    keys: dict[str, None] = {}
    for path in sorted(folder.rglob("*.yaml")):
        parts = path.relative_to(folder).with_suffix("").parts
        # a group's options are alternatives under one name; the stages stand beside one another
        prefix = parts if parts[0] == "stages" else parts[:-1]
        keys.update(dict.fromkeys(_dotted(OmegaConf.load(path), "".join(f"{part}." for part in prefix))))
    return list(keys)


def _dotted(config: DictConfig, prefix: str) -> Iterable[str]:
    for key in config:
        if not prefix and key in ("defaults", "hydra"):
            continue
        yield f"{prefix}{key}"
        if not OmegaConf.is_missing(config, key) and OmegaConf.is_dict(config[key]):
            yield from _dotted(config[key], f"{prefix}{key}.")

"""`stage=validate`: is everything written down as it must be? Asks no server, loads no model, and takes a second.

configuration: every key is known, every value allowed
prompts: 7 templates render
tags: 312 combinations
rules for instructions: every regular expression compiles
data: 3 files
teacher: its settings fit, and the environment variable MY_KEY is set
"""

from collections.abc import Callable, Iterator, Mapping
from itertools import islice
from pathlib import Path
from typing import Any

from fanno_hf.errors import FannoError, UserError, did_you_mean
from fanno_hf.instructing.prompts import check_prompts
from fanno_hf.instructing.tags import tag_pool
from fanno_hf.pipeline.references import AGAINST, BENCHMARKS
from fanno_hf.pipeline.services import build, document_source
from fanno_hf.rules.instruction import InstructionRules
from fanno_hf.rules.response import ResponseRules
from fanno_hf.settings import Settings, unread_keys
from fanno_hf.sources.named import check_reference

_TEMPLATES = ("instruction", "verdict", "direct", "grounded")
Check = tuple[str, Callable[[], str]]  # what is checked, and a function that says what it found or raises FannoError


def validate(settings: Settings) -> str:
    """Returns a line for each thing that was checked; raises UserError, with every fault, where there is one.

    What is wrong with a single value or key is found before, when the configuration is read.
    """
    right, faults = [], []
    for name, check in _checks(settings):
        try:
            right.append(f"{name}: {check()}")
        except FannoError as error:
            faults.append(str(error))
    if faults:
        raise UserError("\n".join([*dict.fromkeys(faults), f"{len(right)} other checks found nothing wrong"]))
    return "\n".join(right)


def _checks(settings: Settings) -> Iterator[Check]:
    config = settings.resolved
    yield "configuration", lambda: _keys(config)
    yield "prompts", lambda: _templates(config["prompts"])
    yield "tags", lambda: f"{len(tag_pool(config['tags'])):,} combinations"
    yield "rules for instructions", lambda: _compiled(InstructionRules(config["rules"]))
    least = settings.respond.min_words
    yield "rules for responses", lambda: _compiled(ResponseRules(config["rules"], min_words=least))
    yield "data", lambda: _first_rows(document_source(settings))
    for entry in settings.decontamination.benchmarks:
        yield BENCHMARKS, lambda entry=entry: check_reference(entry, BENCHMARKS, items=True)
    for entry in settings.prescreen.against:
        yield AGAINST, lambda entry=entry: check_reference(entry, AGAINST, items=False)
    for key in ("teacher", "judge"):
        if config[key].get("_target_"):
            yield key, lambda key=key: _built(key, config[key])
    yield "tokenizer", lambda: _tokenizer(config["tokenizer"])
    yield "embedder", lambda: _embedder(config["embedder"])


def _keys(config: Mapping[str, Any]) -> str:
    """Keys at the top may be a recipe's own, for others to refer to, unless they look like misspelt ones."""
    for name in unread_keys(config):
        if near := did_you_mean(name, config.keys() - {name}):
            raise UserError(f"{name} is not a configuration key{near} See conf/config.yaml, or --cfg job")
    return "every key is known, every value allowed"


def _templates(prompts: Mapping[str, Any]) -> str:
    groups = {name: parts for name, parts in prompts.items() if isinstance(parts, Mapping)}
    faults = []
    for group, parts in groups.items():
        try:
            check_prompts({"verdicts": prompts["verdicts"], group: parts})
        except UserError as error:
            faults.append(str(error))
    if faults:
        raise UserError("\n".join(faults))
    return f"{sum(name in parts for parts in groups.values() for name in _TEMPLATES)} templates render"


def _compiled(rules: Any) -> str:
    return "every regular expression compiles"


def _first_rows(source: Any) -> str:
    """Looks into a source of documents; one that cannot check itself is asked for its first one."""
    if hasattr(source, "check"):
        return source.check()
    if not list(islice(source.documents(), 1)):
        raise UserError("The data source holds no document: check data.path (or data.name) and data.limit")
    return "the first document can be read"


def _built(key: str, config: Mapping[str, Any]) -> str:
    build(key, config)
    variable = config.get("api_key_env")
    return "its settings fit" + (f", and the environment variable {variable} is set" if variable else "")


def _tokenizer(config: Mapping[str, Any]) -> str:
    name = config.get("name_or_path")
    if name and name != "words" and not Path(name).expanduser().exists():
        return f"{name} on the Hub, which was not asked"
    return _built("tokenizer", config)


def _embedder(config: Mapping[str, Any]) -> str:
    build("embedder", config).check_installed()
    return "its settings fit, and what it needs is installed"

"""The configuration, checked: types and ranges, each mistake named by its key before anything is paid for."""

from collections.abc import Mapping
from typing import Any

from omegaconf import DictConfig, OmegaConf

from fanno_hf.bandit import POLICIES, read_weights
from fanno_hf.errors import UserError

# key -> (type, lowest, highest, whether null is allowed)
_SHARE, _COSINE = (float, 0.0, 1.0, False), (float, -1.0, 1.0, True)
_POSITIVE_SHARE = (float, 1e-6, 1.0, False)
_COUNT, _OPTIONAL_COUNT = (int, 1, None, False), (int, 1, None, True)
_SAMPLING = {
    "max_tokens": _COUNT,
    "temperature": (float, 0.0, None, False),
    "top_p": _POSITIVE_SHARE,
    "frequency_penalty": (float, -2.0, 2.0, False),
}
_NUMBERS = {
    "random_seed": (int, 0, None, False),
    "threads": _OPTIONAL_COUNT,
    "top_logprobs": (int, 0, 20, False),
    "data.limit": _OPTIONAL_COUNT,
    "teacher.concurrency": _OPTIONAL_COUNT,
    "estimate.rows": _COUNT,
    "hub.retries": (int, 0, 20, False),
    "report.rows": _COUNT,
    "report.rejected": (int, 0, None, False),
    "report.max_characters": (int, 50, None, False),
    "report.max_megabytes": (float, 1.0, None, False),
    "report.compared_rows": _COUNT,
    "report.judged": (int, 0, None, False),
    "report.map": (int, 0, None, False),
    "report.parsed": _COUNT,
    **{f"report.price.{name}": (float, 0.0, None, True) for name in ("hour", "prompt_tokens", "completion_tokens")},
    "diff.examples": (int, 0, None, False),
    "decontamination.ngram": _COUNT,
    "decontamination.min_words": _COUNT,
    "budget.requests": _OPTIONAL_COUNT,
    "budget.tokens": _OPTIONAL_COUNT,
    "budget.seconds": (float, 0.001, None, True),
    "teacher.timeout": (float, 0.001, None, False),
    "teacher.retries": (int, 0, None, False),
    "teacher.patience": (float, 0.0, None, False),
    "teacher.delay": (float, 0.0, None, False),
    "teacher.fault_share": _SHARE,
    "teacher.context": _COUNT,
    "teacher.threads": _OPTIONAL_COUNT,
    "embedder.batch_size": _COUNT,
    "embedder.dimension": _COUNT,
    "rules.min_words": (int, 0, None, False),
    "rules.max_words": _COUNT,
    "rules.max_repeated_words": _SHARE,
    "rules.max_tag_words": _SHARE,
    "rules.max_demonstration": _SHARE,
    "rules.max_copied_words": _COUNT,
    "stages.prescreen.max_tokens": _COUNT,
    "stages.prescreen.min_tokens": (int, 0, None, False),
    "stages.prescreen.max_markup_share": _SHARE,
    "stages.prescreen.min_letter_share": _SHARE,
    "stages.prescreen.max_repetition_share": _SHARE,
    "stages.prescreen.near_duplicates.threshold": (float, 0.01, 1.0, True),
    "stages.prescreen.near_duplicates.ngram": _COUNT,
    "stages.prescreen.near_duplicates.num_perm": (int, 16, None, False),
    "stages.prescreen.communities.threshold": _COSINE,
    "stages.prescreen.communities.min_size": _COUNT,
    "stages.seed.combinations": _COUNT,
    "stages.seed.max_documents": _OPTIONAL_COUNT,
    "stages.seed.max_instructions": _OPTIONAL_COUNT,
    "stages.seed.min_relevance": _COSINE,
    "stages.seed.near_repeat_threshold": _COSINE,
    "stages.augment.target_size": _COUNT,
    "stages.augment.window": _COUNT,
    "stages.augment.lag": (int, 0, 64, False),
    "stages.augment.epochs": (int, 0, None, False),
    "stages.augment.counterexamples": (int, 0, None, False),
    "stages.augment.exploration": (float, 0.0, None, False),
    "stages.augment.top_fraction": _POSITIVE_SHARE,
    "stages.augment.min_relevance": _COSINE,
    "stages.augment.near_repeat_threshold": _COSINE,
    "stages.respond.retrieved": (int, 0, None, False),
    "stages.respond.exact_below": _COUNT,
    "stages.respond.least_recall": _POSITIVE_SHARE,
    "stages.respond.retry_max_tokens": _OPTIONAL_COUNT,
    "stages.respond.min_words": (int, 0, None, False),
    **{f"stages.{stage}.{key}": rule for stage in ("seed", "augment", "respond") for key, rule in _SAMPLING.items()},
    **{
        f"stages.{stage}.verdicts.{name}": (float, 0.0, 1.0, True)
        for stage, names in {
            "prescreen": ("low_quality", "private_information", "advertisement"),
            "seed": ("needs_document", "unsafe", "names_strangers"),
            "augment": ("needs_document", "unsafe", "names_strangers"),
        }.items()
        for name in names
    },
}
_CHOICES = {
    "stages.prescreen.communities.algorithm": ("fast", "louvain", "leiden", "components", "approximate"),
    "stages.prescreen.communities.keep": ("longest", "first"),
    "stages.prescreen.undecided": ("keep", "drop"),
    "stages.seed.undecided": ("keep", "drop"),
    "stages.augment.undecided": ("keep", "drop"),
    "stages.augment.policy": POLICIES,
    "stages.respond.mode": ("direct", "grounded"),
    "export.format": ("prompt_completion", "sharegpt", "alpaca", "messages"),
    "log_level": ("DEBUG", "INFO", "WARNING", "ERROR"),
}
_LISTS = {
    "report.parser": None,
    "stages.prescreen.personal_data.kinds": ("email", "phone", "card", "iban", "ip"),
    **{f"stages.{stage}.stop": None for stage in ("seed", "augment", "respond")},
}
_PATHS = {"journal": True, "sweep": False}
_TEXTS = ("a", "b", "hub.repo_id", "hub.revision", "hub.from", "hub.license", "report.price.currency")
_REFERENCES = ("decontaminate", "stages.prescreen.against")
_SWITCHES = (
    *("force", "debug", "hub.push", "hub.private", "stages.prescreen.enabled", "stages.prescreen.longest_first"),
    *("stages.prescreen.drop_prompt_injections", "stages.augment.think_different"),
)


def resolve(config: DictConfig) -> dict[str, Any]:
    """Returns the configuration as plain dicts and lists, checked.

    Raises:
        UserError: a value has the wrong type, is out of range or is no choice; names key, value and what is allowed.
        omegaconf.errors.MissingMandatoryValue: a value that must be given was not.
    """
    resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    for key, rule in _NUMBERS.items():
        _check_number(key, _look_up(resolved, key), rule)
    for key, choices in _CHOICES.items():
        if (value := _look_up(resolved, key)) is not _ABSENT and value not in choices:
            raise UserError(f"{key}={value} is none of: {', '.join(choices)}")
    for key, choices in _LISTS.items():
        _check_list(key, _look_up(resolved, key), choices)
    for key in _REFERENCES:
        if not isinstance(value := _look_up(resolved, key), list):
            raise UserError(f"{key}={value}: it must be a list of files or data sets, as in '{key}=[tests.jsonl]'")
    for key, may_be_null in _PATHS.items():
        if not (isinstance(value := _look_up(resolved, key), str) and value) and not (value is None and may_be_null):
            raise UserError(f"{key}={value}: it must be a path" + (", or null" if may_be_null else ""))
    for key in _TEXTS:
        if not isinstance(value := _look_up(resolved, key), str | None) or value == "":
            raise UserError(f"{key}={value}: it must be a text (in quotes where it looks like a number), or null")
    for key in _SWITCHES:
        if not isinstance(value := _look_up(resolved, key), bool):
            raise UserError(f"{key}={value} is neither true nor false")
    _check_together(resolved)
    return resolved


def _check_together(resolved: Mapping[str, Any]) -> None:
    """What no key alone can tell, and what its own module reads."""
    read_weights(resolved["stages"]["augment"]["reward"])
    least, ngram = (resolved["decontamination"][name] for name in ("min_words", "ngram"))
    if least > ngram:
        raise UserError(f"decontamination.min_words={least} is more than decontamination.ngram={ngram}: lower it")
    communities = resolved["stages"]["prescreen"]["communities"]
    threshold = communities["threshold"]
    if communities["algorithm"] in ("louvain", "leiden") and threshold is not None and threshold <= 0:
        raise UserError(
            f"stages.prescreen.communities.threshold={threshold}: "
            f"algorithm={communities['algorithm']} needs one above 0"
        )


_ABSENT = object()


def _look_up(config: Mapping[str, Any], key: str) -> Any:
    """The value under a dotted key; a group that lacks the key (a teacher without time-out) is not checked."""
    value: Any = config
    parts = key.split(".")
    for depth, part in enumerate(parts):
        if not isinstance(value, Mapping):
            raise UserError(f"{'.'.join(parts[:depth])}={value}: it has keys of its own, as in {key}=…")
        if part not in value:
            return _ABSENT
        value = value[part]
    return value


def _check_number(key: str, value: Any, rule: tuple[type, float | None, float | None, bool]) -> None:
    type_, lowest, highest, may_be_null = rule
    if value is _ABSENT or (value is None and may_be_null):
        return
    is_number = isinstance(value, (int, float) if type_ is float else int) and not isinstance(value, bool)
    if is_number and (lowest is None or value >= lowest) and (highest is None or value <= highest):
        return
    range_ = f" of at least {lowest}" if highest is None else f" from {lowest} to {highest}"
    raise UserError(
        f"{key}={value}: it must be {'a number' if type_ is float else 'a whole number'}{range_}"
        + (", or null" if may_be_null else "")
    )


def _check_list(key: str, value: Any, choices: tuple[str, ...] | None) -> None:
    if not isinstance(value, list) or not all(isinstance(item, str) and item for item in value):
        raise UserError(f"{key}={value}: it must be a list of words, as in '{key}=[word]'")
    if unknown := [item for item in value if choices and item not in choices]:
        raise UserError(f"{key}: {unknown[0]} is none of: {', '.join(choices)}")

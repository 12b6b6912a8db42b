"""run.json, checked: one of another machine, or edited by hand, must not end in a traceback or outlive its mistake."""

import math
from collections.abc import Callable, Mapping
from typing import Any

from fanno_hf.errors import UserError
from fanno_hf.instructing.tags import tag_pool
from fanno_hf.pipeline.plan import STAGES, input_digest

_LARGEST = 2**53  # of a number that JSON and a page can both hold


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and 0 <= value < _LARGEST


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and math.isfinite(value) and 0 <= value < _LARGEST


def _is_text(value: Any) -> bool:
    return isinstance(value, str)


def _is_mapping(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_funnel(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_count, value.values()))


def _is_texts(value: Any) -> bool:
    return isinstance(value, Mapping) and all(map(_is_text, value.values()))


def _is_tags(value: Any) -> bool:
    """Whether it is a tag pool, as in conf/tags."""
    try:
        return bool(tag_pool(value))
    except (UserError, TypeError, AttributeError):
        return False


def _is_digest(value: Any) -> bool:
    return value is None or isinstance(value, str)


# what every entry has, and what only some have
_NEEDED: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("fingerprint", "input", "teacher", "embedder", "tokenizer"), _is_text),
    **dict.fromkeys(("rows_in", "kept", "requests", "from_journal", "prompt_tokens", "completion_tokens"), _is_count),
    **dict.fromkeys(("output", "output_rejected"), _is_digest),
    **{"rejected": _is_funnel, "seconds": _is_number, "config": _is_mapping, "digests": _is_texts},
}
_POSSIBLE: dict[str, Callable[[Any], bool]] = {
    **dict.fromkeys(("output_history", "pairs"), _is_digest),
    **dict.fromkeys(("documents", "hub", "from"), _is_mapping),
    **{"command": _is_text, "shortened": _is_count, "tags": _is_tags},
}


def fault_of(manifest: Any) -> str | None:
    """Returns what is wrong with a run.json, in a few words; None where nothing is."""
    if not isinstance(manifest, Mapping) or not isinstance(manifest.get("stages"), Mapping):
        return "it has no stages"
    if not isinstance(manifest.get("packages", {}), Mapping):
        return "packages is no table"
    for stage, entry in manifest["stages"].items():
        if stage not in STAGES:
            return f"{str(stage)[:40]} is no stage"
        if not isinstance(entry, Mapping):
            return f"{stage} is no table"
        for key, fits in _NEEDED.items():
            if key not in entry or not fits(entry[key]):
                return f"{stage}.{key} is missing or wrong"
        for key, fits in _POSSIBLE.items():
            if key in entry and not fits(entry[key]):
                return f"{stage}.{key} is wrong"
        if not _has_settings(stage, entry["config"]):
            return f"{stage}.config is wrong"
    return None


def _has_settings(stage: str, config: Mapping[str, Any]) -> bool:
    stages, prompts = config.get("stages"), config.get("prompts", {})
    return (
        isinstance(stages, Mapping)
        and isinstance(stages.get(stage), Mapping)
        and isinstance(prompts, Mapping)
        and _is_count(config.get("random_seed"))
    )


def made_from_others(manifest: Mapping[str, Any]) -> list[str]:
    """Returns the stages that were made from other rows than those the stages before them have now."""
    entries = manifest["stages"]
    complete = [
        stage for stage in STAGES.values() if stage.name in entries and all(name in entries for name in stage.reads)
    ]
    return [
        stage.name
        for stage in complete
        if stage.reads and entries[stage.name]["input"] != input_digest([entries[name] for name in stage.reads])
    ]

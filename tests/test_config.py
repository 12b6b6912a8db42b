"""conf/: every option composes, fits what it builds, is explained by a comment, and what the code checks exists."""

import inspect
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any, get_args

import hydra.utils
import pytest
import yaml
from omegaconf import OmegaConf
from pydantic import BaseModel

from fanno_hf.cli.configuration import resolve
from fanno_hf.errors import UserError
from fanno_hf.settings import Settings
from tests.conftest import compose_config

CONF = Path(__file__).resolve().parents[1] / "conf"
# group -> its options; stages are no alternatives of one another, they are all there every time
GROUPS = {
    folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in CONF.iterdir() if folder.is_dir()
}
GROUPS = {group: options for group, options in GROUPS.items() if options}
OPTIONS = [(group, option) for group, options in sorted(GROUPS.items()) if group != "stages" for option in options]


@cache
def composed(override: str | None = None) -> dict[str, Any]:
    """The configuration with at most one override, `???` kept."""
    return OmegaConf.to_container(compose_config(*([override] if override else [])))


def leaves(node: Any, prefix: str = "") -> Iterator[tuple[str, Any]]:
    """Every dotted key with its value; lists are values."""
    for key, value in node.items():
        if isinstance(value, dict):
            yield from leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_its_target_takes_its_keys(group, option):
    chosen = composed(f"{group}={option}")[group]
    assert chosen
    if chosen.get("_target_"):
        keys = {
            key: value for key, value in chosen.items() if key not in ("_target_", "price")
        }  # a price is counted elsewhere
        inspect.signature(hydra.utils.get_object(chosen["_target_"])).bind(**keys)


@pytest.mark.parametrize("group", ["data", "teacher", "embedder", "tokenizer"])
def test_services_name_what_builds_them(group):
    assert all("_target_" in composed(f"{group}={option}")[group] for option in GROUPS[group])


def test_every_stage_is_always_composed():
    assert sorted(composed("teacher=tgi")["stages"]) == sorted(set(GROUPS["stages"]) - {"small"})


@pytest.mark.parametrize(
    ("overrides", "profile"),
    [
        (["teacher=local"], "small"),
        (["teacher=scripted"], "small"),
        (["teacher=tgi"], "default"),
        (["teacher=local", "prompts=default", "tags=default", "rules=default"], "default"),
        (["teacher=tgi", "prompts=small", "tags=small", "rules=small"], "small"),
    ],
)
def test_a_teacher_names_its_profile_and_what_is_asked_for_wins(overrides, profile):
    config = compose_config(*overrides)
    for group in ("prompts", "tags", "rules"):
        wanted = composed(f"teacher={'local' if profile == 'small' else 'tgi'}")[group]
        assert OmegaConf.to_container(config[group]) == wanted


def test_the_embedded_teacher_has_numbers_of_its_own():
    small, real = (composed(f"teacher={teacher}")["stages"] for teacher in ("local", "tgi"))
    assert (small["seed"]["max_tokens"], real["seed"]["max_tokens"]) == (64, 1024)
    assert compose_config("stages.seed.max_tokens=7").stages.seed.max_tokens == 7


@pytest.mark.parametrize("judge", ["openai", "tgi"])
def test_a_judge_has_the_keys_of_a_teacher(judge):
    assert set(composed(f"judge={judge}")["judge"]) == set(composed(f"teacher={judge}")["teacher"])


def declared(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    """Every dotted key that the settings declare."""
    for name, field in model.model_fields.items():
        key = f"{prefix}{field.alias or name}"
        inner = next((arm for arm in (field.annotation, *get_args(field.annotation)) if is_group(arm)), None)
        yield from declared(inner, f"{key}.") if inner else [key]


def is_group(type_: Any) -> bool:
    return isinstance(type_, type) and issubclass(type_, BaseModel)


def test_every_declared_key_exists_in_some_configuration():
    everywhere = {found for group, option in OPTIONS for found, _ in leaves(composed(f"{group}={option}"))}
    parents = {key.rpartition(".")[0] for key in everywhere}
    assert set(declared(Settings)) - everywhere - parents == set()


def test_every_key_of_a_stage_is_declared():
    keys = {f"stages.{key}" for key, _ in leaves(composed()["stages"])}
    assert {key for key in keys if ".verdicts." not in key} <= set(declared(Settings))


WRONG = {
    "stage=reprot": "stage=reprot is unknown; did you mean 'report'? Known: all, prescreen, seed, augment, respond, export",
    "hub.revision=7": "hub.revision=7: it must be a text (in quotes where it looks like a number), or null",
    "stages.seed.combinations=two": "stages.seed.combinations=two: it must be a whole number of at least 1",
    "stages.seed.combinations=0": "stages.seed.combinations=0: it must be a whole number of at least 1",
    "stages.seed.combinations=1.5": "stages.seed.combinations=1.5: it must be a whole number of at least 1",
    "stages.seed.combinations=true": "stages.seed.combinations=True: it must be a whole number of at least 1",
    "stages.seed.max_documents=0": "stages.seed.max_documents=0: it must be a whole number of at least 1, or null",
    "stages.respond.temperature=-1": "stages.respond.temperature=-1: it must be a number of at least 0.0",
    "stages.prescreen.markup.max_share=1.5": "stages.prescreen.markup.max_share=1.5: it must be a number from 0.0 to 1.0",
    "stages.prescreen.prompt_injections=['a{2,1}']": "stages.prescreen.prompt_injections: 'a{2,1}' is no regular expression",
    "export.format=shregpt": "export.format=shregpt is none of: prompt_completion, sharegpt, alpaca, messages",
    "stages.respond.mode=grund": "stages.respond.mode=grund is none of: direct, grounded",
    "stages.seed=null": "stages.seed=null: it has keys of its own",
    "stages.seed.verdicts=0.5": "stages.seed.verdicts=0.5: it has keys of its own",
    "top_logprobs=-1": "top_logprobs=-1: it must be a whole number from 0 to 20",
    "force=maybe": "force=maybe is neither true nor false",
    "log_level=LOUD": "log_level=LOUD is none of: DEBUG, INFO, WARNING, ERROR",
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_wrong_value_is_named_and_what_it_may_be(wrong):
    with pytest.raises(UserError, match=f"^{re.escape(WRONG[wrong])}"):
        resolve(compose_config(wrong))


def test_defaults_resolve():
    assert resolve(compose_config()).run == "demo"


@pytest.mark.parametrize("path", sorted(CONF.rglob("*.yaml")), ids=lambda path: path.relative_to(CONF).as_posix())
def test_file_says_what_it_is(path):
    lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("# @package")]
    assert lines[0].startswith("# ") and len(lines[0]) > 20
    yaml.safe_load("\n".join(lines))


@pytest.mark.parametrize("path", sorted((CONF / "stages").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_setting_of_a_stage_has_a_comment(path):
    """Beside it, or at its block's first line."""
    for line in path.read_text(encoding="utf-8").splitlines():
        is_top_level = line[:1] not in (" ", "#", "")
        assert not is_top_level or "#" in line or line.endswith(":"), f"{path.name}: {line}"

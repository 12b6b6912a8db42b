"""conf/: every option composes, fits what it builds, is explained by a comment, and what the code checks exists."""

import inspect
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import hydra.utils
import pytest
import yaml
from omegaconf import OmegaConf

from fanno_hf.cli import configuration
from tests.conftest import compose_config

CONF = Path(__file__).resolve().parents[1] / "conf"
# group -> its options; stages are no alternatives of one another, they are all there every time
GROUPS = {
    folder.name: sorted(path.stem for path in folder.glob("*.yaml")) for folder in CONF.iterdir() if folder.is_dir()
}
GROUPS = {group: options for group, options in GROUPS.items() if options}
OPTIONS = [(group, option) for group, options in sorted(GROUPS.items()) if group != "stages" for option in options]
CHECKED = (*configuration._NUMBERS, *configuration._CHOICES, *configuration._SWITCHES)


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


def test_there_are_groups():
    assert {"data", "teacher", "embedder", "tokenizer", "tags", "rules", "prompts", "stages"} <= set(GROUPS)


@pytest.mark.parametrize(("group", "option"), OPTIONS)
def test_option_composes_and_its_target_takes_its_keys(group, option):
    chosen = composed(f"{group}={option}")[group]
    assert chosen
    if "_target_" in chosen:
        keys = {key: value for key, value in chosen.items() if key != "_target_"}
        inspect.signature(hydra.utils.get_object(chosen["_target_"])).bind(**keys)


@pytest.mark.parametrize("group", ["data", "teacher", "embedder", "tokenizer"])
def test_services_name_what_builds_them(group):
    assert all("_target_" in composed(f"{group}={option}")[group] for option in GROUPS[group])


def test_every_stage_is_always_composed():
    assert sorted(composed()["stages"]) == GROUPS["stages"]


@pytest.mark.parametrize("key", CHECKED)
def test_checked_key_exists_in_some_configuration(key):
    everywhere = {found for group, option in OPTIONS for found, _ in leaves(composed(f"{group}={option}"))}
    assert key in everywhere


def test_every_number_of_a_stage_is_checked():
    numbers = {
        f"stages.{key}"
        for key, value in leaves(composed()["stages"])
        if value is None or (isinstance(value, (int, float)) and not isinstance(value, bool))
    }
    assert numbers - {"stages.prescreen.personal_data.region"} <= set(configuration._NUMBERS)


def test_every_switch_of_a_stage_is_checked():
    switches = {f"stages.{key}" for key, value in leaves(composed()["stages"]) if isinstance(value, bool)}
    assert switches <= set(configuration._SWITCHES)


def test_defaults_resolve():
    assert configuration.resolve(compose_config())["run"] == "demo"


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

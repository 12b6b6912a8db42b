"""From the configuration that Hydra composed to the settings of a run."""

import logging
from typing import Any

from hydra.conf import HydraConf
from omegaconf import DictConfig, OmegaConf

from fanno_hf.cli.command import shown_command
from fanno_hf.cli.keys import rename_keys
from fanno_hf.cli.quoting import name_in_yaml
from fanno_hf.pipeline.plan import check_stage
from fanno_hf.settings import Settings, unread_keys
from fanno_hf.texts.hidden import hide_value_of

logger = logging.getLogger(__name__)


def hide_keys(config: DictConfig) -> None:
    """Has the keys whose variables the configuration names hidden in whatever is said, shown and written about the run."""
    for group in ("teacher", "judge"):
        hide_value_of(OmegaConf.select(config, f"{group}.api_key_env"))


def read_settings(config: DictConfig, hydra: HydraConf, documents: Any = None) -> Settings:
    """Returns the settings of what was asked for; `hydra` says how it was asked. Raises as `resolve` does."""
    if not isinstance(config.run, str | None):
        config.run = name_in_yaml(config.run, hydra)
    hide_keys(config)
    return resolve(config, shown_command(hydra), documents)


def resolve(config: DictConfig, command: str | None = None, documents: Any = None) -> Settings:
    """Returns the settings of a run; `command` is written to its run.json, `documents` are those given in Python.

    Raises UserError where the stage or a value is none of those allowed, and names key, value and what is allowed;
    omegaconf's MissingMandatoryValue where a value must be given and was not.
    """
    check_stage(config.stage)
    resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    rename_keys(resolved)
    for name in unread_keys(resolved):
        logger.warning("%s is no setting of fanno_hf: nothing reads it but the configuration itself", name)
    return Settings.of({**resolved, **({"command": command} if command else {})}, documents)

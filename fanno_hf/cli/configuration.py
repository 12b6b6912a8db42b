"""From what Hydra composed to the settings of a run."""

from omegaconf import DictConfig, OmegaConf

from fanno_hf.cli.renamed import rename_keys
from fanno_hf.settings import Settings


def resolve(config: DictConfig, command: str | None = None) -> Settings:
    """Returns the settings that a configuration gives.

    Args:
        config: as Hydra composed it.
        command: that asked for it, for run.json.

    Raises:
        UserError: a value has the wrong type, is out of range or is no choice; names key, value and what is allowed.
        omegaconf.errors.MissingMandatoryValue: a value that must be given was not.
    """
    resolved = OmegaConf.to_container(config, resolve=True, throw_on_missing=True)
    rename_keys(resolved)
    return Settings.of({**resolved, **({"command": command} if command else {})})

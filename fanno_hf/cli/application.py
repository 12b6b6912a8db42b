"""Hydra composes the configuration, a task of `cli/tasks.py` is done, `explain` says what went wrong."""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from fanno_hf.cli.command import shown_command
from fanno_hf.cli.explain import explain
from fanno_hf.cli.keys import CONFIG_PATH
from fanno_hf.cli.names import name_in_yaml
from fanno_hf.cli.tasks import check_run, check_stage
from fanno_hf.pipeline.plan import TASKS, load


@hydra.main(version_base="1.3", config_path=CONFIG_PATH, config_name="config")
def run(config: DictConfig) -> int:
    """Does what the configuration asks for; returns or exits with the exit code."""
    try:
        _do(config)
    except Exception as error:
        # explained here: Hydra would print every override before it handed the error on
        code = explain(error, debug=config.debug is True)
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            sys.exit(code)
        return code  # the other runs go on; the comparison at the end leaves with it
    return 0


def _do(config: DictConfig) -> None:
    """Does one task, and imports no more than it takes."""
    check_stage(config.stage)
    if not isinstance(config.run, str | None):
        config.run = name_in_yaml(config.run, HydraConfig.get())

    from fanno_hf.cli.configuration import resolve
    from fanno_hf.cli.console import set_up, show

    settings = resolve(config, shown_command(HydraConfig.get()))
    set_up(settings)
    if settings.stage in TASKS:
        check_run(settings.stage, settings.run)
        print(load(TASKS[settings.stage])(settings))
    else:
        from fanno_hf.pipeline.run import execute

        show(execute(settings), settings.stage)

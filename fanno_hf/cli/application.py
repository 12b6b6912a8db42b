"""Hydra composes the configuration, one stage or task is done, and `explain` says what went wrong."""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from fanno_hf.cli.explain import explain
from fanno_hf.cli.keys import CONFIG_PATH
from fanno_hf.hub_token import check_endpoint
from fanno_hf.pipeline.plan import TASKS


@hydra.main(version_base="1.3", config_path=CONFIG_PATH, config_name="config")
def run(config: DictConfig) -> int:
    """Does what the configuration asks for; returns or exits with the exit code."""
    try:
        _do(config)
    except Exception as error:
        # explained here: Hydra would print every override before it raised the error
        code = explain(error, debug=config.debug is True)
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            sys.exit(code)
        return code  # the other runs go on; the comparison at the end exits with it
    return 0


def _do(config: DictConfig) -> None:
    """Does one stage or task, and imports only what it needs."""
    check_endpoint()

    from fanno_hf.cli.configuration import read_settings
    from fanno_hf.cli.console import set_up, show
    from fanno_hf.pipeline.tasks import do_task

    settings = read_settings(config, HydraConfig.get())
    set_up(settings)
    if settings.stage in TASKS:
        print(do_task(settings.stage, settings))
    else:
        from fanno_hf.pipeline.run import execute

        show(execute(settings), settings.stage)
        for task in settings.then if settings.stage == "all" else ():
            print(do_task(task, settings))

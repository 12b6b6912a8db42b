"""`python -m fanno_hf`: Hydra composes, `run` does, `explain` says what went wrong."""

import logging
import os
import sys
from importlib.util import find_spec
from pathlib import Path

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig, OmegaConf

from fanno_hf.cli.command import shown_command
from fanno_hf.cli.configuration import resolve
from fanno_hf.cli.explain import configuration_keys, explain
from fanno_hf.cli.renamed import renamed_overrides
from fanno_hf.cli.signals import heeding_signals
from fanno_hf.output.folder import run_folder

# a checkout that is not installed, or that shadows an installed wheel, has the configuration beside the package
_INSTALLED = find_spec("fanno_hf.conf")
CONFIGURATION = Path(
    _INSTALLED.submodule_search_locations[0] if _INSTALLED else Path(__file__).resolve().parent.parent / "conf"
)
CONFIG_PATH = "pkg://fanno_hf.conf" if _INSTALLED else str(CONFIGURATION)

OmegaConf.register_new_resolver("run_folder", run_folder, replace=True)


@hydra.main(version_base="1.3", config_path=CONFIG_PATH, config_name="config")
def _run(config: DictConfig) -> int:
    from fanno_hf.cli.console import set_up, show
    from fanno_hf.pipeline.plan import TASKS, load
    from fanno_hf.pipeline.run import execute

    try:
        settings = resolve(config, shown_command(HydraConfig.get()))
        set_up(settings)
        if settings.stage in TASKS:
            print(load(TASKS[settings.stage])(settings))
        else:
            show(execute(settings), settings.stage)
    except Exception as error:
        # explained here: Hydra would print every override before it handed the error on
        code = explain(error, debug=config.debug is True, known_keys=configuration_keys(CONFIGURATION))
        if HydraConfig.get().mode != RunMode.MULTIRUN:
            sys.exit(code)
        return code  # the other runs go on; the comparison at the end leaves with it
    return 0


def main() -> int:
    """Returns the exit code: 0 done, 1 failed, 2 a mistake in what was asked for, 130 and 143 stopped by a signal."""
    os.environ["HYDRA_FULL_ERROR"] = "1"  # Hydra hands errors on instead of printing and leaving
    logging.basicConfig(level=logging.WARNING, format="%(message)s")
    try:
        sys.argv[1:] = renamed_overrides(sys.argv[1:])
        with heeding_signals():
            _run()
    except SystemExit as error:
        return error.code if isinstance(error.code, int) else 2
    except BaseException as error:
        return explain(error, debug="debug=true" in sys.argv, known_keys=configuration_keys(CONFIGURATION))
    return 0


if __name__ == "__main__":
    sys.exit(main())

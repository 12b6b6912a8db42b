"""Hydra composes the configuration, one stage or task is done, and `explain` says what went wrong."""

import sys

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.types import RunMode
from omegaconf import DictConfig

from fanno_hf.cli.command import shown_command
from fanno_hf.cli.explain import explain
from fanno_hf.cli.keys import CONFIG_PATH
from fanno_hf.cli.quoting import name_in_yaml
from fanno_hf.errors import UserError
from fanno_hf.hub_token import check_endpoint
from fanno_hf.output.place import run_folder
from fanno_hf.pipeline.plan import TASKS, load
from fanno_hf.settings import Diff, Settings


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
    if not isinstance(config.run, str | None):
        config.run = name_in_yaml(config.run, HydraConfig.get())

    from fanno_hf.cli.configuration import hide_keys, resolve
    from fanno_hf.cli.console import set_up, show

    hide_keys(config)
    settings = resolve(config, shown_command(HydraConfig.get()))
    set_up(settings)
    if settings.stage in TASKS:
        _check_runs(settings)
        print(load(TASKS[settings.stage].function)(settings))
    else:
        from fanno_hf.pipeline.run import execute

        show(execute(settings), settings.stage)
        for task in settings.then if settings.stage == "all" else ():
            print(load(TASKS[task].function)(settings))


def _check_runs(settings: Settings) -> None:
    """Raises UserError where a task reads a run that does not exist: a mistyped name must not create a folder."""
    if settings.stage == "diff":
        _check_sides(settings.diff)
    elif TASKS[settings.stage].reads_run and not _is_run(settings.run):
        raise UserError(
            f"stage={settings.stage} needs a run, and {run_folder(settings.run)} is not one: run stage=all first, or "
            "give another run="
        )


def _check_sides(sides: Diff) -> None:
    given = {"diff.a": sides.a, "diff.b": sides.b}
    for key, value in given.items():
        if not value:
            raise UserError(f"{key} is missing: give two runs, as in stage=diff diff.a=demo diff.b=me/fanno@demo")
    if run_folder(sides.a).resolve() == run_folder(sides.b).resolve():
        raise UserError(f"diff.a={sides.a} and diff.b={sides.b} are the same run: give two")
    for key, value in given.items():
        if not _is_run(value) and "@" not in value and value.count("/") != 1:
            raise UserError(
                f"{key}={value}: {run_folder(value)} is not a run, and {value} is not a revision on the Hub (as in me/fanno@demo)"
            )


def _is_run(run: str) -> bool:
    return (run_folder(run) / "run.json").is_file()

"""From what is given in Python to the settings of a run, as the command line makes them, and without a trace in Hydra's state.

Asked(["mosses …"], ("run=x",), "smoke").settings()   as of   python -m fanno_hf -cd recipes -cn smoke data=memory run=x
"""

import os
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fanno_hf.cli.keys import CONFIG_PATH, CONFIGURATION
from fanno_hf.errors import UserError, did_you_mean
from fanno_hf.hub_token import check_endpoint
from fanno_hf.python.manners import undisturbed
from fanno_hf.python.overrides import Overrides, as_words, override
from fanno_hf.sources.memory import MemorySource

if TYPE_CHECKING:
    from omegaconf import DictConfig

    from fanno_hf.settings import Settings

_LONGEST_PATH, _LONGEST_NAME = 4096, 255
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Asked:
    """What somebody asked for.

    Attributes:
        documents: texts, a data set or a path; None takes what the configuration names.
        overrides: as on the command line, or mappings.
        recipe: name of one in recipes/, or path of its file; None for the configuration alone.
    """

    documents: Any = None
    overrides: Overrides = ()
    recipe: str | os.PathLike | None = None

    @property
    def debug(self) -> bool:
        """Whether errors shall show where they come from; known before anything else of the configuration is."""
        said = (
            given.get("debug") is True if isinstance(given, Mapping) else given == "debug=true"
            for given in self.overrides
        )
        return any(said)

    def with_more(self, overrides: Overrides) -> "Asked":
        """Returns the same with further overrides."""
        return replace(self, overrides=(*self.overrides, *overrides))

    def settings(self, *more: str) -> "Settings":
        """Returns the settings; `more` are overrides that win over all others.

        Raises UserError for a recipe that is not there, documents that are none, or what is no override; what is wrong in the
        configuration itself is raised as Hydra and OmegaConf raise it.
        """
        check_endpoint()
        with undisturbed():
            from omegaconf import open_dict

            from fanno_hf.cli.configuration import read_settings

        given = as_words(self.overrides)
        data, documents = _data(self.documents, given)
        name, folder = _recipe(self.recipe)
        config = _composed(name, folder, [*data, *given, *more])
        hydra = config.hydra
        with open_dict(config):
            del config["hydra"]
        if data and folder:
            # what a recipe says of its own documents, their column for example, is not meant for others
            config.data = _composed(
                "config", None, [*data, *(w for w in given if w.lstrip("+~").startswith("data."))]
            ).data
        return read_settings(config, hydra, documents)


def _data(documents: Any, given: Sequence[str]) -> tuple[list[str], Any]:
    """Returns the overrides that choose the source, and what it gets that no override can say."""
    if documents is None:
        return [], None
    if chosen := next((word for word in given if word.startswith(("data=", "data.path=", "data.name="))), None):
        raise UserError(f"documents are given, and so is {chosen}: give one of the two")
    if not isinstance(documents, str | os.PathLike):
        MemorySource(documents)  # raises where it is none, before anything is composed
        return ["data=memory"], documents
    path = os.fsdecode(documents)
    if "\n" in path or len(path) > _LONGEST_PATH or max(map(len, path.split(os.sep))) > _LONGEST_NAME:
        raise UserError("documents is one long text, where a path is expected: give a list of texts, as in [text]")
    return ["data=files", override("data.path", path)], None


def _recipe(recipe: str | os.PathLike | None) -> tuple[str, Path | None]:
    """Returns the name of a configuration and the folder it is in besides conf/."""
    if recipe is None:
        return "config", None
    if not isinstance(recipe, str | os.PathLike):
        raise UserError(f"recipe={recipe!r:.60}: give the name of a recipe, or the path of its file")
    path = Path(recipe).expanduser()
    if len(path.parts) > 1 or path.suffix in (".yaml", ".yml"):
        if path.suffix != ".yaml" or not path.is_file():
            raise UserError(f"recipe={recipe}: there is no such file (a recipe is a file whose name ends with .yaml)")
        if path.stem == "config":
            raise UserError(f"recipe={recipe} has the name of the configuration itself: give it another one")
        return path.stem, path.parent.absolute()
    # beside the caller, as for `-cd recipes`, or in the checkout that this package is in
    folders = [Path("recipes").absolute(), CONFIGURATION.parent / "recipes"]
    for folder in folders:
        if (folder / f"{recipe}.yaml").is_file():
            return str(recipe), folder
    known = sorted({file.stem for folder in folders for file in folder.glob("*.yaml")})
    there = (
        f"There are: {', '.join(known)}" if known else "There is no folder recipes/ here: give the path of its file"
    )
    raise UserError(f"recipe={recipe} is unknown{did_you_mean(str(recipe), known) or '.'} {there}")


def _composed(name: str, folder: Path | None, words: list[str]) -> "DictConfig":
    """Returns the configuration as `-cd FOLDER -cn NAME` composes it, with the node `hydra`.

    Hydra's own `compose` searches no second folder for a recipe, and takes the place of what the caller has initialised.
    """
    with undisturbed():
        from hydra._internal.config_loader_impl import ConfigLoaderImpl
        from hydra._internal.utils import create_config_search_path
        from hydra.core.config_search_path import SearchPathQuery
        from hydra.types import RunMode

    with _own_hydra():
        search = create_config_search_path(CONFIG_PATH)
        if folder:
            search.prepend("command-line", f"file://{folder}", SearchPathQuery(provider="schema"))
        return ConfigLoaderImpl(search).load_configuration(name, words, RunMode.RUN)


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Puts what Hydra remembers in the process aside, and back."""
    from hydra import version
    from hydra.core.singleton import Singleton
    from hydra.core.utils import JobRuntime, setup_globals
    from omegaconf import OmegaConf

    kinds, instances = (JobRuntime, version.VersionBase), Singleton._instances
    with _one_at_a_time:
        kept = {kind: instances.pop(kind) for kind in kinds if kind in instances}
        try:
            version.setbase("1.3")
            if not OmegaConf.has_resolver("now"):
                setup_globals()
            yield
        finally:
            for kind in kinds:
                instances.pop(kind, None)
            instances.update(kept)

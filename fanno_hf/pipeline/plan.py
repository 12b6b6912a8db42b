"""Which tables a run has, and where: the configs of its data set repository."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fanno_hf.columns import DOCUMENT, INSTRUCTION, RESPONSE

STAGES = ("prescreen", "seed", "augment", "respond")
COLUMNS = {"prescreen": DOCUMENT, "seed": INSTRUCTION, "augment": INSTRUCTION, "respond": RESPONSE}
"""What the rows that a stage keeps hold."""
READS = {
    "prescreen": (),
    "seed": ("prescreen",),
    "augment": ("prescreen", "seed"),
    "respond": ("prescreen", "augment"),
}
"""The stages whose rows a stage reads."""


@dataclass(frozen=True)
class Config:
    """One table of a run.

    Attributes:
        name: for `load_dataset`, as in "rejected_seed".
        folder: of its file, below the run folder and the repository alike, as in "rejected/seed".
        stage: that made it.
        key: of its digest in the stage's entry of run.json.
        sha256: of its file; None where there are no rows and so no file.
    """

    name: str
    folder: str
    stage: str
    key: str
    sha256: str | None


def all_configs(manifest: Mapping[str, Any]) -> list[Config]:
    """Returns every config a run may have, the final pairs first as "default"."""
    named = [("default", "data", "respond", "pairs")]
    named += [(stage, stage, stage, "output") for stage in STAGES]
    named += [(f"rejected_{stage}", f"rejected/{stage}", stage, "output_rejected") for stage in STAGES]
    named += [(f"history_{stage}", f"history/{stage}", stage, "output_history") for stage in STAGES]
    return [Config(*names, manifest["stages"].get(names[2], {}).get(names[3])) for names in named]


def configs_of(manifest: Mapping[str, Any]) -> list[Config]:
    """Returns the configs that have rows."""
    return [config for config in all_configs(manifest) if config.sha256]

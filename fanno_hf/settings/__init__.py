"""Every setting of a run with its type, its range and its choices: the one place where they are declared.

    {"stages": {"seed": {"combinations": 0, …}, …}, …}  ->  stages.seed.combinations=0: it must be a whole number of at least 1

Defaults and what a key means to a user stand in conf/, beside the key. `Settings.of` reads the configuration as Hydra
resolved it. That dict stays at hand as `resolved`: services are built from it, and fingerprints are made of it.
"""

from fanno_hf.settings.prescreen import NearDuplicates, PersonalData, Prescreen
from fanno_hf.settings.prompts import Prompts
from fanno_hf.settings.services import Engine, PoolSettings, Price, check_pool
from fanno_hf.settings.stages import POLICIES, REWARDS, Budget, Decontamination, Instructing, Sampling, read_weights
from fanno_hf.settings.tasks import Diff, Hub, JudgePrompts, Report, Train
from fanno_hf.settings.whole import Settings, unread_keys

__all__ = [
    "POLICIES",
    "REWARDS",
    "Budget",
    "Decontamination",
    "Diff",
    "Engine",
    "Hub",
    "Instructing",
    "JudgePrompts",
    "NearDuplicates",
    "PersonalData",
    "PoolSettings",
    "Prescreen",
    "Price",
    "Prompts",
    "Report",
    "Sampling",
    "Settings",
    "Train",
    "check_pool",
    "read_weights",
    "unread_keys",
]

"""What the log says when a stage is done.

seed: 81 of 90 rows kept in 12 s; 400 requests answered, 18 sent again, 3 from the journal, 12,345 + 678 tokens
"""

import logging
from collections.abc import Mapping
from typing import Any

from fanno_hf.output.table import funnel_table
from fanno_hf.output.usage import usage_in_words

logger = logging.getLogger(__name__)


def log_stage(stage: str, entry: Mapping[str, Any]) -> None:
    """Logs what a stage did, from its entry of run.json, and what may be odd about it."""
    for words in _oddities(entry):
        logger.warning("%s: %s", stage, words)
    if masked := entry.get("masked"):
        logger.info("%s: %d pieces of personal data are masked in the rows that were kept", stage, masked)
    if removed := entry.get("removed"):
        logger.info("%s: parsing took more than a preamble off some completions: %s", stage, _counted(removed))
    kept = f"{entry['kept']} of {entry['rows_in']} rows kept in {entry['seconds']:.0f} s"
    logger.info("%s: %s; %s\n%s", stage, kept, usage_in_words(entry), funnel_table({"stages": {stage: entry}}))


def _oddities(entry: Mapping[str, Any]) -> list[str]:
    found = []
    if count := entry["shortened"]:
        found.append(f"{count} prompts were too long and lost a part of their document")
    if undecided := entry.get("undecided"):
        names = f"{_counted(undecided)} of {entry['rows_in']} rows"
        found.append(f"verdicts that said neither yes nor no: {names}; stage=doctor shows why")
    if count := entry.get("verdicts_from_text"):
        found.append(f"{count} verdicts were read from the text and are 0 or 1: the server gives no log-probabilities")
    if count := entry.get("estimated"):
        found.append(f"token counts are estimated: the server tells none for {count} answers")
    return found


def _counted(numbers: Mapping[str, int]) -> str:
    return ", ".join(f"{name} {count}" for name, count in numbers.items())

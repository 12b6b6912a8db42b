"""Another instruction data set that the run is compared with (`report.compare`), judged as the run's instructions were."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from datasets import Dataset

from fanno_hf.columns import VERDICTS
from fanno_hf.instructing.ask import judged_variables
from fanno_hf.output.folder import RunFolder
from fanno_hf.pipeline.services import services
from fanno_hf.report.measured import quality
from fanno_hf.settings import Settings
from fanno_hf.sources.pairs import Pair
from fanno_hf.steps.asking import ask_rows, outcome, questions_about
from fanno_hf.teacher.base import Ask


def judge(pairs: Sequence[Pair], most: int, settings: Settings, folder: RunFolder) -> np.ndarray:
    """Asks the teacher about the first `most` pairs all the questions that augment's instructions had to pass.

    Returns `quality` of each pair, float64, shape (len(pairs),); NaN if not judged. Raises TeacherUnavailable.
    """
    found = np.full(len(pairs), np.nan)
    if not min(most, len(pairs)):
        return found
    questions = questions_about("instruction", settings, settings.augment.verdicts, settings.augment.undecided)

    async def way(row: Mapping[str, Any], ask: Ask) -> dict[str, Any]:
        verdicts, reason = await questions.put(ask, judged_variables(row), every=True)
        return {"verdicts": verdicts, **outcome("verdicts", reason)}

    rows = Dataset.from_list([dict(pair) for pair in pairs[:most]])
    with services(settings, folder.path, folder.scratch) as context:
        judged = ask_rows(rows, context.teacher, way, {"verdicts": VERDICTS}, "report: judge")
    found[: len(judged)] = [quality(verdicts) for verdicts in judged["verdicts"]]
    return found

"""Personal data leaves documents before they are cut, so that a value has the same placeholder in all passages of its document.

    {"text": "Ask jane@fennold.com. …", …}  ->  {"text": "Ask person1@example.org. …", "placeholders": ["person1@example.org"], …}
    passage "Ask person1@example.org."      ->  {"masked": 1, "private": "email"}

Nothing that comes later sees the values: no passage, no rejected row, no request and no duplicate's name.
"""

from typing import TYPE_CHECKING, Any

from fanno_hf.rules.personal_data import count_placeholders, mask_personal_data
from fanno_hf.settings import PersonalData
from fanno_hf.steps.rows import BATCH, map_rows

if TYPE_CHECKING:
    from datasets import Dataset

_MASKED = {"text": "string", "placeholders": ["string"]}
MASKED = {"masked": "int32", "private": "string"}
"""How many placeholders a passage has, and the first kind of personal data that they stand for; null for none."""


def mask_documents(documents: "Dataset", settings: PersonalData) -> "Dataset":
    """Masks the column `text`, and says in `placeholders` what each document was given."""
    looked_for = settings.model_dump(exclude={"action"})

    def mask(row: dict[str, Any]) -> dict[str, Any]:
        return mask_personal_data(row["text"], **looked_for)._asdict()

    return map_rows(documents, mask, _MASKED, "prescreen: personal data")


def count_masked(passages: "Dataset", documents: "Dataset", settings: PersonalData) -> "Dataset":
    """Adds the columns of MASKED to passages of masked documents; `position` tells whose they are."""
    rows = zip(documents["position"], documents["placeholders"], strict=True)
    given = {position: placeholders for position, placeholders in rows if placeholders}

    def count(texts: list[str], positions: list[int]) -> dict[str, list]:
        counted = [count_placeholders(text, given.get(of, ())) for text, of in zip(texts, positions, strict=True)]
        first = [next((kind for kind in settings.kinds if kind in kinds), None) for kinds in counted]
        return {"masked": [sum(kinds.values()) for kinds in counted], "private": first}

    how = {"input_columns": ["text", "position"], "batched": True, "batch_size": BATCH}
    return map_rows(passages, count, MASKED, "prescreen: masked", **how)

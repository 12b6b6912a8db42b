"""Personal data leaves documents before they are cut, so that a value has the same placeholder in all passages of its document.

    {"text": "Ask jane@fennold.com. …", …}  ->  {"text": "Ask person1@example.org. …", "placeholders": ["person1@example.org"], …}
    passage "Ask person1@example.org."      ->  {"masked": 1, "private": "email"}

Nothing that comes later sees the values: no passage, no rejected row, no request and no duplicate's name.
"""

from typing import TYPE_CHECKING, Any

from fanno_hf.rules.personal_data import count_placeholders, mask_personal_data
from fanno_hf.settings import PersonalData
from fanno_hf.steps.rows import map_rows, with_columns

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
    given = {}
    for position, placeholders in zip(documents["position"], documents["placeholders"], strict=True):
        if placeholders:
            given[position] = placeholders
    columns: dict[str, list] = {name: [] for name in MASKED}
    for text, position in zip(passages["text"], passages["position"], strict=True):
        counted = count_placeholders(text, given.get(position, ()))
        columns["masked"].append(sum(counted.values()))
        columns["private"].append(next((kind for kind in settings.kinds if kind in counted), None))
    return with_columns(passages, columns, MASKED, "prescreen: masked")

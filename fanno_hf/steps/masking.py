"""Personal data leaves documents before they are cut, so that a value has the same placeholder in all passages of its document.

    {"text": "Ask jane@fennold.com. …", …}  ->  {"text": "Ask person1@example.org. …", "placeholders": ["person1@example.org"], …}
    passage "Ask person1@example.org."      ->  {"masked": 1, "private": "email"}

Nothing that comes later sees the values: no passage, no rejected row, no request and no duplicate's name.
"""

from typing import TYPE_CHECKING, Any

from fanno_hf.columns import RAW_DOCUMENT
from fanno_hf.rules.personal_data import count_placeholders, mask_personal_data
from fanno_hf.settings import PersonalData
from fanno_hf.steps.rows import column, map_rows, with_columns

if TYPE_CHECKING:
    from datasets import Dataset

_MASKED = {**{name: RAW_DOCUMENT[name] for name in ("text", "title", "places")}, "placeholders": ["string"]}
MASKED = {"masked": "int32", "private": "string"}
"""How many placeholders a passage has, and the first kind of personal data that they stand for; null for none."""


def mask_documents(documents: "Dataset", settings: PersonalData) -> "Dataset":
    """Masks the columns `text` and `title`, moves `places` along, and says in `placeholders` what each document was given."""
    looked_for = settings.model_dump(exclude={"action"})

    def mask(row: dict[str, Any]) -> dict[str, Any]:
        # the title as a first paragraph, so that a value has the same placeholder there
        before = f"{row['title']}\n\n" if row["title"] else ""
        starts = [0, *(place["start"] for place in row["places"])]
        offsets = [len(before) + start for start in starts]
        masked = mask_personal_data(before + row["text"], **looked_for, offsets=offsets)
        begin, *starts = masked.offsets
        places = [{**place, "start": start - begin} for place, start in zip(row["places"], starts, strict=True)]
        title, text = masked.text[:begin].strip(), masked.text[begin:]
        return {"text": text, "title": title, "places": places, "placeholders": masked.placeholders}

    return map_rows(documents, mask, _MASKED)


def count_masked(passages: "Dataset", documents: "Dataset", settings: PersonalData) -> "Dataset":
    """Adds the columns of MASKED to passages of masked documents; `position` tells whose they are."""
    rows = zip(column(documents, "position"), column(documents, "placeholders"), strict=True)
    given = {position: placeholders for position, placeholders in rows if placeholders}

    texts = zip(column(passages, "text"), column(passages, "position"), strict=True)
    counted = [count_placeholders(text, given.get(of, ())) for text, of in texts]
    first = [next((kind for kind in settings.kinds if kind in kinds), None) for kinds in counted]
    return with_columns(passages, {"masked": [sum(kinds.values()) for kinds in counted], "private": first}, MASKED)

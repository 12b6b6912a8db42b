"""Personal data leaves documents before they are cut, so that a value has the same placeholder in all passages of its document.

    {"text": "Ask jane@fennold.com. …", …}  ->  {"text": "Ask person1@example.org. …", …}, ("person1@example.org",)

Nothing that comes later sees the values: no passage, no rejected row, no request and no duplicate's name.
"""

from collections.abc import Mapping
from typing import Any

from fanno_hf.rules.personal_data import mask_personal_data
from fanno_hf.settings import PersonalData


def mask_document(document: Mapping[str, Any], settings: PersonalData) -> tuple[dict[str, Any], tuple[str, ...]]:
    """Masks `text` and `title` and moves `places` along; returns the document and the placeholders that it was given."""
    # the title as a first paragraph, so that a value has the same placeholder there
    before = f"{document['title']}\n\n" if document["title"] else ""
    starts = [0, *(place["start"] for place in document["places"])]
    looked_for = settings.model_dump(exclude={"action"})
    offsets = [len(before) + start for start in starts]
    masked = mask_personal_data(before + document["text"], **looked_for, offsets=offsets)
    begin, *starts = masked.offsets
    places = [{**place, "start": start - begin} for place, start in zip(document["places"], starts, strict=True)]
    title, text = masked.text[:begin].strip(), masked.text[begin:]
    return {**document, "text": text, "title": title, "places": places}, masked.placeholders

"""A profile of rules: numbers here; what the words and phrases are is read in `rules/`."""

from typing import Any

from fanno_hf.settings.prescreen import Repetition
from fanno_hf.settings.types import Closed, Count, Natural, Share, Words


class Rules(Closed):
    """A profile of rules; None makes no check. What the words and phrases are is read in `rules/`."""

    min_words: Natural
    max_words: Count
    max_repeated_words: Share | None
    max_tag_words: Share | None
    max_demonstration: Share | None
    max_copied_words: Count | None
    max_copied_share: Share
    own_material: bool
    fallback_language: str | None
    empty_inputs: Words | None
    min_response_words: Natural
    repeats_by_words: bool
    refusal_within: Natural
    repetition: Repetition | None
    refers_to_document: Any
    conditions: Any
    document_is_made: Any
    time_relative: Any
    talks_to_assistant: Any
    template_is_meant: Any
    unfilled_template: Any
    template_tokens: Any
    cut_off: Any
    missing_input: Any
    statements: Any
    imperatives: Any
    interrogatives: Any
    lead_ins: Any
    function_words: Any
    refusal_lead_ins: Any
    refusal: Any
    mentions_background: Any

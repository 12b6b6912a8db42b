"""What to change where a stage kept no row: the reason that most of its rows left for, and the key that relaxes it.

seed, {"off_topic": 12, "too_short": 4}  ->  "12 of 16 are off_topic: lower stages.seed.min_relevance."
"""

from collections.abc import Mapping

_PRESCREEN = {
    "empty": "give documents that have text, or name their column (data.text_column)",
    "too_short": "lower stages.prescreen.min_tokens",
    "too_long": "raise stages.prescreen.max_tokens",
    "markup": "raise stages.prescreen.markup.max_share",
    "garbled": "give better texts, or relax stages.prescreen.garbled",
    "repetition": "raise stages.prescreen.repetition.max_share",
    "prompt_injection": "shorten stages.prescreen.prompt_injections",
    "personal_data": "set stages.prescreen.personal_data.action=mask",
    "exact_duplicate": "give other documents, or shorten stages.prescreen.against",
    "near_duplicate": "raise stages.prescreen.near_duplicates.threshold",
    "small_community": "lower stages.prescreen.communities.min_size",
}
_COMPLETIONS = {
    "truncated": "raise stages.{stage}.max_tokens",
    "template_token": "shorten rules.template_tokens",
    "repetition": "raise rules.repetition.max_share",
}
_INSTRUCTIONS = _COMPLETIONS | {
    "too_short": "lower rules.min_words",
    "too_long": "raise rules.max_words",
    "off_topic": "lower stages.{stage}.min_relevance",
    "near_repeat": "raise stages.{stage}.near_repeat_threshold",
    "unfilled_template": "relax rules.unfilled_template",
    "talks_to_assistant": "relax rules.talks_to_assistant",
    "refers_to_document": "relax rules.refers_to_document",
    "time_relative": "relax rules.time_relative",
    "not_an_instruction": "relax rules.statements or rules.imperatives",
    "missing_input": "relax rules.missing_input",
    "restates_tags": "raise rules.max_tag_words",
    "repeats_demonstration": "raise rules.max_demonstration",
    "copies_document": "raise rules.max_copied_share",
}
_RESPONSES = _COMPLETIONS | {
    "too_short": "lower stages.respond.min_words",
    "refusal": "relax rules.refusal",
    "mentions_background": "relax rules.mentions_background",
    "repeats_instruction": "set rules.repeats_by_words=false",
}
_ANYWHERE = {
    "contaminated": "raise decontamination.ngram, or shorten decontamination.benchmarks",
    "undecided": "set stages.{stage}.undecided=keep",
}
_STAGES = {"prescreen": _PRESCREEN, "seed": _INSTRUCTIONS, "augment": _INSTRUCTIONS, "respond": _RESPONSES}
ADVICE = {stage: {**known, **_ANYWHERE} for stage, known in _STAGES.items()}
"""Stage -> reason -> what to change. A reason that is a verdict's name is not in it."""


def advice(stage: str, reasons: Mapping[str, int], verdicts: frozenset[str]) -> str:
    """Returns a sentence about the reason that most rows of a stage left for; "" where nothing helps against it.

    Args:
        reasons: reason -> rows.
        verdicts: those of the reasons that a verdict of the teacher gave.
    """
    if not reasons:
        return ""
    reason, count = max(reasons.items(), key=lambda item: item[1])
    what = ADVICE[stage].get(reason, "").format(stage=stage)
    if not what and reason in verdicts:
        what = f"raise stages.{stage}.verdicts.{reason}, or set it to null"
    return f"{count} of {sum(reasons.values())} are {reason}: {what}." if what else ""

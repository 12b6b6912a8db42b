"""The sample's labels are a test set: precision and recall of every rule-based filter of pre-screening."""

from functools import partial

import pytest
from datasets import Dataset

from fanno_hf.rules.personal_data import find_personal_data
from fanno_hf.sources.sample import read_sample
from fanno_hf.texts.near_duplicates import find_exact_duplicates, find_near_duplicates
from fanno_hf.texts.segment import TokenCounter
from tests.rules.test_text import garbled_reason, length_reason, markup_reason, prompt_injection_reason

KINDS = ("email", "phone", "card", "iban", "ip")

SAMPLE = read_sample()
TEXTS = [row["text"] for row in SAMPLE]
COUNTER = TokenCounter.load("words")


def flags(rule):
    return {row["id"] for row in SAMPLE if rule(row["text"])}


def too(kind):
    return flags(lambda text: (length_reason(COUNTER.count(text)) or ("",))[0] == kind)


RULES = {
    "personal_data": lambda: flags(partial(find_personal_data, kinds=KINDS, region=None, roles="find")),
    "garbled": lambda: flags(garbled_reason),
    "markup": lambda: flags(markup_reason),
    "prompt_injection": lambda: flags(prompt_injection_reason),
    "too_short": lambda: too("too_short"),
    "too_long": lambda: too("too_long"),
    "exact_duplicate": lambda: {SAMPLE[i]["id"] for i, r in enumerate(find_exact_duplicates(TEXTS)) if r is not None},
    "near_duplicate": lambda: {
        SAMPLE[i]["id"] for i, r in enumerate(find_near_duplicates(TEXTS)) if r is not None and r.similarity < 1.0
    },
}


def scores(flaw):
    found, labelled = RULES[flaw](), {row["id"] for row in SAMPLE if row["flaw"] == flaw}
    hits = len(found & labelled)
    return hits / len(found) if found else 1.0, hits / len(labelled)


@pytest.mark.parametrize("flaw", RULES)
def test_precision_and_recall(flaw, record_property):
    precision, recall = scores(flaw)
    record_property("precision", precision)
    record_property("recall", recall)
    assert (precision, recall) == (1.0, 1.0)


def test_at_least_sixty_documents_of_which_about_twenty_are_flawed():
    flawed = [row for row in SAMPLE if row["flaw"]]
    assert len(SAMPLE) >= 60
    assert 18 <= len(flawed) <= 24


def test_two_languages_besides_english():
    assert {"en", "de", "es"} <= {row["language"] for row in SAMPLE}


def test_every_duplicate_names_the_document_it_repeats():
    ids = {row["id"] for row in SAMPLE}
    assert all(row["repeats"] in ids for row in SAMPLE if row["flaw"] in ("exact_duplicate", "near_duplicate"))


def test_the_labels_never_reach_the_pipeline():
    from fanno_hf.sources.sample import SampleSource

    rows = Dataset.from_list([one.as_row(place) for place, one in enumerate(SampleSource().documents())])
    assert not any("flaw" in column for column in rows.column_names)
    assert len(rows) == len(SAMPLE)


if __name__ == "__main__":
    for name in RULES:
        print("{:18} precision {:.2f}  recall {:.2f}".format(name, *scores(name)))

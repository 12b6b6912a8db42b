"""Regular expressions of the configuration: how each kind matches, and what a malformed one says."""

import pytest

from fanno_hf.errors import UserError
from fanno_hf.rules.phrases import Phrases, compile_openings, compile_patterns, compile_phrases


def test_phrases_match_whole_words_only():
    pattern = compile_phrases("rules.x", ["now"])
    texts = {"know": False, "snow": False, "Now!": True, "now-ish": True, "nowhere": False}
    assert {text: bool(pattern.search(text)) for text in texts} == texts


def test_no_phrase_matches_nothing():
    assert compile_phrases("rules.x", []).search("now") is None


def test_an_opening_takes_the_white_space_behind_it():
    assert compile_openings("rules.x", ["in [^,]+,"]).match("In two words, explain").group() == "In two words, "


@pytest.mark.parametrize("compile_", [compile_phrases, compile_openings, compile_patterns])
def test_one_that_is_no_regular_expression_names_its_key(compile_):
    with pytest.raises(UserError, match=r"rules\.refusal: '\(open' is no regular expression"):
        compile_("rules.refusal", ["moss", "(open"])


@pytest.mark.parametrize(
    ("languages", "found"), [(("de",), True), (("en",), False), (("en", "de"), True), ((), False)]
)
def test_phrases_of_other_languages_are_not_looked_for(languages, found):
    assert bool(Phrases("rules.x", {"de": ["moos"], "en": ["moss"]}).search("Das Moos", languages)) is found


@pytest.mark.parametrize("phrases", [{"any": ["moos"]}, ["moos"]])
def test_phrases_for_any_language_are_always_looked_for(phrases):
    assert Phrases("rules.x", phrases).search("Das Moos", ())


def test_a_malformed_phrase_of_a_language_names_both():
    with pytest.raises(UserError, match=r"rules\.x\.de: '\(' is no regular expression"):
        Phrases("rules.x", {"de": ["("]})

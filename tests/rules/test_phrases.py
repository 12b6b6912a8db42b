"""Regular expressions of the configuration: how each kind matches, and what a malformed one says."""

import pytest

from fanno_hf.errors import UserError
from fanno_hf.rules.phrases import compile_openings, compile_patterns, compile_phrases


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

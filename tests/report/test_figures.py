"""Figures as bytes: the same each time, harmless whatever the data says, and a sentence where something is missing."""

import re
import sys
import warnings
import xml.etree.ElementTree as ElementTree
from dataclasses import replace

import numpy as np
import pytest

from fanno_hf.errors import UserError
from fanno_hf.report import style
from fanno_hf.report.figures import draw
from fanno_hf.report.passages import Passages, project
from fanno_hf.report.stages import StageFigures
from fanno_hf.report.style import clean, short
from fanno_hf.texts.duration import duration
from fanno_hf.texts.verbs import MISSING, VerbNouns
from tests.report.test_metrics import measured, unit_rows

NAMES = [
    *("verb_noun_growth", "instruction_length_growth", "instruction_lengths", "verb_noun_wheel"),
    *("quality_complexity", "passage_map", "pulls", "tokens_and_time"),
]
HISTORY = [
    {"window": 0, "pulls": [{"pulls": 0, "instructions": 6}], "least_pulled": None},
    {"window": 1, "pulls": [{"pulls": 0, "instructions": 4}, {"pulls": 3, "instructions": 4}], "least_pulled": 0.75},
]
COSTS = [
    StageFigures("seed", 9, 9, {}, 9, 0, 9_000, 800, 9.5, None),
    StageFigures("respond", 9, 9, {}, 9, 0, 1_500, 4_100, 90, 0.25),
]
HOSTILE = r"<script>alert(1)</script> $\alpha$ & $\frac{"


def rows(count: int = 12, **columns):
    """A data set of two rounds."""
    plain = {"rounds": np.arange(count) % 2, "quality": np.linspace(0.5, 1, count)}
    return measured(*(["Write a poem."] * count), **(plain | columns))


def verb_nouns(count: int = 12, verb: str = "write", noun: str = "poem") -> VerbNouns:
    return VerbNouns([(verb, noun)] * (count - 1) + [("name", "river")], 0, "small 1.0")


def passages(count: int = 12, label: str = "Mosses are small") -> Passages:
    return Passages(unit_rows(count, 2), np.arange(1, count + 1), [label] * count, count)


def drawn(ours=None, other=None, **given):
    """Every figure by its name, of a run in which nothing is missing but what is said."""
    plain = {"verbs": verb_nouns(), "history": HISTORY, "passages": passages(), "stages": COSTS}
    return {figure.name: figure for figure in draw(ours or rows(), other, **(plain | given))}


@pytest.fixture(scope="module")
def complete():
    """Every figure of a run and another data set."""
    return drawn(other=rows(rounds=None, name="other"))


def little(ours=None, other=None, **given):
    """The same of a run in which everything is missing but lengths, and what is given."""
    bare = rows(rounds=None, quality=np.full(12, np.nan))
    return {figure.name: figure for figure in draw(ours or bare, other, **given)}


def texts(svg: bytes) -> list[str]:
    """What a reader can read in an SVG."""
    return ["".join(node.itertext()) for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_all_are_there_in_order(complete):
    assert list(complete) == NAMES
    assert [name for name, figure in complete.items() if figure.note] == []
    assert all(figure.title and figure.caption and figure.alt for figure in complete.values())
    assert complete["verb_noun_growth"].alt == "Line: distinct verb-noun pairs grow from 1 to 2 over 2 rounds."
    assert "12 of 400 rows, drawn at random" in little(rows(of=400, rounds=None))["instruction_lengths"].caption


def test_bytes_are_the_same_each_time(complete):
    assert drawn(other=rows(rounds=None, name="other")) == complete


def test_bytes_say_nothing_of_the_day_or_the_program(complete):
    for figure in complete.values():
        assert figure.png.startswith(b"\x89PNG")
        assert b"Software" not in figure.png
        assert b"<dc:date>" not in figure.light
        assert b"fill: #ffffff" not in figure.light or figure.name == "verb_noun_wheel"  # the ground is transparent


def test_both_variants_differ_in_their_inks_alone(complete):
    instead = {light.encode(): dark.encode() for light, dark in style.DARK.items()}
    for figure in complete.values():
        expected = re.sub(b"|".join(instead), lambda ink: instead[ink.group()], figure.light)
        assert figure.dark == expected != figure.light


def luminance(colour: str) -> float:
    parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
    red, green, blue = (p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The contrast ratio of WCAG 2, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


DARK = "#0d1117"


@pytest.mark.parametrize(
    ("colour", "ground", "least"),
    [
        *((colour, ground, 3) for colour in (style.OURS, style.OTHER, *style.HUES) for ground in (style.PAPER, DARK)),
        *((ink, style.PAPER, 4.5) for ink in (style.INK, style.MUTED)),
        *((style.DARK[ink], DARK, 4.5) for ink in (style.INK, style.MUTED)),
        *((style.PAPER, hue, 4.5) for hue in style.HUES),  # white letters on the wheel
    ],
)
def test_colours_stand_out(colour, ground, least):
    assert contrast(colour, ground) > least


def test_texts_from_the_data_are_only_text():
    given = {"verbs": verb_nouns(verb=HOSTILE, noun="$\\alpha$"), "passages": passages(label=HOSTILE)}
    given |= {"stages": [StageFigures(HOSTILE, 9, 9, {}, 9, 0, 10, 10, 1.0, 2.0)], "currency": "$\\beta$"}
    found = drawn(rows(name=HOSTILE), rows(name=HOSTILE, rounds=None), **given)
    assert all(b"<script" not in figure.light for figure in found.values())
    assert clean(HOSTILE) in texts(found["quality_complexity"].light)
    assert "$\\alpha$" in texts(found["verb_noun_wheel"].light)
    assert any("$\\beta$" in text for text in texts(found["tokens_and_time"].light))


def test_letters_the_font_lacks_are_no_warning(caplog):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = drawn(rows(name="苔は乾く 🌿 ตะไคร่"), verbs=verb_nouns(noun="नदी"))
    assert "苔は乾く 🌿 ตะไคร่" in texts(found["quality_complexity"].light)
    assert caplog.text == ""


def test_settings_of_the_user_are_left_alone():
    import matplotlib

    with matplotlib.rc_context({"font.size": 31.0, "axes.facecolor": "red"}):
        found = little()
        assert matplotlib.rcParams["font.size"] == 31.0
    assert found == little()


def test_the_wheel_names_verbs_and_nouns_and_leaves_out_those_that_do_not_fit(complete):
    assert sorted(texts(complete["verb_noun_wheel"].light)) == ["name", "poem", "river", "write"]
    nouns = VerbNouns([("write", "poem")] * 500 + [("name", "river")], 0, "small")
    assert texts(little(verbs=nouns)["verb_noun_wheel"].light) == ["write", "poem"]


def test_many_rows_are_a_small_svg():
    many = 5_000
    tokens = np.random.default_rng(0).integers(5, 60, many)
    ours = rows(many, embeddings=None, instruction_tokens=tokens)
    found = drawn(ours, ours, verbs=None, passages=replace(passages(400), of=9_000))
    assert max(len(figure.light or b"") for figure in found.values()) < 300_000


@pytest.mark.parametrize(
    ("name", "given", "note"),
    [
        ("verb_noun_growth", {"verbs": None}, MISSING),
        ("verb_noun_wheel", {"verbs": None}, MISSING),
        ("verb_noun_wheel", {"verbs": VerbNouns([None] * 12, 12, "x")}, "12 in other languages"),
        ("verb_noun_growth", {"verbs": verb_nouns()}, "one round only"),
        ("instruction_length_growth", {"ours": rows(rounds=np.zeros(12, dtype=int))}, "one round only"),
        ("quality_complexity", {"ours": rows(quality=np.full(12, np.nan))}, "No row was judged"),
        ("passage_map", {"passages": None}, "no embeddings"),
        ("pulls", {"history": None}, "augment has not run"),
        ("pulls", {"history": HISTORY[:1]}, "augment has not run"),
        ("tokens_and_time", {"stages": []}, "No stage"),
    ],
)
def test_a_sentence_stands_in_the_place_of_what_is_missing(name, given, note):
    figure = little(**given)[name]
    assert note in figure.note
    assert (figure.png, figure.light, figure.dark) == (None, None, None)


@pytest.mark.parametrize("count", [0, 1])
def test_few_rows_raise_nothing(count):
    found = drawn(rows(count), verbs=VerbNouns([None] * count, 0, "small"), passages=passages(count))
    assert list(found) == NAMES
    assert (found["instruction_lengths"].note is None) == (count == 1)


def test_without_matplotlib_the_user_is_told_what_to_install(monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match=re.escape('pip install "fanno_hf[report]"')):
        little()


@pytest.mark.parametrize("count", [0, 1, 2, 9, 40])
def test_project_gives_the_same_places_each_time(count):
    places = project(unit_rows(count), 0)
    assert (places.shape, places.dtype) == ((count, 2), np.float32)
    assert np.abs(places).max(initial=0) <= 1
    np.testing.assert_array_equal(places, project(unit_rows(count), 0))


def test_project_keeps_neighbours_together():
    centres = np.eye(3, 8, dtype=np.float32)
    near = np.repeat(centres, 15, axis=0) + 0.05 * unit_rows(45)
    places = project(near / np.linalg.norm(near, axis=1, keepdims=True), 0)
    distances = np.linalg.norm(places[:, None] - places[None], axis=2) + 9 * np.eye(45)
    assert (distances.argmin(axis=1) // 15 == np.arange(45) // 15).all()
    assert (project(np.ones((20, 4), dtype=np.float32) / 2, 0) == 0).all()


def test_numbers_durations_and_labels_are_short():
    assert clean("a\0b\n c\u202e\ud800d") == "a b c d"
    assert clean("long " * 10_000, 11) == "long long…"
    numbers = {0: "0", 950: "950", 12_345: "12k", 1_500: "1.5k", 999_999: "1000k", 3_400_000: "3.4M"}
    assert {number: short(number) for number in numbers} == numbers
    assert [duration(seconds) for seconds in (0.4, 12, 75, 9000)] == ["0.4 s", "12 s", "1.2 min", "2.5 h"]


def test_lengths_by_window_are_said_in_words_too():
    instructions = ["Write a poem."] * 6 + ["Write a long poem about the peat moss of the Harz."] * 6
    figure = drawn(measured(*instructions, rounds=np.repeat([0, 4], 6)))["instruction_length_growth"]
    said = "In words: median 3 and mean 3.0 in window 0, median 11 and mean 11.0 in window 4."
    assert said in figure.caption
    assert "median: first 3, last 11; middle half of the last 11 to 11" in texts(figure.light)

"""Keys in what is kept as data: the whole of a key goes, however it is written, and nothing that is none."""

import pytest

from fanno_hf.texts.hidden import hide_value_of, known_keys, without_keys

KEY = "zq9-Kx7VbN2mW8tRpL4sHd6J"


@pytest.mark.parametrize(
    "written",
    [
        *(KEY, KEY.lower(), KEY.replace("-", "")),
        *(sign.join(KEY) for sign in (" ", "\n", "\u200b", "\u200c", "\x08", "\x1b", "\x1b[0m", "\N{SOFT HYPHEN}")),
        *("".join(form % ord(ch) for ch in KEY) for form in ("\\u%04x", "&#%d;", "\\%o")),
        KEY.encode().hex(),
    ],
)
def test_a_whole_key_goes(written):
    assert without_keys(f"The key is {written} indeed.", [KEY]) == "The key is *** indeed."


def test_every_one_goes():
    assert without_keys(f"{KEY}, {KEY}{KEY} and {' '.join(KEY)}", [KEY]) == "***, *** and ***"


@pytest.mark.parametrize("key", ["the", "ollama", "none", "EMPTY", "sk-1234", "lm-studio", "not-needed"])
def test_a_word_that_stands_for_a_key_hides_nothing(key):
    text = f"A server shows {key} whether {key} dries."
    assert without_keys(text, [key]) == text


@pytest.mark.parametrize("key", ["no-key-required", "dummy-api-key", "your-api-key-here"])
def test_of_words_the_signs_between_them_count(key):
    text = "No key required: put your API key here, or a dummy API key."
    assert without_keys(text, [key]) == text
    assert without_keys(f"It is {key}.", [key]) == "It is ***."


def test_a_piece_of_a_key_stays_but_where_the_text_was_cut():
    text = f"It begins with {KEY[:12]}, as in {KEY[:12]}"
    assert without_keys(text, [KEY]) == text
    assert without_keys(text, [KEY], is_cut=True) == f"It begins with {KEY[:12]}, as in ***"
    assert without_keys("It is zq9-Kx", [KEY], is_cut=True) == "It is zq9-Kx"


def test_what_looks_like_an_escape_may_be_the_beginning_of_a_key():
    key = "b0f9-Kx7VbN2mW8tRpL"
    assert without_keys(f"100%{key} or C:\\{key}", [key]) == "100%*** or C:\\***"


def test_the_keys_of_a_run_are_the_values_of_its_variables(monkeypatch):
    for variable in ("HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"):
        monkeypatch.delenv(variable, raising=False)
    hide_value_of("MOSS_KEY")
    for wrong in (None, "", 5, "no name", "\0"):
        hide_value_of(wrong)
    assert known_keys() == []
    monkeypatch.setenv("MOSS_KEY", KEY)
    monkeypatch.setenv("HF_TOKEN", "short")
    assert known_keys() == [KEY]

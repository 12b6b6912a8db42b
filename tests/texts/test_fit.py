"""Foreign words made fit to be shown: no secret and no control character is left, and then they are cut."""

import base64
import unicodedata

import pytest

from fanno_hf.texts.fit import fit_name, fit_to_show

KEY = "sk-open-sesame-4711"
PIECES = [KEY[start : start + 8] for start in range(len(KEY) - 7)]


def escaped(form: str) -> str:
    return "".join(form % ord(ch) for ch in KEY)


@pytest.mark.parametrize(
    "words",
    [
        KEY,
        f"Bearer {KEY} is wrong",
        "x" * 295 + KEY,  # the end of what is shown is in the middle of it
        KEY.upper(),
        " ".join(KEY),
        "\n".join(KEY),
        "\\n".join(KEY),
        KEY.replace("-", "\x1b[31m-"),
        f"'{KEY[:9]}' + '{KEY[9:]}'",
        escaped("\\u%04x"),
        escaped("\\\\u%04X"),
        escaped("\\x%02x"),
        escaped("%%%02x"),
        escaped("%%25%02x"),
        escaped("&#%d;"),
        "\\u0073k-open-sesame-4711",
        escaped("&#x%06x;"),
        escaped("&#%05d"),
        escaped("&amp;#x%X;"),
        escaped("\\%o"),
        escaped("\\u{%x}"),
        escaped("\\x{%x}"),
        escaped("\\U%08x"),
        escaped("%%u%04x"),
        escaped("=%02X"),
        KEY.translate({ord(ch): ord(ch) + 0xFEE0 for ch in KEY}),  # full width
        KEY.translate({ord(ch): ord(ch) - ord("a") + 0x1D41A for ch in KEY if ch.isalpha()}),  # mathematical bold
        f"\\{KEY}",
    ],
)
def test_a_key_is_hidden_however_it_is_written(words):
    shown = fit_to_show(words, [KEY])
    plain = "".join(ch for ch in unicodedata.normalize("NFKC", shown) if not ch.isspace())
    assert "***" in shown
    assert not [piece for piece in PIECES if piece in plain or piece.upper() in plain]


@pytest.mark.parametrize("before", ["", "Bearer ", "user:", "a"])
def test_a_key_in_base64_is_hidden(before):
    shown = fit_to_show(base64.b64encode(f"{before}{KEY}".encode()).decode(), [KEY])
    left = shown.replace("***", "")
    assert len(left) <= len(base64.b64encode(before.encode())) + 4


def test_a_key_in_hexadecimal_digits_is_hidden():
    assert fit_to_show(KEY.encode().hex(), [KEY]) == "***"


@pytest.mark.parametrize(
    "words",
    [
        "sk-proj-AbCdEfGh12345678",
        "hf_abcdefghijklmnOPQRSTUVWX",
        "Bearer abcdefgh1234",
        "http://me:moss@gpu1:8000/v1",
        "?api_key=moss1234",
    ],
)
def test_what_looks_like_a_secret_is_hidden(words):
    assert "***" in fit_to_show(words)


def test_the_token_of_the_run_is_hidden_although_nobody_names_it(monkeypatch):
    monkeypatch.setenv("HF_TOKEN", "open-sesame-4711")
    assert fit_to_show("there is no host open-sesame-4711") == "there is no host ***"


def test_a_name_loses_the_key_and_nothing_that_only_looks_like_one():
    assert fit_name(f"org/hf_Llama31Instruct8B\x1b[2J-{KEY}", [KEY]) == "org/hf_Llama31Instruct8B-***"


@pytest.mark.parametrize(
    "words",
    [
        "hf-internal-testing/tiny-random-gpt2",
        "meta-llama/Llama-3.1-8B-Instruct@0e9e39f",
        "api-gateway-service-v2",
        "key-value",
    ],
)
def test_names_of_models_stay(words):
    assert fit_to_show(words, [KEY]) == words


@pytest.mark.parametrize(
    "words", ["a\x1b[2Jb", "a\x1b]0;title\x07b", "a\x9b31mb", "a\x00b", "a\u202eb", "a\u2066b", "a\x1bcb", "a\x85b"]
)
def test_control_characters_go(words):
    assert fit_to_show(words) in ("ab", "a b")


def test_words_are_one_line_of_so_many_characters():
    assert fit_to_show("moss\r\n\tand\u2028peat " * 100, limit=30) == "moss andpeat moss andpeat mos…"


def test_lone_surrogates_can_be_written():
    assert fit_to_show("moss \ud83d").encode("utf-8") == b"moss ?"

"""A short request tells its language; what nobody can tell is None."""

import pytest

from fanno_hf.texts.language import language_of


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("whats the largest star", "en"),
        ("Wie rochiert man beim Schach?", "de"),
        ("¿Por qué el cielo es azul?", "es"),
        ("Écris un poème sur la pluie.", "fr"),
        ("Scrivi una lettera al vicino.", "it"),
        ("Escreva um e-mail ao vizinho.", "pt"),
        ("请用三句话解释王车易位。", "zh"),
        ("苔はどのように水を吸いますか", "ja"),
        ("Напиши письмо соседу.", "ru"),
        ("اكتب قصة قصيرة عن المطر", "ar"),
        ("बारिश पर एक कविता लिखो", "hi"),
        ("a\nb\n" + "Wie rochiert man beim Schach? " * 500, "de"),
        ("", None),
        ("42 + 7 = ?", None),
    ],
)
def test_the_language_of_a_text(text, language):
    assert language_of(text) == language

"""Front matter of Markdown texts: taken off whole, and only where it is some."""

import pytest

from fanno_hf.texts.front_matter import split_front_matter

MOSS = "Mosses have no roots.\n"


@pytest.mark.parametrize(
    ("lines", "title"),
    [
        ("title: Moss and peat", "Moss and peat"),
        ("layout: post\ntitle: 'It''s wet'\ntags: [a, b]", "It's wet"),
        ('Title: "Moss: a \\"primer\\""   # of plants', 'Moss: a "primer"'),
        ("title: Moss # of plants", "Moss"),
        ("title: C#", "C#"),
        ("title: >-\n  Moss\n  and peat\ndate: 2024-01-01", "Moss and peat"),
        ("title: Moss\n  and peat", "Moss and peat"),
        ("title:\ndate: 2024-01-01", ""),
        ("subtitle: peat\ntags:\n- moss\n  - peat\n\n# a comment\nmap: {\n  a: 1\n}", ""),
        ("title: " + "moss " * 50, ("moss " * 50).strip()),
    ],
)
@pytest.mark.parametrize("end", ["---", "...", "--- "])
def test_front_matter_goes_and_its_title_is_kept(lines, title, end):
    assert split_front_matter(f"---\n{lines}\n{end}\n\n{MOSS}") == (title, MOSS)
    crlf = f"\ufeff---\n{lines}\n{end}\n\n{MOSS}".replace("\n", "\r\n")
    assert split_front_matter(crlf) == (title, MOSS.replace("\n", "\r\n"))


@pytest.mark.parametrize(
    "text",
    [
        *(
            "",
            MOSS,
            "---",
            "---\n---\n",
            f"---\n\n{MOSS}\n---\n",
            f"---\n{MOSS}title: Moss\n---\n{MOSS}",
            "----\na: b\n----\n",
        ),
        *(
            f" ---\ntitle: Moss\n---\n{MOSS}",
            f"---\ntitle: Moss\n{MOSS}",
            f"{MOSS}\n---\ntitle: Moss\n---\n",
            "---\na:b\n---\n",
        ),
        f"---\n{'a: b' * 10_000}\n---\n{MOSS}",
    ],
)
def test_a_text_without_front_matter_stays_as_it_is(text):
    assert split_front_matter(text) == ("", text)


@pytest.mark.parametrize("unit", ["---\n", "- ", "a: \n", "title: 'a\n  ", "  # \n"])
def test_a_text_of_nothing_but_marks_is_read_at_once(unit):
    text = "---\ntitle: >\n" + unit * (1_000_000 // len(unit))
    assert split_front_matter(text)[1] in (text, text[len("---\ntitle: >\n---\n") :].lstrip("\n"))

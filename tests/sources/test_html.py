"""Web pages: Markdown form, what is no content, encodings, titles; nothing of a page's content is lost for its looks."""

import pytest

from fanno_hf.sources.web.decode import decode_page
from fanno_hf.sources.web.text import text_of, title_of

LONG = "Mosses have no roots and drink with their leaves, which is why they grow on roofs and stones. " * 8


def test_headings_lists_code_and_tables_are_markdown():
    page = """<body><h1>The  moss <a class="headerlink" href="#m">¶</a></h1><p>It has
    <b>no</b> roots<br>and no seeds.</p><ul><li>stem<ul><li>leaf</li></ul></li><li>capsule</li></ul>
    <ol start="1"><li>wet</li><li>dry</li></ol><h2>Code</h2><div class="highlight-python notranslate"><div class="highlight">
    <pre><span class="c1 comment"># grow</span>\nfor i in range(2):\n    grow(i)  &lt; 3\n</pre></div></div>
    <table><caption>Sizes</caption><tr><th>name</th><th>size</th></tr><tr><td>a|b</td><td></td></tr></table></body>"""
    assert text_of(page) == "\n".join(
        (
            "# The moss",
            "",
            "It has no roots",
            "and no seeds.",
            "",
            "- stem",
            "  - leaf",
            "- capsule",
            "1. wet",
            "2. dry",
            "",
            "## Code",
            "",
            "```python",
            "# grow",
            "for i in range(2):",
            "    grow(i)  < 3",
            "```",
            "",
            "Sizes",
            "",
            "| name | size |",
            "| --- | --- |",
            "| a\\|b |  |",
        )
    )


@pytest.mark.parametrize(
    "beside",
    [
        "<nav><ul><li><a href=/>Home page of ours</a></ul></nav>",
        '<div class="site-menu"><a href=/>Home page of ours</a></div>',
        '<div role="navigation">Home page of ours</div>',
        "<ul><li><a href=/a>Home page</a><li><a href=/b>of</a><li><a href=/c>ours</a></ul>",
        "<p><a href=/a>Home page</a> | <a href=/b>of</a> | <a href=/c>ours</a></p>",
        '<div id="cookieConsent"><p>Home page of ours</p><button>Accept</button></div>',
        "<footer>Home page of ours</footer>",
        '<p style="display: none">Home page of ours</p>',
        "<p hidden>Home page of ours</p>",
        "<script>let home = '<p>Home page of ours</p>'</script>",
        "<!-- <p>Home page of ours</p> -->",
        "<template><p>Home page of ours</p></template>",
    ],
)
def test_what_stands_beside_the_content_goes(beside):
    assert text_of(f"<body>{beside}<h1>Moss</h1><p>{LONG}</p>{beside}</body>") == f"# Moss\n\n{LONG.strip()}"


@pytest.mark.parametrize(
    "inside",
    [
        '<div class="with-sidebar"><p>{}</p><p>two</p><p>three</p></div>',
        '<p>{}</p><aside class="footnote">1. a note</aside>',
        '<p>{}</p><p class="research navy">a study</p>',
        "<p>{}</p><p>See <a href=/>this</a>.</p><p>And <a href=/>that</a>.</p>",
    ],
)
def test_what_only_looks_like_navigation_stays(inside):
    page = inside.format(LONG)
    words = [
        word
        for word in ("two", "three", "a note", "a study", "See this.", "And that.")
        if word.split()[-1].strip(".") in page
    ]
    text = text_of(f"<body>{page}</body>")
    assert LONG.strip() in text
    assert [word for word in words if word not in text] == []


def test_the_main_part_of_a_page_is_taken_where_the_page_says_which_it_is():
    page = f"<body><div>An advert for roofs.</div><main><p>{LONG}</p></main><div>Another one.</div></body>"
    assert text_of(page) == LONG.strip()


def test_a_page_that_is_nothing_but_navigation_or_a_fragment_is_taken_as_a_whole():
    links = "".join(f'<li><a href="/{n}">The moss of the year {n}</a></li>' for n in range(3))
    assert text_of(f"<ul>{links}</ul>").count("The moss of the year") == 3
    assert text_of("just <i>words</i>") == "just words"
    assert text_of('<div class="menu">A menu of the day: soup.</div>') == "A menu of the day: soup."
    assert text_of("") == ""


def test_a_table_that_only_lays_the_page_out_is_none():
    page = "<table><tr><td><h1>Moss</h1></td></tr><tr><td><p>No roots.</p></td><td><p>No seeds.</p></td></tr></table>"
    assert "|" not in text_of(page)
    nested = "<table><tr><td><table><tr><td>name<td>size<tr><td>moss<td>2</table><td>beside</table>"
    assert "| name | size |\n| --- | --- |\n| moss | 2 |" in text_of(nested)


def test_code_stays_as_it_is():
    code = "  1. x\n\n\n\n  • y\n```\n# no heading"
    assert text_of(f"<h1>Moss</h1><pre>{code}</pre><p>end</p>") == f"# Moss\n\n````\n{code}\n````\n\nend"


@pytest.mark.parametrize(
    ("data", "declared"),
    [
        ("<p>Größe €</p>".encode(), None),
        ("\ufeff<p>Größe €</p>".encode(), "iso-8859-1"),
        ("<p>Größe €</p>".encode("utf-16"), None),
        ('<meta charset="windows-1252"><p>Größe €</p>'.encode("cp1252"), None),
        (
            '<meta http-equiv=content-type content="text/html; charset=ISO-8859-1"><p>Größe €</p>'.encode("cp1252"),
            None,
        ),
        ('<?xml version="1.0" encoding="iso-8859-15"?><p>Größe €</p>'.encode("iso-8859-15"), None),
        ("<p>Größe €</p>".encode("cp1252"), "iso-8859-1"),
        ("<p>Größe €</p>".encode("cp1252"), None),
        ('<meta charset="utf-16"><p>Größe €</p>'.encode(), None),
        ('<meta charset="no-such-thing"><p>Größe €</p>'.encode(), None),
        ('<!-- <meta charset="koi8-r"> --><meta charset="utf-8"><p>Größe €</p>'.encode(), None),
    ],
)
def test_declared_encodings(data, declared):
    assert text_of(decode_page(data, declared)) == "Größe €"


def test_eastern_encodings():
    assert decode_page('<meta charset="gb2312">苔藓'.encode("gb18030")).endswith("苔藓")
    assert decode_page('<meta charset="x-sjis">①'.encode("cp932")).endswith("①")
    assert decode_page("Мох".encode("koi8-r"), "KOI8-R") == "Мох"


def test_titles():
    assert title_of("<head><TITLE>\n Moss &amp; fern </TITLE></head><title>no</title>") == "Moss & fern"
    assert title_of("<p>no title</p>") == ""

"""Web pages as generators of documentation, wikis and editors write them: formulas, listings, lists, frames, encodings."""

import pytest

from fanno_hf.sources.web.decode import decode_page
from fanno_hf.sources.web.text import text_of
from tests.sources.reads import read

LONG = "<p>Mosses have no roots and drink with their leaves, which is why they grow on roofs.</p>" * 8


@pytest.mark.parametrize(
    ("source", "text"),
    [
        ("10<sup>3</sup> and H<sub>2</sub>O", "10^3 and H_2O"),
        ("10<sup>-3</sup>, <i>x</i><sub><i>i</i></sub><sup>2</sup>", "10^-3, x_i^2"),
        ("2<sup>n+1</sup> &pi;<sup>2</sup>", "2^(n+1) π^2"),
        ("the 1<sup>st</sup> of May, M<sup>me</sup> Moss&reg;<sup>TM</sup>", "the 1st of May, Mme Moss®TM"),
        ('a moss<sup><a href="#n1">1</a></sup> and <a href="#n2"><sup>2</sup></a>', "a moss[1] and [2]"),
        ('roots.<sup class="reference"><a href="#n1">[1]</a></sup>', "roots.[1]"),
        ("<sup>1</sup> A note.", "1 A note."),
        ("It ends.<sup>12</sup>", "It ends.[12]"),
        ("<math><mi>a</mi><mo>=</mo><mfrac><mn>1</mn><mn>2</mn></mfrac></math> here", "a=1/2 here"),
        ('<math><msup><mi>e</mi><mrow><mi>i</mi><mo>&InvisibleTimes;</mo><mi>&pi;</mi></mrow></msup></math>', "e^(iπ)"),
        ("<m:math><m:msqrt><m:mi>x</m:mi></m:msqrt></m:math>", "sqrt(x)"),
        ('<math alttext="x &lt; y"><mi>x</mi><mo>&lt;</mo><mi>y</mi></math>', "$x < y$"),
        ('<img class="tex" alt="a^2 &gt; b">', "$a^2 > b$"),
        ('<img alt="a moss" class="textbook">', ""),
        ('<script type="math/tex">a < b</script><span class="MathJax_Preview">ab</span>', "$a < b$"),
        ("an unfinished <math><mi>x", "an unfinished x"),
    ],
)  # fmt: skip
def test_what_is_raised_and_formulas_keep_their_meaning(source, text):
    assert text_of(f"<body><div>{source}</div></body>") == text


def test_formulas_of_katex_and_mediawiki_stand_once():
    note = '<annotation encoding="application/x-tex">{}</annotation>'
    katex = (
        f"<span class='katex'><span class='katex-mathml'><math><semantics><mi>x</mi>{note.format('x^2')}</semantics></math></span>"
        "<span class='katex-html' aria-hidden='true'>x2</span></span>"
    )
    wiki = (
        '<span class="mwe-math-element"><span class="mwe-math-mathml-inline mwe-math-mathml-a11y" style="display: none;"><math><semantics>'
        f"<mi>E</mi>{note.format('{displaystyle E=mc^{2}}'.replace('display', chr(92) + 'display'))}</semantics></math></span>"
        '<img src="x.svg" class="mwe-math-fallback-image-inline" alt="{displaystyle E=mc^{2}}"></span>'
    )
    assert (
        text_of(f"<p>The area is {katex} and the energy is {wiki}.</p>")
        == "The area is $x^2$ and the energy is $E=mc^{2}$."
    )


def test_listings_of_doxygen_are_code():
    page = (
        '<body><h1>A</h1><div class="fragment"><div class="line"><a id="l1"></a><span class="lineno">    1</span>&#160;'
        '<span class="keyword">class </span>A {</div>\n<div class="foldopen"><div class="line">&#160; int b; '
        '<div class="ttc" id="t"><div class="ttname">a tip</div></div>&lt;</div></div><div class="line">};</div>\n</div><p>end</p></body>'
    )
    assert text_of(page) == "# A\n\n```\nclass A {\n  int b; <\n};\n```\n\nend"


@pytest.mark.parametrize(
    "table",
    [
        '<table class="highlighttable"><tr><td class="linenos"><div class="linenodiv"><pre>1\n2</pre></div></td>'
        '<td class="code"><div class="highlight"><pre>{}</pre></div></td></tr></table>',
        '<figure class="highlight"><table><tr><td class="gutter"><pre>1\n2</pre></td><td class="code"><pre>{}</pre></td></tr></table></figure>',
        '<div class="syntaxhighlighter"><table><tr><td class="gutter"><div class="line">1</div><div class="line">2</div></td><td class="code">'
        '<div class="container"><div class="line number1"><code>if a:</code></div><div class="line number2"><code>&nbsp; b</code></div>'
        "</div></td></tr></table></div>",
        '<pre><span class="linenos">1</span>if a:\n<span class="linenos">2</span>  b</pre>',
    ],
)
def test_the_numbers_of_lines_are_no_code(table):
    page = table.replace("{}", "if a:\n  b")
    assert text_of(f"<body><h1>A</h1>{page}</body>") == "# A\n\n```\nif a:\n  b\n```"


def test_sections_in_lists_are_sections():
    page = """<body><ul><li><section><h2>Methods</h2><div>All.</div><ul><li><section><h3>add</h3><p>It adds.</p>
    <ol start=5><li>five<ul><li>a</li></ul></li><li>six</li></ol></section></li></ul></section></li><li>plain<p>more</p></li></ul>
    <p>out</p></body>"""
    assert text_of(page) == "\n".join(
        ("## Methods", "", "All.", "", "### add", "", "It adds.", "", "5. five", "  - a", "6. six",
         "- plain", "", "    more", "", "out")
    )  # fmt: skip


def test_lists_begin_where_they_say():
    page = '<ol class="a" start="5"><li><p>five</p></li><li>six</li></ol><p>and</p><ol><li>one</li><li value="7">seven</li><li>eight</li></ol>'
    assert text_of(page) == "5. five\n\n6. six\n\nand\n\n1. one\n7. seven\n8. eight"


@pytest.mark.parametrize(
    "beside",
    [
        '<div class="tocCollapsible_ETCw">On this page</div>',
        '<div class="tableOfContents_bqdL"><ul><li><a href="#s">Start</a></li></ul></div>',
        '<div class="toc"><span class="toctitle">Contents</span><ul><li><a href="#s">Start</a></li></ul></div>',
        '<ul role="tablist"><li role="tab">npm</li><li role="tab">yarn</li></ul>',
        '<span class="mw-editsection">[<a href="/edit">edit</a>]</span>',
    ],
)
def test_contents_of_a_page_are_none_of_its_content(beside):
    assert text_of(f"<body>{beside}<h1>Moss</h1>{LONG}</body>").startswith("# Moss\n\nMosses have no roots")


def test_frames_and_entities():
    frames = (
        "<frameset cols='20,80'><frame src=a.html><noframes><body><p>No frames here.</p></body></noframes></frameset>"
    )
    assert text_of(f"<html>{frames}</html>") == "No frames here."
    assert text_of("<html><frameset><frame src=a.html></frameset></html>") == ""
    assert text_of('<!DOCTYPE html [<!ENTITY x SYSTEM "file:///etc/passwd">]><p>Moss &x;</p>') == "Moss &x;"


@pytest.mark.parametrize(
    ("data", "declared", "text"),
    [
        ('<meta charset="iso-8859-1">Größe €'.encode(), None, "Größe €"),
        ("<p>Größe €".encode(), "windows-1252", "Größe €"),
        ('<meta charset="gb2312">苔藓没有根'.encode(), None, "苔藓没有根"),
        ('<meta charset="utf-8">Straße schön'.encode("cp1252"), None, "Straße schön"),
        (
            '<meta charset="utf-8">Мхи не имеют корней и пьют листьями'.encode("cp1251"),
            None,
            "Мхи не имеют корней и пьют листьями",
        ),
        ('<meta charset="windows-1251">Мхи'.encode("cp1251"), "utf-8", "Мхи"),
        ("<p>Мхи не имеют корней".encode("koi8-r"), None, "Мхи не имеют корней"),
        ("<p>Größe über Größe".encode() + b"\xff", "utf-8", "Größe über Größe\ufffd"),
        ("<p>Größe".encode("utf-16-le"), None, "Größe"),
        ("<p>Größe".encode(), "utf-16", "Größe"),
    ],
)
def test_a_declaration_that_the_bytes_contradict_counts_for_nothing(data, declared, text):
    assert text_of(decode_page(data, declared)) == text


@pytest.mark.parametrize(
    ("head", "said"),
    [
        (b"%PDF-1.7\n1 0 obj", " is no web page: it begins as a .pdf file does: give it that extension"),
        (b"PK\x03\x04" + bytes(40), " is no web page: it begins as a .zip file does: give it that extension"),
        (b"\x1f\x8b\x08\0" + bytes(40), " is no web page: it begins as a .gz file does: give it that extension"),
        (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", " is no web page: its first bytes are no text"),
    ],
)
def test_a_file_of_another_kind_is_no_page(tmp_path, head, said):
    (tmp_path / "page.html").write_bytes(head)
    documents, (unread,) = read(tmp_path / "page.html")
    assert (documents, unread.reason, unread.detail) == ([], "no_page", said)

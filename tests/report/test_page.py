"""The page in a real browser: nothing in a run's texts runs, everything can be found, opened and read."""

import base64
import gzip
import json
import re
import time
from dataclasses import replace
from itertools import count
from types import SimpleNamespace

import pytest
from playwright.sync_api import expect

from fanno_hf.report import page as page_module
from fanno_hf.report.page import Page, StageFigures, Table, metric_groups, render_page
from fanno_hf.texts.fit import visible
from tests.report.browser import Watched, open_browser

HOSTILE = {
    "script": "<script>window.pwned = 1</script>",
    "end of script": "</script><script>window.pwned = 1</script>",
    "end of everything": "</title></style></textarea></noscript><svg onload='window.pwned = 1'>",
    "image": '<img src=x onerror="window.pwned = 1">',
    "remote image": '<img src="http://127.0.0.1:9/x.png"><link rel=stylesheet href="http://127.0.0.1:9/x.css">',
    "attribute": '" autofocus onfocus="window.pwned = 1" onerror="window.pwned = 1" x="',
    "quotes": "' onmouseover='window.pwned = 1' x='",
    "javascript url": "javascript:window.pwned=1",
    "refresh": '<meta http-equiv="refresh" content="0; url=javascript:window.pwned=1">',
    "template": "{{ 7*7 }} {% raw %} ${7*7}",
    "comment": "<!-- <script> -->",
    "separators": "one\u2028two\u2029three",
    "nul": "one\0two",
    "placeholders": "\0d\0 \0i\0 $& $1",
    "lone surrogates": "one\ud800two\udfffthree",
    "override": "abc\u202eyxw\u2066 \u05d0\u05d1",
    "long word": "w" * 20_000,
}

PHONE = {"width": 360, "height": 740}
WIDER = "[document.documentElement, document.getElementById('lineage-body')].map(e => e.scrollWidth - e.clientWidth)"
"""By how many pixels page and lineage are wider than what is seen of them."""

KEPT = {
    **{"id": "a0", "stage": "respond", "reason": None, "detail": None, "instruction": "How do mosses drink?"},
    **{"input": "", "output": "Through the surface of their leaves.", "task_type": "closed_book_qa"},
    **{"characteristic": "critical_thinking", "style": "question", "origin": "seed", "round": 0, "document": 0},
    **{"text": None, "passages": [[0, 0.91], [1, 0.44]], "counterexamples": [], "reward": 0.25, "pulls": 7},
    **{"similarity": 0.5, "verdicts": [["needs_document", 0.125], ["unsafe", None]], "tokens": 5},
    **{"response_tokens": 40, "completion": None, "finish_reason": "stop", "teacher": "teacher-1"},
    **{"prompt_digest": "feed", "prompt": [0, "Text:\n\0d\0\nWrite a question."]},
    **{"response_prompt": [None, "Background: \0p0\0 \0p1\0\n\n\0i\0"]},
}
REJECTED = {"output": None, "similarity": None, "reward": None, "pulls": None, "response_tokens": None, "passages": []}
ROWS = [
    KEPT,
    {
        **KEPT,
        **{"id": "a1", "instruction": "Sort these letters of the monastery.", "input": "b a c", "output": "a b c"},
        **{"task_type": "code", "characteristic": "creativity", "style": "command", "origin": "augment", "round": 2},
        **{"document": 1, "reward": 0.75, "pulls": 1, "similarity": -0.25, "tokens": 9, "response_tokens": 3},
        **{"counterexamples": [["a0", "How do mosses drink?"]], "prompt": [0, "Think different:\n- \0c0\0\n\0d\0"]},
    },
    {**KEPT, **REJECTED, "id": "s0", "stage": "seed", "reason": "near_repeat", "instruction": "How does moss drink?"},
    {
        **{**KEPT, **REJECTED, "id": "g0", "stage": "augment", "reason": "near_repeat", "detail": "0.97 to a1"},
        **{"instruction": "Sort the letters.", "completion": "Sort the letters.\n\nA: yes", "round": 1, "tokens": 4},
    },
    {"id": "p0", "stage": "prescreen", "reason": "too_short", "text": "See also chapter four."},
]
HEADINGS = [row.get("instruction") or row["text"] for row in ROWS]
DOCUMENTS = [
    {"id": "d0", "source": "moss.txt", "text": "Mosses drink through their leaves. " * 60, "cut": True},
    {"id": "d1", "source": "scribes.jsonl:2", "text": "A scribe ruled the parchment.", "cut": False},
]
SHARED = [[{"role": "user", "content": "Text: bees. Write a question."}, {"role": "assistant", "content": "How?"}]]
SVG = b'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 8 4"/>'
GROWTH = {"name": "growth", "title": "Growth", "caption": "The pool.", "alt": "A line.", "note": None}
FIGURES = [
    SimpleNamespace(**GROWTH, light=SVG, dark=SVG + b" "),
    SimpleNamespace(name="verbs", title="Verbs", caption="", alt="", note="Needs a parser.", light=None, dark=None),
]
RUN = Page(
    title="demo",
    tiles=[("pairs", "2")],
    notes=["2 of 7 pairs are shown."],
    stages=[
        StageFigures("prescreen", 10, 9, {"too_short": 1}, 9, 0, 900, 9, 1.5, None),
        StageFigures("seed", 9, 6, {"near_repeat": 2, "truncated": 1}, 9, 3, 900, 90, 75.0, 0.5),
        StageFigures("augment", 12, 8, {"near_repeat": 4}, 12, 0, 2000, 120, 7200.0, 1.25),
        StageFigures("respond", 8, 7, {"refusal": 1}, 8, 0, 800, 300, 60.0, None),
    ],
    tables=[
        Table(
            "instructions", "Form of the instructions", "31 of 32.", ("instructions", "rows"), [[("seed", ["32"])]], []
        )
    ],
    figures=FIGURES,
    metrics={"demo": {"rows": 7, "tokens": {"mean": 9.5}}, "other": {"rows": 52002, "tokens": {"mean": 14.123}}},
    records={"documents": DOCUMENTS, "shared": SHARED, "rows": ROWS},
)


@pytest.fixture(scope="module")
def browser():
    with open_browser() as browser:
        yield browser


@pytest.fixture
def show(browser, tmp_path):
    """Opens a report; all are closed after the test."""
    opened, numbers = [], count()

    def show(page: Page = RUN, **options) -> Watched:
        opened.append(Watched(browser, tmp_path / f"report{next(numbers)}.html", render_page(page), **options))
        return opened[-1]

    yield show
    for watched in opened:
        watched.context.close()


@pytest.fixture(scope="module")
def watched(browser, tmp_path_factory):
    """The report of RUN, in a window of a desktop."""
    watched = Watched(browser, tmp_path_factory.mktemp("run") / "report.html", render_page(RUN))
    yield watched
    watched.context.close()


@pytest.fixture
def page(watched):
    """The same, as it is when it has been opened."""
    watched.open()
    return watched.page


def lines(page):
    return page.locator(".row:not([hidden]) .what")


def open_row(page, place=0, row=KEPT["id"]):
    """Clicks on a line and returns the lineage that opens, when it is there."""
    page.locator(".row").nth(place).click()
    page.wait_for_selector(f'#lineage[data-row="{row}"]')
    return page.locator("#lineage-body")


def everywhere(*texts: str) -> Page:
    """A report that has texts in every place where a run can put them."""
    rows, figures = [], []
    for place, text in enumerate(texts):
        row = {**dict.fromkeys(KEPT, text), **dict.fromkeys(("reason", "reward", "pulls", "similarity"))}
        row |= {"id": f"kept {place}", "stage": "respond", "round": 0, "document": place, "tokens": 1}
        row |= {"passages": [[text, 0.5]], "counterexamples": [[text, text]], "verdicts": [[text, 0.5]]}
        row |= {"completion": f"A: {text}", "response_tokens": 1}
        row |= {"prompt": [place, "\0d\0"], "response_prompt": [None, "\0p0\0"]}
        rows += [row, {**row, "id": f"rejected {place}", "stage": text, "reason": text}]
        says = dict.fromkeys(("name", "title", "caption", "alt", "note"), text)
        svg = text.encode("utf-8", "replace") if len(text) < 1000 else None
        figures += [SimpleNamespace(**says, light=None, dark=None), SimpleNamespace(**says, light=svg, dark=svg)]
    return Page(
        title=" ".join(texts),
        tiles=[(text, text) for text in texts],
        notes=texts,
        stages=[StageFigures(text, 2, 1, {text: 1}, 1, 0, 1, 1, 1.0, None) for text in texts],
        tables=[
            Table(f"table-{place}", *(text, text), (text, text), [[(text, [text])]], [])
            for place, text in enumerate(texts)
        ],
        figures=figures,
        metrics={text: {text: {text: text}} for text in texts},
        records={
            "documents": [{"id": text, "source": text, "text": text, "cut": True} for text in texts],
            "shared": [[{"role": text, "content": text}] for text in texts],
            "rows": rows,
        },
    )


# hostile texts


@pytest.fixture(scope="module", params=["markup and signs", "long word"])
def hostile(request, browser, tmp_path_factory):
    """A report full of hostile texts on a phone, and what the lineage of each row has shown: (line of the list, texts)."""
    texts = [text for name, text in HOSTILE.items() if (name == "long word") == (request.param == "long word")]
    path = tmp_path_factory.mktemp("hostile") / "report.html"
    watched = Watched(browser, path, render_page(everywhere(*texts)), viewport=PHONE)
    page, lineages = watched.page, []
    page.focus("#list")
    page.keyboard.press("Enter")
    for row in (f"{kind} {place}" for place in range(len(texts)) for kind in ("kept", "rejected")):
        page.wait_for_selector(f'#lineage[data-row="{row}"]')
        page.evaluate("document.querySelectorAll('#lineage details').forEach(folded => (folded.open = true))")
        # a fold is filled when it has said that it is open
        expect(page.locator("#lineage details:not(:has(.text))")).to_have_count(0)
        line = page.locator("#" + page.locator("#list").get_attribute("aria-activedescendant"))
        lineages.append(
            (line.locator(".what").text_content(), page.locator("#lineage .text:not(dd *)").all_text_contents())
        )
        page.keyboard.press("ArrowRight")
    yield SimpleNamespace(texts=texts, page=page, incidents=watched.incidents, lineages=lineages)
    watched.context.close()


@pytest.mark.parametrize(
    "places",
    [
        *("h1", ".tiles dt", ".tiles dd", "header .note", "#funnel h3 span:first-child", "#cost tbody th"),
        *("#funnel li:nth-child(2) .name", "#metrics thead th:first-child"),
        "#metrics .wide:first-child thead th + th",
        *("figure:nth-child(odd) h3", "figure:nth-child(odd) .absent", "figure:nth-child(odd) figcaption"),
    ],
)
def test_hostile_texts_stand_in_the_page_as_they_are_but_for_control_characters(hostile, places):
    texts = [visible(text) for text in hostile.texts]
    assert hostile.page.locator(places).all_text_contents() == ([" ".join(texts)] if places == "h1" else texts)


def test_hostile_texts_stand_in_a_lineage_and_in_the_list_as_they_are(hostile):
    texts = [re.sub("[\ud800-\udfff]", "\ufffd", text) for text in hostile.texts for _ in ("kept", "rejected")]
    # instruction, input, response; completion; document, counterexample, passage and three turns
    assert [shown for _, shown in hostile.lineages] == [[text] * 3 + [f"A: {text}"] + [text] * 6 for text in texts]
    assert [line.removesuffix("…") for line, _ in hostile.lineages] == [text[:300] for text in texts]


def test_a_report_holds_no_control_character_of_a_run():
    hostile = "\x1b]0;title\x07 \x9b31m \u202eevil\u2066 \x85\u2028"
    html = render_page(everywhere(hostile, "Mosses\nare\tplants.")).decode()
    assert [ch for ch in hostile if not ch.isprintable() and ch in html] == []
    assert visible(hostile) in html and "Mosses\nare\tplants." in html


def test_nothing_in_a_text_runs_sends_anything_or_makes_a_phone_scroll_sideways(hostile):
    assert (hostile.page.evaluate("window.pwned"), hostile.incidents) == (None, [])
    assert hostile.page.evaluate(WIDER) == [0, 0]


def test_a_right_to_left_text_has_its_own_direction(show):
    page = show(everywhere("\u05e9\u05dc\u05d5\u05dd abc")).page
    direction = "getComputedStyle(document.querySelector('.row .what')).direction"
    assert page.evaluate(direction) == "rtl"


def test_no_source_makes_markup_of_text():
    source = "".join((page_module.FOLDER / name).read_text() for name in ("page.js", "lineage.js", "page.html"))
    makers = r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|srcdoc|new Function"
    assert not re.findall(makers, source)
    assert not re.findall(r"<[a-z][^>]*\s(?:style|on\w+)=", render_page(RUN).decode().split("<script")[0])


# the content security policy


def test_the_policy_allows_the_two_inline_blocks_and_data_images_only():
    (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]*)"', render_page(RUN).decode())
    assert re.sub(r"sha256-[A-Za-z0-9+/]{43}=", "sha256", policy) == (
        "default-src 'none'; script-src 'sha256'; style-src 'sha256'; img-src data:; base-uri 'none'; form-action 'none'"
    )


@pytest.mark.parametrize(
    "foreign",
    [
        "const added = document.createElement('script'); added.textContent = 'window.pwned = 1'; document.body.append(added)",
        "document.body.setAttribute('onclick', 'window.pwned = 1'); document.body.click()",
    ],
    ids=["script", "handler"],
)
def test_what_is_foreign_does_not_run(page, foreign):
    page.evaluate(foreign)
    assert page.evaluate("window.pwned") is None


# the bytes


def test_the_same_run_gives_the_same_bytes(monkeypatch):
    first = render_page(RUN)
    monkeypatch.setattr(time, "time", lambda: 2e9)
    assert render_page(RUN) == first


def test_what_is_no_number_travels_as_null():
    html = render_page(Page("x", records={"rows": [{**KEPT, "similarity": float("nan")}], "documents": DOCUMENTS}))
    (payload,) = re.findall(rb'id="records">([^<]*)<', html)
    (row,) = json.loads(gzip.decompress(base64.b64decode(payload)))["rows"]
    assert row["similarity"] is None


def test_nested_metrics_become_lines_of_a_group():
    metrics = {"ours": {"rows": 2, "length": {"per_word": {"mean": 3}}, "top": [1]}, "other": {"length": None}}
    assert metric_groups(metrics) == {"": {"rows": [2, None]}, "length": {"per word · mean": [3, None]}}


# what stands on the page


@pytest.mark.parametrize(
    ("place", "text"),
    [
        ("#funnel li:has-text('truncated')", "truncated 1 11.1%"),
        ("#cost tbody tr:has-text('seed')", "seed 9 6 9 3 900 90 1.2 min 0.50"),
        ("#cost tfoot tr", "all 38 3 4,600 519 2.0 h 1.75"),
        ("#metrics tr:has-text('rows')", "rows 7 52,002"),
        ("#metrics tr:has-text('mean')", "mean 9.50 14.12"),
        ("figure:has-text('Verbs')", "Verbs Needs a parser."),
        ("#count", "5 of 5 rows, a sample of 16"),
    ],
)
def test_the_page_says(watched, place, text):
    assert " ".join(watched.page.locator(place).inner_text().split()) == text


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_scheme_has_its_figures_and_ground_and_print_is_light(show, scheme):
    page = show(color_scheme=scheme).page
    source = page.locator("figure img").evaluate("image => image.currentSrc")
    assert base64.b64decode(source.split(",")[1]) == getattr(FIGURES[0], scheme)
    red = "Number(getComputedStyle(document.body).backgroundColor.match(/\\d+/)[0])"
    assert (page.evaluate(red) < 60) == (scheme == "dark")
    page.emulate_media(media="print")
    assert page.evaluate(red) > 200


def test_without_scripts_the_page_says_so(show):
    page = show(java_script_enabled=False).page
    expect(page.locator("noscript p")).to_be_visible()


def test_an_old_browser_is_told_so(show):
    page = show(before="delete window.DecompressionStream").page
    expect(page.locator("#message")).to_contain_text("too old")


# search, filters, order


@pytest.mark.parametrize(
    ("words", "found"),
    [
        ("MOSS", [0, 2, 3]),  # of an instruction or a source
        ("monastery  letters", [1]),
        ("surface leaves", [0]),
        ("b a c", [1]),
        ("chapter", [4]),
        ("<b>", []),
    ],
)
def test_search_wants_every_word(page, words, found):
    page.fill("#search", words)
    expect(lines(page)).to_have_text([HEADINGS[place] for place in found])
    expect(page.locator("#empty")).to_be_visible(visible=not found)


@pytest.mark.parametrize(
    ("select", "option", "found"),
    [
        ("status", "kept (2)", [0, 1]),
        ("status", "near_repeat (2)", [2, 3]),
        ("stage", "prescreen (1)", [4]),
        ("task_type", "code (1)", [1]),
        ("task_type", "none (1)", [4]),
        ("characteristic", "creativity (1)", [1]),
        ("style", "command (1)", [1]),
        ("round", "0 (seeds) (2)", [0, 2]),
        ("round", "2 (1)", [1]),
    ],
)
def test_a_filter_leaves_what_fits(page, select, option, found):
    page.select_option(f"#{select}", label=option)
    expect(lines(page)).to_have_text([HEADINGS[place] for place in found])


def test_a_search_and_filters_are_asked_for_together(page):
    page.select_option("#status", label="near_repeat (2)")
    page.fill("#search", "letters")
    expect(lines(page)).to_have_text([HEADINGS[3]])
    page.select_option("#stage", label="seed (1)")
    expect(lines(page)).to_have_text([])


@pytest.mark.parametrize(("key", "largest"), [("response length", 0), ("similarity", 0), ("reward", 1), ("pulls", 0)])
def test_order_is_the_largest_first_or_last_and_rows_without_a_number_come_after(page, key, largest):
    page.select_option("#sort", label=key)
    expect(lines(page)).to_have_text([HEADINGS[place] for place in (largest, 1 - largest, 2, 3, 4)])
    page.click("#direction")
    expect(lines(page)).to_have_text([HEADINGS[place] for place in (1 - largest, largest, 2, 3, 4)])


def test_figures_of_a_small_model_are_there_to_sort_and_filter_only_where_a_row_has_them(page, show):
    assert "IFD" not in page.locator("#sort").inner_text()
    expect(page.locator("label", has=page.locator("#ifd"))).to_be_hidden()
    rows = [
        {**KEPT, "id": "a0", "ifd": 0.43, "answer_loss": 2.0},
        {**KEPT, "id": "a1", "instruction": "Why?", "ifd": 1.2},
    ]
    shown = show(replace(RUN, records={**RUN.records, "rows": rows}))
    shown.open()
    shown.page.select_option("#sort", label="IFD")
    expect(lines(shown.page)).to_have_text(["Why?", HEADINGS[0]])
    shown.page.select_option("#ifd", label="0.4 to 0.5 (1)")
    expect(lines(shown.page)).to_have_text([HEADINGS[0]])
    assert shown.incidents == []


def test_clear_brings_everything_back(page):
    page.fill("#search", "moss")
    page.select_option("#stage", label="seed (1)")
    page.select_option("#sort", label="reward")
    page.click("#clear")
    expect(lines(page)).to_have_text(HEADINGS)


def test_a_bar_of_the_funnel_opens_its_rows(page):
    page.fill("#search", "nowhere")
    page.locator(".stage", has_text="augment").get_by_role("button", name="near_repeat").click()
    expect(lines(page)).to_have_text([HEADINGS[3]])
    expect(page.locator("#list")).to_be_in_viewport()


def test_a_reason_without_rows_on_the_page_is_no_button(page):
    expect(page.locator("#funnel li", has_text="truncated").get_by_role("button")).to_have_count(0)


# lineage


@pytest.fixture(scope="module")
def opened(watched):
    """What the lineage of each row shows when its line is clicked."""
    watched.open()
    return [open_row(watched.page, place, row["id"]).inner_text() for place, row in enumerate(ROWS)]


@pytest.mark.parametrize(
    ("place", "text"),
    [
        (0, "Through the surface of their leaves."),
        (0, "feed"),
        (0, "teacher-1"),
        (0, "moss.txt"),
        (0, "needs_document\n0.125"),
        (0, "unsafe\nneither yes nor no"),
        (0, "scribes.jsonl:2\n0.440"),
        (1, "b a c"),
        (1, "Had to differ from\nHow do mosses drink?"),
        (
            1,
            "user\nText: bees. Write a question.\nassistant\nHow?\nuser\nThink different:\n- How do mosses drink?\nA scribe",
        ),
        (3, "near_repeat rejected in augment: 0.97 to a1"),
        (3, "What the teacher wrote\nSort the letters.\n\nA: yes"),
        (4, "too_short rejected in prescreen"),
        (4, "Document\nSee also chapter four."),
    ],
)
def test_a_click_opens_the_lineage(opened, place, text):
    assert re.sub(r"\n\n+", "\n", text) in re.sub(r"\n\n+", "\n", opened[place])


def test_a_long_text_unfolds(page):
    body = open_row(page)
    body.locator("h3:text-is('Document') ~ details summary").first.click()
    expect(body.locator("details[open] .text")).to_have_text(DOCUMENTS[0]["text"].strip())


def test_keys_and_buttons_open_turn_and_close(page):
    page.focus("#list")
    seen = []
    for key in ("ArrowDown", "Enter", "ArrowRight", "ArrowRight", "ArrowLeft", "Escape"):
        page.keyboard.press(key)
        if page.locator("#lineage").is_visible():
            seen.append(page.locator("#lineage-title").text_content())
    assert seen == ["2 of 5", "3 of 5", "4 of 5", "3 of 5"]
    expect(page.locator("#list")).to_be_focused()
    open_row(page)
    page.click("#next")
    expect(page.locator("#lineage-body .instruction")).to_have_text(HEADINGS[1])


def test_the_list_names_its_chosen_row_to_a_screen_reader(page):
    page.focus("#list")
    page.keyboard.press("End")
    chosen = page.locator("#list").get_attribute("aria-activedescendant")
    expect(page.locator(f"#{chosen} .what")).to_have_text(HEADINGS[-1])


def test_typing_in_the_search_keeps_the_focus_there(page):
    open_row(page)
    page.keyboard.press("/")
    page.keyboard.type("letters")
    expect(lines(page)).to_have_text([HEADINGS[1], HEADINGS[3]])
    expect(page.locator("#search")).to_be_focused()


# sizes


def test_a_run_opens_on_a_phone_without_an_incident_and_scrolls_sideways_nowhere(show):
    watched = show(viewport=PHONE)
    open_row(watched.page)
    assert (watched.page.evaluate(WIDER), watched.incidents) == ([0, 0], [])


def test_of_ten_thousand_rows_few_are_elements_of_the_page_and_all_can_be_reached(show):
    rows = [{**KEPT, "id": str(number), "instruction": f"Instruction {number}"} for number in range(10_000)]
    page = show(replace(RUN, records={**RUN.records, "rows": rows})).page
    assert page.locator(".row").count() < 60
    page.focus("#list")
    page.keyboard.press("End")
    expect(page.get_by_text("Instruction 9999", exact=True)).to_be_in_viewport()
    page.fill("#search", "Instruction 7777")
    expect(lines(page)).to_have_text(["Instruction 7777"])
    expect(open_row(page, row="7777").locator(".instruction")).to_have_text("Instruction 7777")


@pytest.mark.parametrize(
    ("rows", "says"), [([], "There are no rows."), ([{}], "1 of 1 rows"), ([KEPT], "1 of 1 rows")]
)
def test_small_data(show, rows, says):
    watched = show(Page("small", records={"documents": DOCUMENTS, "rows": rows}))
    expect(watched.page.locator("#count")).to_have_text(says)
    if rows:
        expect(open_row(watched.page, row=rows[0].get("id", ""))).to_contain_text("kept")
    assert watched.incidents == []

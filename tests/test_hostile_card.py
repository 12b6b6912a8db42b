"""Nothing in the run.json of somebody else becomes Markdown, HTML or a key of the head, whatever it contains."""

import copy
import re

import pytest
import yaml
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fanno_hf.output.card import render_card
from fanno_hf.output.manifest import fault_of
from fanno_hf.output.markdown import code, fence, plain
from fanno_hf.output.table import funnel_table, table
from fanno_hf.pipeline.plan import tables_of
from tests.test_output import ENTRY

NASTY = [
    "<img src=x onerror=alert(1)>",
    "</details><script>alert(1)</script>",
    "[x](javascript:alert(1))",
    "![x](https://example.org/x.png)",
    "<https://example.org>",
    "`` ` ```\n```\n# heading",
    "a | b \\| c \\\\| d",
    "\n---\nlicense: mit\n---\n",
    "\n\n- a list\n1. a list\n> said\n\n===\n",
    "| a | b |\n| --- | --- |",
    "&lt;b&gt; &#60;b&#62;",
    "*a* __b__ ~~c~~ $d$",
    "\r\u2028\x1b[31m\x07\u202e",
    "https://example.org www.example.org me@example.org @me #1",
    "$(rm -rf ~); `id`",
]
OURS = {
    "https://arxiv.org/abs/2408.01323",
}
MARKDOWN = MarkdownIt("commonmark").enable("table")


def hostile(text: str) -> dict:
    """A run.json that has a text wherever it may have any."""
    entry = copy.deepcopy(ENTRY) | dict.fromkeys(("teacher", "embedder", "tokenizer", "judge", "fingerprint"), text)
    entry |= {"command": f"python -m fanno_hf {text}", "rejected": {text: 2, "too_short": 1}}
    entry |= {"digests": {"tags": text, "rules": text}, "output": "0" * 64}
    entry["documents"] = dict.fromkeys(("name", "config", "split", "revision", "license"), text)
    stages = {}
    for stage in ("prescreen", "seed"):
        config = {"stages": {stage: {text: text, "markup": [text]}}, "prompts": {text: text}, "random_seed": 0}
        stages[stage] = {**entry, "config": config}
    return {"format": 1, "fanno_hf": text, "packages": {text: text}, "stages": stages}


def tokens(body: str):
    for token in MARKDOWN.parse(body):
        yield token
        yield from token.children or ()


def parts(card: str) -> tuple[dict, str]:
    """The head and the body, as the Hub tells them apart."""
    head, body = re.match(r"^\s*---[\r\n]+([\S\s]*?)[\r\n]+---(?:\r\n|\r|\n|$)([\S\s]*)", card).groups()
    return yaml.safe_load(head), body


def check(text: str) -> None:
    """Raises unless the card of a hostile run.json has the markup of our own, and only that."""
    manifest = hostile(text)
    head, body = parts(render_card(manifest, "demo"))
    assert set(head) <= {"license", "pretty_name", "task_categories", "tags", "size_categories", "configs"}
    assert [config["config_name"] for config in head["configs"]] == [table.name for table in tables_of(manifest)]
    found = list(tokens(body))
    html = [token.content.strip() for token in found if token.type in ("html_block", "html_inline")]
    assert html == ["<details><summary>Parameters of each stage</summary>", "</details>"]
    assert {token.attrs["href"] for token in found if token.type == "link_open"} <= OURS
    assert not [token for token in found if token.type == "image"]
    headings = [b.content for a, b in zip(found, found[1:], strict=False) if a.type == "heading_open"]
    assert headings == ["demo", *HEADINGS]
    rows = [token for token in found if token.type == "tr_open"]
    assert len(rows) == TABLE_ROWS


HEADINGS = [
    "Load it",
    "Where it comes from",
    "Funnel",
    "Reproduce it",
    "Limits and known biases",
    "Citation",
]
TABLE_ROWS = sum(token.type == "tr_open" for token in tokens(parts(render_card(hostile("moss"), "demo"))[1]))


@pytest.mark.parametrize("text", NASTY)
def test_what_a_run_json_says_is_no_markup(text):
    assert fault_of(hostile(text)) is None
    check(text)


@given(st.lists(st.sampled_from([*NASTY, *"\\|`<>[]()!*_-#&\n\r \t:'\"", "a"]), max_size=8).map("".join))
@settings(max_examples=60, deadline=None, derandomize=True)
def test_no_mixture_of_it_is_markup(text):
    check(f"x{text}")


@pytest.mark.parametrize("text", ["moss\u202e\u2066", "\x1b[2J\x9b31m", "a\u2028b\x85c", "zero\u200bwidth\ufeff"])
def test_no_control_character_is_in_a_card(text):
    card = render_card(hostile(text), "demo")
    assert [ch for ch in card if not ch.isprintable() and ch != "\n"] == []


def test_a_command_that_does_more_than_start_fanno_hf_is_not_shown():
    manifest = hostile("stage=seed; rm -rf ~")
    card = render_card(manifest, "demo")
    assert "python -m fanno_hf stage=seed; rm" not in card
    assert "python -m fanno_hf   # the options were not recorded" in card


def test_a_version_that_is_none_is_not_shown():
    assert "pip install fanno_hf   # which one was not recorded" in render_card(hostile('1"; id "'), "demo")


def test_a_licence_that_is_no_name_stays_out_of_the_head():
    head, body = parts(render_card(hostile("mit\n---\ntags: [x]"), "demo"))
    assert "license" not in head
    assert "| licence of the documents | `mit --- tags: [x]` |" in body


@pytest.mark.parametrize("text", NASTY)
def test_the_caption_of_a_figure_is_text(text):
    figure = {"name": "pulls", "alt": text, "caption": text}
    found = list(tokens(render_card(hostile("moss"), "demo", figures=[figure])))
    assert [token.attrs["src"] for token in found if token.type == "image"] == ["figures/pulls.png"]
    assert not [token for token in found if token.type in ("html_inline", "em_open", "code_inline_x")]


def test_a_funnel_on_the_terminal_has_no_control_characters():
    shown = funnel_table(hostile("\x1b[2J\nmoss\u202e"))
    assert all(line.isprintable() for line in shown.splitlines())
    assert len(shown.splitlines()) == 4


def test_any_table_on_the_terminal_has_one_line_a_row():
    assert len(table(("a", "b"), [("x\ny", "\x07z")]).splitlines()) == 3


@given(st.text(alphabet="`a\n ", max_size=12))
@settings(max_examples=50, deadline=None, derandomize=True)
def test_a_fence_is_closed_by_its_own_end_alone(text):
    assert [token.type for token in MARKDOWN.parse(fence(text))] == ["fence"]


@pytest.mark.parametrize("text", NASTY)
def test_code_and_plain_text_are_one_line(text):
    assert "\n" not in code(text) + plain(text)

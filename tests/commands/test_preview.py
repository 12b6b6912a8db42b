"""stage=preview: what it shows of each passage, and that the run asks for none of it again."""

import io
import json
import re
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest

from fanno_hf.cli.configuration import resolve
from fanno_hf.commands.preview import preview
from fanno_hf.commands.previewed import Previewed, Step, Way, parts_of
from fanno_hf.errors import BudgetReached, TeacherUnavailable, UserError
from fanno_hf.pipeline.run import execute
from fanno_hf.teacher.base import Completion, Request
from fanno_hf.texts.fit import visible
from tests.conftest import DOCUMENTS, SMALL, compose_config, write_documents

# answers to the same instruction whatever else is in the run, and every seed for itself
ALONE = ("stages.respond.mode=direct", "stages.prescreen.communities.threshold=null")


@pytest.fixture
def settings(tmp_path):
    """A function from overrides to the settings of a run of DOCUMENTS that logs its requests in `tmp_path`/log."""
    write_documents(tmp_path / "documents.jsonl")
    given = (*SMALL, "data=files", f"data.path={tmp_path / 'documents.jsonl'}", "preview.rows=3")
    given += (f"run={tmp_path / 'run'}", f"teacher.log={tmp_path / 'log'}")
    return lambda *overrides: resolve(compose_config(*given, *overrides))


@pytest.fixture
def sent(tmp_path):
    """A function that takes the keys of the requests sent since its last call."""

    def take() -> set[str]:
        log = tmp_path / "log"
        keys = log.read_text().split() if log.exists() else []
        log.unlink(missing_ok=True)
        return set(keys)

    return take


@pytest.fixture
def shown(settings, capsys):
    """A function from overrides to what a preview prints."""

    def do(*overrides: str) -> str:
        preview(settings(*overrides))
        return capsys.readouterr().out

    return do


# ---- the same requests as the run's


def test_a_run_asks_for_what_was_previewed_and_more_and_sends_none_of_it_again(settings, sent, tmp_path):
    preview(settings(*ALONE))
    previewed = sent()
    execute(settings(*ALONE, f"run={tmp_path / 'apart'}"))  # with a journal of its own
    alone = sent()
    assert len(previewed) > 10 and previewed < alone
    execute(settings(*ALONE))
    assert sent() == alone - previewed


@pytest.mark.parametrize("overrides", [(), ("stages.prescreen.longest_first=true",)])
def test_a_preview_after_the_run_sends_nothing(settings, sent, overrides):
    execute(settings(*overrides))
    sent()
    preview(settings(*overrides))
    assert sent() == set()


def test_passages_that_are_prescreened_bring_those_of_the_whole_run_into_the_prompt(settings, shown):
    alone = shown("preview.rows=1")
    execute(settings("stage=prescreen"))
    assert "  passages  1," in alone and "  passages  2," in shown("preview.rows=1")


@pytest.mark.parametrize("overrides", [(), ("stages.prescreen.min_tokens=21",)])
def test_what_was_prescreened_with_other_settings_is_not_taken(settings, shown, overrides):
    execute(settings("stage=prescreen", "stages.prescreen.verdicts.low_quality=null"))
    assert "low_quality 0." in shown(*overrides)


# ---- what it leaves


def previewed(folder: Path, *overrides: str, documents: Sequence[str] = DOCUMENTS) -> str:
    """What a preview of documents prints that leaves what it leaves in `folder`/run."""
    said, path = io.StringIO(), write_documents(folder / "documents.jsonl", documents)
    with redirect_stdout(said):
        preview(
            resolve(compose_config(*SMALL, "data=files", f"data.path={path}", f"run={folder / 'run'}", *overrides))
        )
    return said.getvalue()


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Where the preview of all eight documents leaves what it leaves."""
    return tmp_path_factory.mktemp("preview")


@pytest.fixture(scope="module")
def whole(folder) -> str:
    """What a preview of all eight documents prints: some become pairs and some do not."""
    return previewed(folder, "preview.rows=8")


def test_only_the_journal_is_written(whole, folder):
    assert [path.name for path in (folder / "run").iterdir()] == ["journal.sqlite"], whole


def test_a_shared_journal_leaves_no_run_folder(settings, tmp_path):
    preview(settings(f"journal={tmp_path / 'shared.sqlite'}"))
    assert not (tmp_path / "run").exists() and (tmp_path / "shared.sqlite").exists()


def test_a_finished_run_stays_as_it_is(settings, tmp_path):
    folder = execute(settings()).path

    def files():
        names = [path for path in folder.rglob("*") if path.is_file() and not path.name.startswith("journal")]
        return {path: path.read_bytes() for path in names}

    before = files()
    preview(settings("stages.seed.max_tokens=99"))
    assert files() == before


# ---- what it shows


def test_undecided_verdicts_are_shown_and_stop_nothing(shown):
    limits = [f"stages.{stage}.undecided_limit=0.0" for stage in ("prescreen", "seed", "respond")]
    assert "low_quality undecided" in shown("top_logprobs=0", "preview.rows=8", *limits)


@pytest.mark.parametrize(
    "words",
    [
        r"\n━━ \d+ documents.jsonl:1, \d+ tokens\nprescreen\n",
        r"  verdicts  low_quality 0\.\d{3}, private_information 0\.\d{3}, advertisement 0\.\d{3}\n  kept\nseed",
        r"  prompt\n  │ Kind of task: .*\n  │ \n  │ Text:\n  │ Mosses are small plants",
        r"  completion, \d+ tokens\n  │ \w",
        r"  kind  \w+, \w+, \w+\n  instruction\n  │ \w",
        r"  rules  no objection\n",
        r"  verdicts  needs_document 0\.\d{3}, unsafe",
        r"respond\n  passages  2, similarity to the instruction -?0\.\d{3}, ",
        r"  prompt\n  │ Some background that may help:",
        r"\npair [0-9a-f]{16}\n",
        r"  DROPPED  \w+: .+ \(at: [\w ]+\)\nno pair: \w+\n",
        r"\npairs: \d, dropped: \d \(\w+ \d",
        r"\n\d+ requests sent, 0 answered by the journal, ",
    ],
)
def test_a_preview_shows(whole, words):
    assert re.search(words, whole)


@pytest.mark.parametrize("words", ["earlier turns of every seed prompt", "how verdicts are asked for in prescreen"])
def test_what_is_the_same_for_all_is_shown_once(whole, words):
    assert whole.count(words) == 1


def test_the_schema_of_an_answer_is_shown_with_its_prompt():
    request = Request([{"role": "user", "content": "Ask."}], max_tokens=9, schema={"type": "object"})
    parts = list(parts_of(Step("seed", {"instruction": None}, [(request, Completion("Why?"))])))
    shown = next(part for part in parts if part.label.startswith("JSON schema beside every seed prompt"))
    assert (json.loads(shown.text), shown.is_general) == ({"type": "object"}, True)


def test_passages_are_shown_in_their_order(shown):
    sources = re.findall(r"^━━ \d+ documents.jsonl:(\d)", shown("stages.seed.combinations=1"), re.MULTILINE)
    assert sources == ["1", "2", "3"]


def test_more_documents_are_read_until_enough_pass_the_rules(shown, tmp_path):
    write_documents(tmp_path / "documents.jsonl", ["Too short.", *["No."] * 20, *DOCUMENTS[:2]])
    said = shown("preview.rows=2")
    assert "Mosses are small plants" in said and "Tides turn turbines" in said
    assert "dropped by rules, 21 passages in all: too_short 21" in said


def test_where_the_rules_leave_nothing_it_says_so(shown, tmp_path):
    write_documents(tmp_path / "documents.jsonl", ["Too short."])
    said = shown()
    assert "  text\n  │ Too short.\n  DROPPED  too_short: 3 tokens < 20 (at: text rules)\nno pair: too_short" in said
    assert "pairs: 0, dropped: 1 (too_short 1)\n0 requests sent" in said


# ---- trouble


def test_a_source_without_documents_is_said(settings, tmp_path):
    write_documents(tmp_path / "documents.jsonl", [])
    with pytest.raises(UserError, match="The data source holds no document"):
        preview(settings())


def test_a_dead_server_is_said(documents, tmp_path):
    dead = ("teacher=openai", "teacher.base_url=http://127.0.0.1:9", "teacher.model=x", "teacher.patience=0")
    given = ("data=files", f"data.path={documents}", f"run={tmp_path / 'run'}")
    with pytest.raises(TeacherUnavailable):
        preview(resolve(compose_config(*SMALL, *dead, *given)))


def test_a_spent_budget_leaves_what_was_shown_on_the_page(settings, capsys, tmp_path):
    page = tmp_path / "page.html"
    with pytest.raises(BudgetReached):
        preview(settings("teacher.concurrency=1", "budget.requests=20", f"preview.html={page}"))
    assert "━━ 1" in capsys.readouterr().out and "<h2" in page.read_text()


def test_a_page_that_cannot_be_written_is_said_before_anything_is_asked(settings, sent, tmp_path):
    with pytest.raises(UserError, match=r"preview.html=.*name another file"):
        preview(settings(f"preview.html={tmp_path / 'none' / 'page.html'}"))
    assert sent() == set()


# ---- hostile texts


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a\x1b[2Jb", "a\\x1b[2Jb"),
        ("a\r\nb\tc", "a\\r\nb\tc"),
        ("\x9b31m \x00\x7f", "\\x9b31m \\x00\\x7f"),
        ("\u202eevil\u2066", "\\u202eevil\\u2066"),
        ("a\u2028b", "a\\u2028b"),
        ("half \ud800", "half \\ud800"),
        ("\U000e0041", "\\U000e0041"),
        ("می\u200cخواهم, 👩\u200d🔬, naïve\u00a0日本\u3000", "می\u200cخواهم, 👩\u200d🔬, naïve\u00a0日本\u3000"),
    ],
)
def test_what_would_steer_a_terminal_is_written_out(text, expected):
    assert visible(text) == expected


HOSTILE = f"\x1b]0;owned\x07 <script>alert(1)</script> </pre>\n━━ 9 x.txt\r {DOCUMENTS[0]} {DOCUMENTS[1]}"


def test_a_hostile_document_cannot_steer_the_terminal(shown, tmp_path):
    write_documents(tmp_path / "documents.jsonl", [HOSTILE])
    said = shown()
    assert "\\x1b]0;owned\\x07" in said
    assert {ch for ch in said if ord(ch) < 32} == {"\n"}
    assert re.findall("^━━ (.)", said, re.MULTILINE) in (["1"], ["1", "2"])


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> bytes:
    """The page about hostile documents."""
    folder = tmp_path_factory.mktemp("page")
    page = folder / "preview.html"
    previewed(folder, "preview.rows=3", f"preview.html={page}", documents=[HOSTILE, *DOCUMENTS[:2]])
    return page.read_bytes()


def test_on_the_page_a_hostile_document_is_text(page):
    html = page.decode("utf-8")
    assert "&lt;script&gt;alert(1)&lt;/script&gt; &lt;/pre&gt;" in html
    assert "<script" not in html and "\x1b" not in html


def test_the_page_fits_every_window_and_asks_for_nothing(page, tmp_path):
    from tests.report.browser import Watched, open_browser

    with open_browser() as browser:
        # no script, so nothing says that it is ready
        watched = Watched(browser, tmp_path / "copy.html", page, java_script_enabled=False)
        watched.page.locator("summary").first.click()
        assert watched.page.locator("pre").first.is_visible()
        for width in (360, 1200):
            watched.page.set_viewport_size({"width": width, "height": 800})
            assert watched.page.locator("html").evaluate("page => page.scrollWidth") <= width
        assert watched.incidents == []


@pytest.mark.parametrize("text", ["\x1b" * 100_000, "-" * 100_000, " \t" * 50_000, "a" * 100_000, "\n" * 100_000])
def test_a_long_hostile_text_is_shown_at_once(text, capsys, monkeypatch):
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    row = {"source": text, "num_tokens": None, "text": text, "verdicts": None}
    shown = Previewed("page")
    shown.add(Way([Step("prescreen", {**row, "reason": "garbled", "detail": text, "phase": "text rules"})]))
    assert "no pair: garbled" in capsys.readouterr().out and b"garbled" in shown.html()


def test_a_terminal_without_the_letters_gets_escapes(monkeypatch):
    narrow = io.TextIOWrapper(io.BytesIO(), encoding="ascii")
    monkeypatch.setattr("sys.stdout", narrow)
    Previewed("page").say("Müsli")
    assert narrow.buffer.getvalue() == b"M\\xfcsli\n"

"""A run as Python has it: tables, funnel, report, and how it shows itself."""

import re
from html.parser import HTMLParser

import pytest

import fanno_hf
from fanno_hf.python.html import run_as_html
from tests.conftest import SMALL, edit_run_json


def test_its_tables_are_data_sets_and_add_up(whole):
    assert whole.pairs[0]["messages"][1]["role"] == "assistant"
    assert len(whole.pairs) == len(whole.stage("respond")) == whole.funnel["respond"]["kept"]
    for name, passed in whole.funnel.items():
        rejected = whole.rejected(name)
        assert passed["rows_in"] == len(whole.stage(name)) + len(rejected)
        assert passed["rejected"] == {
            reason: rejected["reason"][:].count(reason) for reason in rejected.unique("reason")
        }


def test_a_table_without_rows_has_its_columns(whole):
    empty = whole.rejected("respond")
    assert len(empty) == 0
    assert {"reason", "detail", "instruction"} <= set(empty.column_names)


def test_it_is_opened_by_folder_and_by_name(whole, monkeypatch):
    monkeypatch.chdir(whole.folder.parent)
    (whole.folder.parent / "runs").mkdir()
    (whole.folder.parent / "runs" / "named").symlink_to(whole.folder)
    for given in (whole.folder, str(whole.folder), "whole", "named"):
        assert fanno_hf.open(given).pairs[:] == whole.pairs[:]
    monkeypatch.chdir("/")
    assert len(whole.pairs) > 0  # wherever one is meanwhile


def test_what_is_no_run_and_what_is_not_done_is_one_sentence(tmp_path, whole):
    with pytest.raises(fanno_hf.UserError, match="^runs/nowhere is not a run|nowhere is not a run of fanno_hf"):
        fanno_hf.open(str(tmp_path / "nowhere"))
    with pytest.raises(
        fanno_hf.UserError, match="^'sed' is not a stage; did you mean 'seed'\\? There are: prescreen, "
    ):
        whole.stage("sed")
    begun = fanno_hf.run(None, *SMALL, "data.limit=8", "stage=prescreen", {"run": tmp_path / "begun"})
    with pytest.raises(fanno_hf.UserError, match="has no rows of respond yet: run stage=respond, or stage=all$"):
        _ = begun.pairs
    assert "instruction:" not in repr(begun)
    edit_run_json(begun.folder, lambda manifest: manifest["stages"]["prescreen"].update(kept=1), renew=False)
    with pytest.raises(fanno_hf.UserError, match="has been changed since fanno_hf wrote it"):
        fanno_hf.open(begun.folder)
    assert "has been changed since" in repr(begun) and "has been changed since" in begun._repr_html_()


def test_it_shows_itself_as_its_funnel_and_a_few_pairs(whole):
    words, page = repr(whole), whole._repr_html_()
    assert words.startswith(f"Run in {whole.folder}\n\n| stage     |  in | kept | rejected |")
    assert words.count("\ninstruction: ") == 3
    assert f"{len(whole.pairs)} pairs: load_dataset(" in words
    assert re.findall(r"<td[^>]*>(prescreen|seed|augment|respond)</td>", page) == list(whole.funnel)
    assert f"3 of {len(whole.pairs)} pairs" in page


HOSTILE = (
    '<img src=x onerror="alert(1)"> & <script>alert(2)</script>\u202e txt.exe $\\href{javascript:alert(3)}{x}$'
    " \x1b[31mred</td></table> 'q'"
)


class Tags(HTMLParser):
    """Every tag of a page with its attributes."""

    def __init__(self, page: str):
        super().__init__()
        self.found = []
        self.feed(page)

    def handle_starttag(self, tag, attributes):
        self.found.append((tag, {name for name, _ in attributes}))


def test_hostile_texts_stay_texts():
    class Hostile:
        manifest = {
            "stages": {
                "respond": {
                    **dict.fromkeys(("rows_in", "kept"), 1),
                    **dict.fromkeys(("requests", "from_journal", "prompt_tokens", "completion_tokens"), 0),
                    **{"rejected": {HOSTILE: 1}, "faults": {HOSTILE: 2}},
                }
            }
        }

        @staticmethod
        def stream_rows(*_, **__):
            yield {"instruction": HOSTILE, "input": "x" * 10_000, "output": HOSTILE}

    page = run_as_html(f"Run in /{HOSTILE}", Hostile)
    tags = Tags(page).found
    assert {tag for tag, _ in tags} == {"div", "p", "b", "table", "thead", "tbody", "tr", "th", "td"}
    assert set().union(*(attributes for _, attributes in tags)) == {"class", "style"}
    assert "\x1b" not in page and "\u202e" not in page
    assert tags[0] == ("div", {"class"}) and "mathjax_ignore" in page.partition(">")[0]  # no formula is made of a text
    assert len(page) < 10_000


@pytest.mark.parametrize("task", ["report.report.report", "hub.publish.publish"])
def test_its_report_and_its_push_have_its_own_configuration(task, whole, monkeypatch):
    asked = []
    monkeypatch.setattr(f"fanno_hf.{task}", lambda settings: asked.append(settings) or "it is there")
    if task == "hub.publish.publish":
        assert whole.push("me/fanno", {"hub": {"private": False}}) == "it is there"
        assert (asked[0].hub.repo_id, asked[0].hub.private) == ("me/fanno", False)
    else:
        assert whole.report("report.rows=7") == whole.folder / "report.html"
        assert asked[0].report.rows == 7
    assert (asked[0].run, asked[0].parser) == (str(whole.folder), [])  # from SMALL, which the run was made with

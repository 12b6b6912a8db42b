"""Where a passage came from: its source, the title of its document and the heading it stands under, for readers and for prompts."""

import pytest

from fanno_hf.stages.augment import augment
from fanno_hf.stages.prescreen import prescreen
from fanno_hf.stages.respond import respond
from fanno_hf.stages.seed import seed
from tests.conftest import DOCUMENTS, raw_documents
from tests.stages.test_seed_and_augment import LOOSE, write

MANUAL = f"{DOCUMENTS[0]}\n\n# Tides\n\n{DOCUMENTS[1]}\n\n## Auctions\n\n{DOCUMENTS[2]}\n\n{DOCUMENTS[3]}"
ASK = "Ask Jane at jane.fennold@fennold-shipyard.com or at jane.fennold@fennold-shipyard.com, she knows all about it."
SAID = "[{{ title }} > {{ heading }}]"
PLAIN = (
    "stages.prescreen.max_tokens=45",
    "stages.augment.epochs=1",
    "stages.augment.reward=response_length",
    "stages.respond.mode=direct",
    "stages.augment.target_size=7",
)


def manual(title="A manual", places=()):
    """The manual as the pre-screening gets it."""
    rows = raw_documents(MANUAL)
    return rows.map(lambda _: {"title": title, "places": list(places)}, features=rows.features)


def test_a_passage_has_the_title_of_its_document_and_the_heading_it_stands_under(make_context):
    context, _ = make_context(overrides=["stages.prescreen.max_tokens=45"])
    kept = prescreen(manual(), context).kept
    assert [(row["source"], row["heading"]) for row in kept] == [
        *(("d0#1", ""), ("d0#2", "Tides"), ("d0#3", "Auctions"), ("d0#4", "Auctions"))
    ]
    assert set(kept["title"]) == {"A manual"}


def test_a_passage_is_named_by_the_place_where_it_begins(make_context):
    context, _ = make_context(overrides=["stages.prescreen.max_tokens=45"])
    places = [{"start": start, "name": f"page {n}"} for n, start in ((1, 0), (2, MANUAL.index("# Tides")))]
    sources = prescreen(manual(places=places), context).kept["source"][:]
    assert sources == ["d0:page 1", "d0:page 2", "d0:page 2#2", "d0:page 2#3"]


def test_what_is_masked_moves_no_place_and_no_title_keeps_it(make_context):
    """A placeholder is shorter here than what it stands for: the place behind it begins earlier."""
    context, _ = make_context(overrides=["stages.prescreen.max_tokens=45"])
    text = f"{DOCUMENTS[0]} {ASK}\n\n{DOCUMENTS[1]}"
    rows = raw_documents(text)
    places = [{"start": 0, "name": "page 1"}, {"start": text.index(DOCUMENTS[1]), "name": "page 2"}]
    given = {"title": "Letters to jane.fennold@fennold-shipyard.com", "places": places}
    kept = prescreen(rows.map(lambda _: given, features=rows.features), context).kept
    [page] = [row for row in kept if row["text"].startswith("Tides")]
    assert (page["source"], page["text"]) == ("d0:page 2", DOCUMENTS[1])
    assert page["title"] == "Letters to person1@example.org"
    assert sum(row["text"].count("person1@example.org") for row in kept) == 2


@pytest.fixture
def asked(make_context):
    """All requests of a run over a manual, by the overrides and its title."""

    def ask(*overrides, title="A manual"):
        context, backend = make_context(write, overrides=[*LOOSE, *PLAIN, *overrides])
        documents = prescreen(manual(title), context).kept
        pool = augment(documents, seed(documents, context).kept, context).kept
        respond(documents, pool, context)
        return [request.messages[-1]["content"] for request in backend.requests]

    return ask


def test_templates_may_use_title_and_heading(asked):
    keys = ("prescreen.verdict", "seed.instruction", "augment.instruction", "respond.direct")
    said = ["document", "document", "document", "instruction"]
    templates = [f"prompts.{key}='{key} {SAID} {{{{ {of} }}}}'" for key, of in zip(keys, said, strict=True)]
    found = asked(*templates)
    for key in keys:
        mine = {request.split("]")[0] for request in found if request.startswith(key)}
        assert mine == {f"{key} [A manual > {heading}" for heading in ("", "Tides", "Auctions")}


def test_the_default_templates_do_not(asked):
    assert sorted(asked(title="A manual")) == sorted(asked(title=""))

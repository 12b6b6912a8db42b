"""Where a passage came from: its source, the title of its document and the heading it stands under."""

from fanno_hf.stages.prescreen import prescreen
from tests.conftest import DOCUMENTS, raw_documents

MANUAL = f"{DOCUMENTS[0]}\n\n# Tides\n\n{DOCUMENTS[1]}\n\n## Auctions\n\n{DOCUMENTS[2]}\n\n{DOCUMENTS[3]}"


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

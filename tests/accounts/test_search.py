"""The one search box: cells, files, recipes and datasets, in few queries."""

from datetime import UTC, datetime

import pytest

from cells.models import (
    Dataset,
    DryCellLot,
    Electrolyte,
    FileMetadata,
    Folder,
    RawFile,
    WetCell,
)
from cells.services.nodes import save_lot
from cells.services.registry import define_dry_cell, define_molecule

NOW = datetime(2026, 3, 1, tzinfo=UTC)


@pytest.fixture
def lab(db):
    recipe = Electrolyte.objects.create(name="70%EMC+30%EC + 2%VC", digest="1")
    for number in range(10001, 10031):
        WetCell.objects.create(cell_id=number, electrolyte=recipe)
    Dataset.objects.create(name="Rate maps of 2026", slug="rate-maps")
    folder = Folder.objects.create(name="Neware", path="/neware")
    for number, name in enumerate(("CYC_20001_rate.txt", "FM_20002.txt")):
        file = RawFile.objects.create(
            folder=folder,
            path=name,
            name=name,
            size=1,
            modified_at=NOW,
            mtime_ns=1,
            state="stable",
            changed_at=NOW,
        )
        FileMetadata.objects.create(file=file, cell_id=20001 + number)


def found(client, text: str) -> dict[str, list[str]]:
    answer = client.get("/search/", {"q": text})
    return {
        section.title: [hit.title for hit in section.hits] for section in answer.context["sections"]
    }


@pytest.mark.parametrize("number", [10001, 20001], ids=["registered", "known from a file"])
def test_a_cell_id_opens_its_cell(client_as, lab, number):
    assert client_as("viewer").get("/search/", {"q": f" {number} "}).url == f"/cells/{number}/"


@pytest.mark.parametrize(
    ("text", "kind", "title"),
    [
        ("10002-10003", "Cells", "Cell 10002"),
        ("fm txt", "Files", "FM_20002.txt"),
        ("MAPS 2026", "Datasets", "Rate maps of 2026"),
        ("emc vc", "Electrolytes", "70%EMC+30%EC + 2%VC"),
    ],
)
def test_each_kind_is_found_by_its_own_words(client_as, lab, text, kind, title):
    assert title in found(client_as("viewer"), text)[kind]


def test_a_word_may_find_several_kinds(client_as, lab):
    assert set(found(client_as("viewer"), "rate")) == {"Files", "Datasets"}


def test_a_long_list_is_cut_and_leads_to_all(client_as, lab):
    answer = client_as("viewer").get("/search/", {"q": "10001-10030"})
    (section,) = answer.context["sections"]

    assert len(section.hits) == 12
    assert section.has_more
    assert section.more_url == "/cells/?q=10001-10030"


@pytest.mark.parametrize(
    "text",
    ["", "  ", "zzz", "9-1", "99999999999999", "%_", "'", '"', "１２", "10001,,,", "x" * 500],
)
def test_whatever_is_typed_gets_an_answer(client_as, lab, text):
    assert client_as("viewer").get("/search/", {"q": text}).status_code == 200


def test_a_search_takes_few_queries(client_as, lab, django_assert_max_num_queries):
    client = client_as("viewer")

    with django_assert_max_num_queries(15):
        client.get("/search/", {"q": "1"})


def test_a_box_leads_to_the_cells_built_from_it(client_as, lab):
    save_lot(DryCellLot(blueprint=define_dry_cell(name="Pouch"), box_id="B-50000"))
    answer = client_as("viewer").get("/search/", {"q": "b-50000"})

    assert 'href="/cells/search/?find=cells&amp;box1=B-50000"' in answer.content.decode()


def test_a_molecule_is_found_by_its_name(client_as, lab):
    define_molecule("FEC", "", "additive")

    assert found(client_as("viewer"), "fec")["Molecules"] == ["FEC"]

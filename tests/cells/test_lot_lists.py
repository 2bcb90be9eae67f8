"""Lists of boxes and lots: sorted, filtered, counted, and as a CSV file."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from cells.kinds import KINDS
from cells.models import DryCell, DryCellLot, MoleculeLot
from cells.services.materials import define_molecule
from cells.services.nodes import save_lot, save_node
from cells.services.registry import register_cell

pytestmark = pytest.mark.django_db


@pytest.fixture
def boxes():
    cells = [save_node(DryCell(label=label)) for label in ("Pouch A", "Pouch B")]
    made = [
        save_lot(DryCellLot(blueprint=cells[0], box_id="50000", vendor="Us")),
        save_lot(DryCellLot(blueprint=cells[1], box_id="50001", notes="=1+1")),
    ]
    for cell_id in (1, 2):
        register_cell(cell_id, None, made[0])
    return made


@pytest.mark.parametrize("key", [key for key, kind in KINDS.items() if kind.has_lots])
def test_each_kind_with_lots_has_a_list_of_them(key, client_as):
    assert client_as("viewer").get(reverse("cells:lots", args=[key])).status_code == 200


def test_boxes_are_listed_with_their_dry_cell_and_cells(boxes, client_as):
    page = client_as("viewer").get("/materials/dry-cells/lots/", {"sort": "-cells"})

    rows = [row.record for row in page.context["table"].rows]
    assert [(row.box_id, row.cell_count) for row in rows] == [("50000", 2), ("50001", 0)]
    assert "Pouch A" in page.content.decode()


def test_boxes_are_filtered_by_words(boxes, client_as):
    page = client_as("viewer").get("/materials/dry-cells/lots/", {"q": "pouch b"})

    assert [row.record.box_id for row in page.context["table"].rows] == ["50001"]


def test_the_csv_of_boxes_is_safe_to_open_in_a_spreadsheet(boxes, client_as):
    answer = client_as("viewer").get("/materials/dry-cells/lots/", {"format": "csv"})

    lines = b"".join(answer.streaming_content).decode("utf-8-sig").splitlines()
    assert lines[0] == "Box ID,Dry cell,Vendor,Creator,Date,Cells,Notes"
    assert lines[1] == "50000,Pouch A,Us,,,2,"
    assert lines[2].endswith(",'=1+1")


def test_a_list_of_lots_takes_as_many_queries_for_many_as_for_few(client_as):
    molecule = define_molecule("EC", "", "solvent")
    client = client_as("viewer")

    def queries(first: int, last: int) -> int:
        for number in range(first, last):
            save_lot(MoleculeLot(blueprint=molecule, label=f"L{number}"))
        with CaptureQueriesContext(connection) as captured:
            client.get("/materials/molecules/lots/")
        return len(captured)

    few = queries(0, 5)

    assert queries(5, 45) == few

"""The search tree over REST takes the parameters of the page and finds the same."""

import pytest

from cells.models import DryCellLot, WetCell
from cells.services.nodes import save_lot
from cells.services.registry import (
    define_dry_cell,
    define_electrolyte,
    define_molecule,
    register_cell,
)


@pytest.fixture
def lab(people):
    for name, role in (("EC", "solvent"), ("VC", "additive")):
        define_molecule(name, "", role)
    dry = define_dry_cell(name="Pouch", cathode="NMC")
    box = save_lot(DryCellLot(blueprint=dry, box_id="B-1"))
    register_cell(1, define_electrolyte("EC + ADDITIVES:(2%VC)"), box)
    register_cell(2, define_electrolyte("EC"), dry)
    register_cell(3)


def found(client, what, query=""):
    return client.get(f"/api/v1/search/{what}/?{query}").json()["results"]


def test_each_node_is_a_list(lab, client_as):
    client = client_as("viewer")

    assert [row["cell_id"] for row in found(client, "cells")] == [1, 2, 3]
    assert [row["cell_id"] for row in found(client, "cells", "molecule=VC&amount=2")] == [1]
    assert found(client, "cells", "box1=B-1")[0]["box_id"] == "B-1"
    names = [row["name"] for row in found(client, "electrolytes", "complete=additive")]
    assert names == ["EC"]
    assert len(found(client, "dry-cells")) == 1
    assert found(client, "boxes")[0]["dry_cell_name"] == "Pouch"
    assert found(client, "cycling") == []


def test_bad_parameters_are_refused_by_name(lab, client_as):
    client = client_as("viewer")

    unknown = client.get("/api/v1/search/cells/?molecul=VC")
    assert unknown.status_code == 400
    assert "no search parameter 'molecul'" in str(unknown.json()["fields"])
    assert client.get("/api/v1/search/cells/?molecule=XYZ").status_code == 400
    assert client.get("/api/v1/search/cells/?tolerance=-1").status_code == 400


@pytest.mark.parametrize("count", [5, 50])
def test_a_page_takes_the_same_number_of_queries_however_long(
    lab, client_as, django_assert_max_num_queries, count
):
    WetCell.objects.bulk_create(WetCell(cell_id=number) for number in range(100, 100 + count))
    client = client_as("viewer")
    client.get("/api/v1/search/cells/")
    with django_assert_max_num_queries(8):
        assert len(found(client, "cells")) == 3 + count


def test_pages_follow_each_other(lab, client_as):
    client = client_as("viewer")
    first = client.get("/api/v1/search/cells/?page_size=2").json()
    second = client.get(first["next"]).json()

    assert [row["cell_id"] for row in first["results"] + second["results"]] == [1, 2, 3]
    assert second["next"] is None

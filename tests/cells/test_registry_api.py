import pytest

from cells.models import Electrolyte, WetCell
from cells.services.datasets import add_cells, create_dataset
from cells.services.registry import define_electrolyte, define_molecule, register_cell

JSON = {"content_type": "application/json"}


@pytest.fixture
def lab(people):
    for name, role in [("EC", "solvent"), ("DMC", "solvent"), ("LiPF6", "salt")]:
        define_molecule(name, "", role)
    electrolyte = define_electrolyte("EC + 1mLiPF6")
    for cell_id in (10001, 10002):
        register_cell(cell_id, electrolyte)
    register_cell(10003)
    return add_cells(create_dataset("Additives"), [10001])


def test_an_electrolyte_is_created_by_text_and_is_the_same_by_components(lab, client_as):
    client = client_as("member")
    address = "/api/v1/electrolytes/"
    parts = [
        {"molecule": "dmc", "role": "solvent", "amount": "70", "unit": "wt%"},
        {"molecule": "EC", "role": "solvent", "amount": "30", "unit": "wt%"},
        {"molecule": "LiPF6", "role": "salt", "amount": None, "unit": "mol/kg"},
    ]

    by_text = client.post(address, {"text": "70%DMC+30%EC + ?mLiPF6"}, **JSON)
    by_parts = client.post(address, {"components": parts}, **JSON)

    assert by_text.status_code == 201, by_text.json()
    assert by_parts.json()["id"] == by_text.json()["id"]
    assert by_text.json()["components"][0] == {
        "molecule": "LiPF6",
        "role": "salt",
        "amount": None,
        "unit": "mol/kg",
    }


def test_an_electrolyte_that_does_not_sum_is_refused_with_a_fix(lab, client_as):
    answer = client_as("member").post("/api/v1/electrolytes/", {"text": "30%EC+75%DMC"}, **JSON)

    assert answer.status_code == 400
    assert "Normalised" in answer.json()["fix"]


def test_the_notes_of_an_electrolyte_change_without_repeating_its_components(lab, client_as):
    row = Electrolyte.objects.get()

    answer = client_as("member").patch(f"/api/v1/electrolytes/{row.pk}/", {"notes": "dry"}, **JSON)

    assert answer.json()["name"] == "EC + 1mLiPF6 (dry)"


def test_a_used_electrolyte_is_not_deleted(lab, client_as):
    address = f"/api/v1/electrolytes/{Electrolyte.objects.get().pk}/"

    assert client_as("member").delete(address).status_code == 403
    answer = client_as("curator").delete(address)

    assert answer.status_code == 409
    assert "Cell 10001" in answer.json()["error"]


def test_cells_are_searched_as_on_the_page(lab, client_as):
    client = client_as("viewer")

    def found(**search):
        rows = client.get("/api/v1/cells/", search).json()["results"]
        return sorted(row["cell_id"] for row in rows)

    assert found() == [10001, 10002, 10003]
    assert found(contains="EC") == [10001, 10002]
    assert found(q="10002-10003") == [10002, 10003]
    assert found(dataset="additives") == [10001]
    assert client.get("/api/v1/cells/", {"contains": "XYZ"}).status_code == 400


def test_a_list_of_cells_takes_a_constant_number_of_queries(
    lab, client_as, django_assert_max_num_queries
):
    client = client_as("viewer")

    with django_assert_max_num_queries(10):
        client.get("/api/v1/cells/")


def test_a_cell_is_registered_and_edited_under_its_own_number(lab, client_as):
    client = client_as("member")

    assert client.post("/api/v1/cells/", {"cell_id": 10009}, **JSON).status_code == 201
    client.patch("/api/v1/cells/10009/", {"notes": "spare"}, **JSON)
    renumbered = client.patch("/api/v1/cells/10009/", {"cell_id": 10010}, **JSON)

    assert renumbered.status_code == 400
    assert WetCell.objects.get(cell_id=10009).notes == "spare"
    assert client.get("/api/v1/cells/10009/").json()["electrolyte_name"] is None


def test_a_molecule_is_renamed_with_its_electrolytes(lab, client_as):
    client = client_as("member")
    key = client.get("/api/v1/molecules/", {"q": "EC"}).json()["results"][0]["id"]

    client.patch(f"/api/v1/molecules/{key}/", {"short_name": "E-C"}, **JSON)

    assert Electrolyte.objects.get().name == "E-C + 1mLiPF6"


def test_a_dry_cell_is_created(lab, client_as):
    answer = client_as("member").post("/api/v1/dry-cells/", {"label": "Pouch"}, **JSON)

    assert answer.status_code == 201


def test_a_dataset_is_made_filled_named_and_filtered(lab, client_as):
    client = client_as("member")
    address = "/api/v1/datasets/new-set/"

    client.post("/api/v1/datasets/", {"name": "New set", "export_nightly": True}, **JSON)
    added = client.post(f"{address}add-cells/", {"cell_ids": [10001, 10002]}, **JSON)
    client.post(f"{address}name-cell/", {"cell_id": 10001, "name": "1%"}, **JSON)
    made = client.post(
        f"{address}filters/",
        {
            "name": "Check-up",
            "cells": [10001],
            "ranges": [{"polarity": "charge", "attribute": "constant_rate", "maximum": 0.07}],
        },
        **JSON,
    )
    client.post(f"{address}remove-cells/", {"cell_ids": [10002]}, **JSON)

    assert added.json() == {"changed": 2}
    assert made.status_code == 201, made.json()
    dataset = client.get(address).json()
    assert dataset["export_nightly"] is True
    assert dataset["memberships"] == [{"cell_id": 10001, "name": "1%", "colour": ""}]
    assert dataset["filters"][0]["ranges"][0]["minimum"] is None
    assert dataset["filters"][0]["cells"] == [10001]


def test_a_filter_is_changed_in_part_and_deleted_by_a_member(lab, client_as):
    client = client_as("member")
    address = "/api/v1/datasets/additives/filters/"
    ranges = [{"polarity": "charge", "attribute": "end_voltage", "minimum": 4.0, "maximum": 4.2}]
    made = client.post(address, {"name": "A", "ranges": ranges}, **JSON).json()

    client.patch(f"{address}{made['id']}/", {"name": "B"}, **JSON)

    row = client.get(f"{address}{made['id']}/").json()
    assert (row["name"], row["ranges"]) == ("B", ranges)
    assert client.post(address, {"name": "B", "ranges": []}, **JSON).status_code == 400
    assert client.delete(f"{address}{made['id']}/").status_code == 204


def test_a_filter_of_another_dataset_is_not_found(lab, client_as):
    client = client_as("member")
    made = client.post(
        "/api/v1/datasets/additives/filters/", {"name": "A", "ranges": []}, **JSON
    ).json()
    create_dataset("Other")

    assert client.get(f"/api/v1/datasets/other/filters/{made['id']}/").status_code == 404

"""Snapshots: ids of entities, what is known, and Croissant metadata of the tensors."""

import polars as pl
import pytest

from battery_db.lib.runs import engine
from cells.models import Dataset, DatasetCell, Snapshot, WetCell
from cycling.exports.tensors import Cell, Component, TensorCompiler, options_for
from cycling.jobs import grouping, importing
from cycling.models import FRAME_COLUMNS
from cycling.services import datasets as services
from tests.cycling.conftest import cccv_cycles

NO_ROWS = pl.DataFrame(schema={"cycle": pl.Int64(), **FRAME_COLUMNS})


@pytest.fixture
def snapshot(lab_file) -> Snapshot:
    dataset = Dataset.objects.create(name="A", slug="a", licence="https://example.org/licence")
    cell = WetCell.objects.create(cell_id=10001)
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name="short")
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(5)))
    grouping.group_cell(10001)
    services.request_snapshot([dataset], by=None, trigger="page")
    engine.drain()
    return Snapshot.objects.get()


@pytest.mark.django_db
def test_croissant_names_each_shard_with_its_checksum_and_each_tensor_with_its_unit(
    snapshot, client_as
):
    document = client_as("viewer").get(f"/api/v1/snapshots/{snapshot.pk}/croissant/").json()

    assert document["conformsTo"] == "http://mlcommons.org/croissant/1.0"
    assert document["license"] == "https://example.org/licence"
    shard = snapshot.shards.get()
    (file,) = document["distribution"]
    assert file["sha256"] == shard.sha256
    assert file["contentUrl"].endswith(f"/api/v1/snapshots/{snapshot.pk}/shards/0/")
    answer = client_as("viewer").get(file["contentUrl"])
    assert len(b"".join(answer.streaming_content)) == shard.byte_count
    answer.close()
    units = {each["name"]: each["unitText"] for each in document["variableMeasured"]}
    assert (units["cc_time"], units["capacity"]) == ("s", "Ah")
    (cells,) = document["recordSet"]
    known = {field["@id"] for field in cells["field"]}
    assert all(set(row) == known for row in cells["data"])
    assert cells["data"][0]["cells/cell_id"] == 10001


@pytest.mark.django_db
def test_a_cell_of_which_nothing_is_known_says_so(snapshot):
    (cell,) = snapshot.manifest["cells"]

    assert cell["electrolyte_id"] is None
    assert cell["known"] == {
        "electrolyte": False,
        "composition": False,
        "dry_cell": False,
        "theoretical_capacity": True,
    }


def test_entities_are_listed_once_and_cells_refer_to_them_by_id():
    ec, vc = (
        Component("EC", "solvent", 30.0, "wt%"),
        Component("VC", "additive", None, "wt%"),
    )
    compiler = TensorCompiler(options_for(3.0, 4.2), lambda number, content: None)
    cells = [
        Cell(1, electrolyte="plain", components=(ec,), dry_cell="pouch"),
        Cell(2, electrolyte="with VC", components=(ec, vc), dry_cell="pouch"),
        Cell(3, electrolyte="plain", components=(ec,)),
    ]
    for cell in cells:
        compiler.add(cell, [], NO_ROWS, [])

    manifest = compiler.finish({"dataset": "A"})

    assert [each["name"] for each in manifest["electrolytes"]] == ["plain", "with VC"]
    assert manifest["dry_cells"] == [{"id": 0, "name": "pouch"}]
    assert [cell["electrolyte_id"] for cell in manifest["cells"]] == [0, 1, 0]
    assert [cell["dry_cell_id"] for cell in manifest["cells"]] == [0, 0, None]
    assert [cell["known"]["composition"] for cell in manifest["cells"]] == [True, False, True]
    names = {each["id"]: each["name"] for each in manifest["molecules"]}
    parts = manifest["electrolytes"][1]["components"]
    assert {names[part["molecule"]]: part["amount"] for part in parts} == {"EC": 30.0, "VC": None}

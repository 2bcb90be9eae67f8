"""Defects of the Universal Battery Database in cycling and exports, each made impossible."""

import io
import json
import zipfile

import numpy as np
import pytest
from django.apps import apps
from django.db import connection
from django.test.utils import CaptureQueriesContext
from safetensors.numpy import load

from battery_db.lib.runs import engine
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell, Snapshot, WetCell
from cycling.jobs import grouping, importing
from cycling.models import CycleGroup, DatasetExport, HalfCycle
from cycling.services import cells, curation
from cycling.services import datasets as services
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def cell(lab_file) -> int:
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(12)))
    grouping.group_cell(10001)
    return 10001


@pytest.fixture
def dataset(cell) -> Dataset:
    dataset = Dataset.objects.create(name="A", slug="a")
    DatasetCell.objects.create(
        dataset=dataset, wet_cell=WetCell.objects.create(cell_id=cell), name="short"
    )
    return dataset


def test_a4_ids_of_groups_are_kept_when_a_file_is_imported_anew(cell, lab_file):
    """The original deleted all groups of a cell and made them again each night."""
    before = set(CycleGroup.objects.values_list("pk", flat=True))
    group = CycleGroup.objects.get(polarity="discharge", number=1)
    cells.name_group(cell, group.pk, "everyday")

    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(30)))
    grouping.group_cell(cell)

    group.refresh_from_db()
    assert set(CycleGroup.objects.values_list("pk", flat=True)) >= before
    assert (group.name, group.size) == ("everyday", 30)
    assert cells.label_of(group) == "everyday"


def test_a4_a_group_that_is_no_more_does_not_lend_its_name_to_another(cell, lab_file):
    group = CycleGroup.objects.get(polarity="discharge", number=1)
    cells.name_group(cell, group.pk, "1C")

    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(12, rate=0.2)))
    grouping.group_cell(cell)

    assert not CycleGroup.objects.filter(name="1C").exists()


def test_a4_ten_cycles_or_fewer_are_grouped_from_the_first_half_cycle_on(lab_file):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(3)))
    grouping.group_cell(10001)

    assert not HalfCycle.objects.filter(group=None).exists()


def test_a4_a_curse_on_the_last_cycle_outlives_its_rebuilding(cell, lab_file):
    """The original lost it: the last cycle of a grown file was deleted and made again."""
    curation.exclude_cycles(cell, "12", reason="interrupted")

    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(20)))

    assert set(HalfCycle.objects.filter(excluded=True).values_list("cycle_count", flat=True)) == {
        12
    }


def test_a4_what_was_left_out_stays_out_when_a_longer_export_tells_it_again(cell, lab_file):
    curation.exclude_cycles(cell, "3", reason="oven failed")
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(20)))
    grouping.group_cell(cell)

    assert curation.excluded_cycles(cell) == "3"
    curation.exclude_cycles(cell, "3", reason="", restore=True)
    grouping.group_cell(cell)
    assert curation.excluded_cycles(cell) == ""


def test_a4_overlapping_files_give_each_cycle_once_in_an_export(dataset, lab_file):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(20)))

    services.request_export(dataset, by=None, trigger="page")
    engine.drain()

    with storage("default").open(DatasetExport.objects.get().file_name) as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))
    (name,) = archive.namelist()
    lines = archive.read(name).decode().splitlines()[1:]
    cycles = [float(line.split(",")[0]) for line in lines]
    assert cycles == sorted(set(cycles))


def test_a5_tensors_have_time_masks_entities_and_no_pickle(dataset):
    """The original's export stopped with an error, had no time, no schema and ran code."""
    services.request_snapshot([dataset], by=None, trigger="page")
    engine.drain()

    snapshot = Snapshot.objects.get()
    with storage("snapshots").open(snapshot.shards.get().storage_name) as file:
        tensors = load(file.read())
    charges = tensors["polarity"] > 0
    held = tensors["cv_mask"][charges].astype(bool)
    assert held[:, :3].all()
    for part in ("cc", "cv"):
        mask = tensors[f"{part}_mask"].astype(bool)
        assert (tensors[f"{part}_time"][~mask] == 0).all()
        assert np.isfinite(tensors[f"{part}_time"]).all()
    manifest = json.loads(json.dumps(snapshot.manifest))
    assert {each["name"] for each in manifest["tensors"]} == set(tensors)
    assert all(each["unit"] and each["meaning"] for each in manifest["tensors"])
    assert manifest["shards"][0]["sha256"]


def test_a7_a_night_over_what_has_not_changed_writes_nothing(cell):
    """The original rewrote every step of every cell each night."""
    assert importing.stale().count() == 0
    assert grouping.stale_cells() == []
    with CaptureQueriesContext(connection) as queries:
        grouping.stale_cells()
    writing = ("INSERT", "UPDATE", "DELETE")
    assert not [query["sql"] for query in queries if query["sql"].lstrip().startswith(writing)]


def test_a7_a_cell_page_takes_as_many_queries_for_many_cycles(cell, client_as, lab_file):
    client = client_as("viewer")

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert client.get(f"/cycling/cells/{cell}/discharge_capacity.json").status_code == 200
        return len(queries)

    few = count()
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(60), start_cycle=12))
    grouping.group_cell(cell)

    assert count() == few


def test_a7_no_table_of_cycling_holds_pickled_objects():
    for model in apps.get_app_config("cycling").get_models():
        kinds = {field.get_internal_type() for field in model._meta.get_fields()}
        assert "BinaryField" not in kinds, model

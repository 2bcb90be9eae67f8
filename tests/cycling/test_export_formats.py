"""Datasets as files of every format, read back by other programs' readers."""

import hashlib
import io
import json
import pickle
import zipfile

import numpy as np
import polars as pl
import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from python_calamine import CalamineWorkbook

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell, DatasetFilter, FilterRange, WetCell
from cycling import formats
from cycling.exports import archives
from cycling.exports.tables import sheet_name
from cycling.jobs import exporting, grouping, importing
from cycling.models import DatasetExport
from cycling.services import datasets as services
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(lab_file) -> Dataset:
    """Two cells, ten cycles each, and a filter that all discharges pass."""
    dataset = Dataset.objects.create(
        name="Rates: a/b", slug="rates", licence="https://spdx.org/licenses/CC-BY-4.0.html"
    )
    for cell_id in (10001, 10002):
        add_cell(dataset, lab_file, cell_id)
    chosen = DatasetFilter.objects.create(dataset=dataset, name="1C: all?")
    FilterRange.objects.create(
        filter=chosen, polarity="discharge", attribute="constant_rate", minimum=0.9
    )
    return dataset


def add_cell(dataset: Dataset, lab_file, cell_id: int) -> None:
    cell = WetCell.objects.create(cell_id=cell_id)
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name=f"name {cell_id}")
    importing.import_file(lab_file(f"{cell_id}.bdf.csv", cccv_cycles(10), cell_id=cell_id))
    grouping.group_cell(cell_id)


def exported(dataset: Dataset, kind: str) -> dict[str, bytes]:
    job = services.request_export(dataset, kind, by=None, trigger="page")
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    made = DatasetExport.objects.get(format=kind)
    with storage("default").open(made.file_name) as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))
    assert len(archive.namelist()) == made.file_count
    return {name: archive.read(name) for name in archive.namelist()}


def test_parquet_tables_hold_the_numbers_of_the_csv_files(dataset):
    text = exported(dataset, "csv")
    binary = exported(dataset, "parquet")

    assert {name.removesuffix(".csv") for name in text} == {
        name.removesuffix(".parquet") for name in binary
    }
    for name, content in binary.items():
        csv = pl.read_csv(text[name.replace(".parquet", ".csv")])
        parquet = pl.read_parquet(content)
        assert parquet.columns == csv.columns
        assert np.allclose(
            parquet["Coulombic Efficiency (unitless)"], csv["Coulombic Efficiency (unitless)"]
        )


def test_a_workbook_per_cell_has_a_sheet_per_filter(dataset):
    files = exported(dataset, "xlsx")

    assert len(files) == 2
    for content in files.values():
        workbook = CalamineWorkbook.from_filelike(io.BytesIO(content))
        assert workbook.sheet_names == ["1C_ all_"]
        rows = workbook.get_sheet_by_index(0).to_python()
        assert rows[0][0] == "Cycle Number"
        assert len(rows) == 11


@pytest.mark.parametrize(
    ("text", "name"),
    [("C/20: [slow]?", "C_20_ _slow__"), ("'", "cycles"), ("x" * 40, "x" * 31)],
)
def test_sheet_names_are_those_that_excel_takes(text, name):
    assert sheet_name(text, set()) == name


def test_sheet_names_that_excel_holds_for_equal_are_told_apart():
    used: set[str] = set()

    names = [sheet_name(text, used) for text in ("Fast", "fast", "x" * 40, "x" * 50)]

    assert names == ["Fast", "fast (2)", "x" * 31, "x" * 27 + " (2)"]


def test_bdf_records_are_read_back_whole_by_the_bdf_reader(dataset, tmp_path):
    files = exported(dataset, "bdf")

    records = {name: content for name, content in files.items() if name.endswith(".bdf.parquet")}
    assert len(records) == 2
    for name, content in records.items():
        path = tmp_path / name.rpartition("/")[2]
        path.write_bytes(content)
        reading = formats.read(path)[1]
        assert reading.frame.height == cccv_cycles(10).height
        sidecar = json.loads(files[name.replace(".bdf.parquet", ".bdf.metadata.json")])
        assert sidecar["current_sign"] == "positive charges the cell"
        assert sidecar["rows"] == reading.frame.height


def test_an_ro_crate_describes_each_of_its_files_by_content_and_cell(dataset):
    files = exported(dataset, "ro-crate")

    document = json.loads(files["ro-crate-metadata.json"])
    assert "https://w3id.org/ro/crate/1.2/context" in document["@context"]
    entities = {entity["@id"]: entity for entity in document["@graph"]}
    assert len(entities) == len(document["@graph"])
    descriptor, root = entities["ro-crate-metadata.json"], entities["./"]
    assert descriptor["conformsTo"]["@id"] == "https://w3id.org/ro/crate/1.2"
    assert descriptor["about"]["@id"] == "./"
    for wanted in ("name", "description", "datePublished", "license"):
        assert root[wanted]
    assert root["license"]["@id"] == "https://spdx.org/licenses/CC-BY-4.0.html"
    parts = {entities[part["@id"]]["sha256"] for part in root["hasPart"]}
    contents = {
        hashlib.sha256(content).hexdigest()
        for name, content in files.items()
        if name != "ro-crate-metadata.json"
    }
    assert parts == contents
    cell = json.loads(files["cells/10001.jsonld"])
    assert "https://w3id.org/emmo/domain/battery/context" in json.dumps(cell["@context"])
    assert entities["#cell-10001"]["subjectOf"]["@id"] == "cells/10001.jsonld"
    # Whatever is pointed to is described.
    assert {part["@id"] for part in root["about"]} <= set(entities)


def test_battery_ml_gets_cycles_with_capacities_that_agree_with_ours(dataset):
    files = exported(dataset, "battery-ml")

    content = pickle.loads(files["Rates_COLON_ a_OVER_b/battery_db_10001.pkl"])
    # What BatteryData.load asks for, and the arguments that it passes on.
    assert content["charge_protocol"] == content["discharge_protocol"] == []
    assert [cycle["cycle_number"] for cycle in content["cycle_data"]] == list(range(1, 11))
    for cycle in content["cycle_data"]:
        capacity = 0.2 * (1 - 0.001 * cycle["cycle_number"])
        assert cycle["discharge_capacity_in_Ah"][-1] == pytest.approx(capacity, rel=0.01)
        assert cycle["charge_capacity_in_Ah"][-1] == pytest.approx(capacity, rel=0.03)
        assert len({len(v) for v in cycle.values() if isinstance(v, list)}) == 1
        assert max(cycle["current_in_A"]) > 0 > min(cycle["current_in_A"])


def test_dq_dv_lies_in_one_table_or_in_a_file_per_cycle(dataset):
    dataset.filters.update(differential="both")

    files = exported(dataset, "csv")

    cell = "Rates_COLON_ a_OVER_b/name 10001 (CELL ID 10001)"
    one = pl.read_csv(files[f"{cell}/1C_COLON_ all_QUESTION_ dQ_OVER_dV.csv"])
    assert one.columns == [
        "Cycle Number",
        "Polarity (1 charge, -1 discharge)",
        "dQ/dV (mAh/V)",
        "V (V)",
    ]
    folder = f"{cell}/1C_COLON_ all_QUESTION_/DifferentialCapacityVersusVoltage"
    single = pl.read_csv(files[f"{folder}/7.csv"])
    assert single.columns == ["dQ/dV (mAh/V)", "V (V)"]
    of_seven = one.filter(pl.col("Cycle Number") == 7, pl.nth(1) == -1)
    assert single["V (V)"].to_list() == of_seven["V (V)"].to_list()
    assert f"{folder} Charge/7.csv" in files
    # A linear cell of 0.2 Ah (1 - 7 / 1000) over 1.2 V.
    assert single["dQ/dV (mAh/V)"].median() == pytest.approx(198.6 / 1.2, rel=0.01)


def test_an_export_takes_as_many_queries_for_one_cell_as_for_many(dataset, lab_file):
    """The original's export made a query per cycle."""

    def count() -> int:
        with CaptureQueriesContext(connection) as queries:
            assert list(exporting.WRITERS["csv"](dataset))
        return len(queries)

    few = count()
    for cell_id in range(10003, 10007):
        add_cell(dataset, lab_file, cell_id)

    assert count() == few


def test_an_unknown_format_is_answered_with_the_known_ones(dataset, client_as):
    answer = client_as("member").post(
        "/api/v1/datasets/rates/exports/", {"format": "mat"}, content_type="application/json"
    )

    assert answer.status_code == 400
    page = client_as("member").post("/cycling/datasets/rates/export/", {"format": "mat"}, follow=1)
    assert "There is no export format" in page.content.decode()


def test_a_folder_that_is_written_again_changes_only_what_changed(dataset, tmp_path):
    exporting.export_to_folder(dataset, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.csv")}
    dataset.filters.get().ranges.update(maximum=5)

    count = exporting.export_to_folder(dataset, tmp_path)

    assert count == 2
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*.csv")} == before


def test_the_night_keeps_few_exports_of_its_own_and_all_that_people_asked_for(dataset, people):
    services.request_export(dataset, by=people["member"], trigger="page")
    engine.drain()
    for number in range(5):
        dataset.memberships.filter(wet_cell__cell_id=10001).update(name=f"night {number}")
        assert exporting.stale_datasets() == [dataset]
        services.request_export(dataset, by=None, trigger="schedule")
        engine.drain()

    assert dataset.exports.filter(created_by=None).count() == exporting.NIGHTLY_KEPT
    assert dataset.exports.filter(created_by=people["member"]).count() == 1
    assert all(storage("default").exists(export.file_name) for export in dataset.exports.all())


def test_files_that_are_compressed_already_are_stored_as_they_are():
    target = io.BytesIO()

    archives.write_zip(target, [(("a.parquet",), b"x" * 1000), (("a.csv",), b"x" * 1000)])

    kinds = {info.filename: info.compress_type for info in zipfile.ZipFile(target).infolist()}
    assert kinds == {"a.parquet": zipfile.ZIP_STORED, "a.csv": zipfile.ZIP_DEFLATED}

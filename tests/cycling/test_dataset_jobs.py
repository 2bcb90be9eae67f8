"""Datasets out: the CSV folder, the frozen snapshot and its tensors."""

import io
import json
import zipfile

import numpy as np
import pandas as pd
import pytest
from safetensors.numpy import load

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import (
    Dataset,
    DatasetCell,
    DatasetFilter,
    FileMetadata,
    FilterRange,
    RawFile,
    Snapshot,
    WetCell,
)
from cycling.jobs import exporting, grouping, importing
from cycling.models import DatasetExport, HalfCycle
from cycling.services import datasets as services
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def dataset(lab_file) -> Dataset:
    """Two cells with cycles at 1C, named for this dataset only, and one without data."""
    dataset = Dataset.objects.create(name="Additives: 1/2", slug="additives", export_nightly=True)
    for cell_id, name, cycles in ((10001, "control", 12), (10002, "2% VC", 14), (10003, "", 0)):
        cell = WetCell.objects.create(cell_id=cell_id)
        DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name=name)
        if cycles:
            importing.import_file(
                lab_file(f"{cell_id}.bdf.csv", cccv_cycles(cycles), cell_id=cell_id)
            )
            grouping.group_cell(cell_id)
    return dataset


def add_filter(dataset: Dataset, name: str, *ranges: tuple) -> DatasetFilter:
    chosen = DatasetFilter.objects.create(dataset=dataset, name=name)
    for polarity, attribute, minimum, maximum in ranges:
        FilterRange.objects.create(
            filter=chosen, polarity=polarity, attribute=attribute, minimum=minimum, maximum=maximum
        )
    return chosen


def run(job: Job) -> Job:
    engine.drain()
    job.refresh_from_db()
    return job


def export(dataset: Dataset) -> dict[str, pd.DataFrame]:
    job = run(services.request_export(dataset, by=None, trigger="page"))
    assert job.state == Job.State.SUCCEEDED, job.error
    with storage("default").open(DatasetExport.objects.first().file_name) as file:
        archive = zipfile.ZipFile(io.BytesIO(file.read()))
    return {name: pd.read_csv(archive.open(name)) for name in archive.namelist()}


def test_an_export_holds_a_folder_per_cell_and_a_file_per_filter_that_matches(dataset):
    add_filter(dataset, "1C", ("discharge", "constant_rate", 0.9, None))
    add_filter(dataset, "C/20", ("discharge", "constant_rate", None, 0.1))

    tables = export(dataset)

    assert len(tables) == 2
    assert all(name.endswith("/1C.csv") for name in tables)
    control = next(table for name, table in tables.items() if "control (CELL ID 10001)" in name)
    assert control.shape == (12, 20)
    assert control["Total Discharge Capacity (mAh)"][0] == pytest.approx(199.8, rel=1e-3)


def test_without_filters_all_cycles_are_exported(dataset):
    tables = export(dataset)

    assert sorted(len(table) for table in tables.values()) == [12, 14]


def test_cycles_that_were_left_out_are_not_exported(dataset):
    HalfCycle.objects.of_cell(10001).in_cycles([5]).update(excluded=True)

    tables = export(dataset)

    assert sorted(len(table) for table in tables.values()) == [11, 14]


def test_an_export_without_any_match_says_what_to_do(dataset):
    add_filter(dataset, "10C", ("discharge", "constant_rate", 9, None))

    job = run(services.request_export(dataset, by=None, trigger="page"))

    assert job.state == Job.State.FAILED
    assert "filters" in job.fix


def test_a_dataset_is_exported_again_only_after_a_change(dataset):
    export(dataset)
    assert exporting.stale_datasets() == []

    dataset.memberships.filter(wet_cell__cell_id=10001).update(name="renamed")

    assert exporting.stale_datasets() == [dataset]


def compiled(dataset: Dataset) -> Snapshot:
    job = run(services.request_snapshot([dataset], by=None, trigger="page"))
    assert job.state == Job.State.SUCCEEDED, job.error
    return Snapshot.objects.get(pk=job.result["snapshot"])


def test_tensors_hold_every_half_cycle_with_its_curve(dataset):
    snapshot = compiled(dataset)

    with storage("snapshots").open(snapshot.shards.get().storage_name) as file:
        tensors = load(file.read())
    assert len(tensors["capacity"]) == 2 * (12 + 14)
    discharges = tensors["polarity"] < 0
    assert np.all(tensors["cc_mask"][discharges].sum(axis=1) > 10)
    reached = tensors["cc_capacity"][discharges].max(axis=1)
    assert reached == pytest.approx(tensors["capacity"][discharges], rel=0.05)


def test_freezing_an_unchanged_dataset_gives_the_same_snapshot(dataset):
    assert compiled(dataset) == compiled(dataset)


def test_a_snapshot_stays_as_it_was_when_the_dataset_changes(dataset):
    first = compiled(dataset)
    manifest = json.dumps(first.manifest)
    dataset.memberships.filter(wet_cell__cell_id=10002).delete()

    second = compiled(dataset)

    assert second != first
    first.refresh_from_db()
    assert json.dumps(first.manifest) == manifest


def test_a_snapshot_made_before_the_night_has_the_groups_of_the_night(dataset, lab_file):
    compiled(dataset)
    file = RawFile.objects.get(metadata__cell_id=10002)
    FileMetadata.objects.filter(file=file).update(cell_id=10001, start_cycle=12)

    snapshot = compiled(dataset)

    assert grouping.stale_cells() == []
    halves = HalfCycle.objects.of_cell(10001)
    assert set(halves.values_list("group__cell_id", flat=True)) == {10001}
    assert snapshot != Snapshot.objects.earliest("created_at")


def test_lost_tensors_are_compiled_again_for_the_same_snapshot(dataset):
    first = compiled(dataset)
    name = first.shards.get().storage_name
    storage("snapshots").delete(name)

    assert compiled(dataset) == first
    assert storage("snapshots").size(name) == first.shards.get().byte_count


def test_a_lost_export_is_made_again_and_said_meanwhile(dataset, client_as):
    export(dataset)
    made = DatasetExport.objects.get()
    storage("default").delete(made.file_name)

    page = client_as("viewer").get(f"/cycling/exports/{made.pk}/")
    answer = client_as("viewer").get(f"/api/v1/exports/{made.pk}/download/")

    assert page.status_code == answer.status_code == 404
    assert "Export the dataset again" in answer.json()["error"]
    assert exporting.stale_datasets() == [dataset]


def test_compiling_again_from_nothing_gives_the_same_bytes(dataset):
    first = compiled(dataset)
    hashes = [shard.sha256 for shard in first.shards.all()]
    first.shards.all().delete()
    first.delete()

    again = compiled(dataset)

    assert [shard.sha256 for shard in again.shards.all()] == hashes


def test_a_shard_is_served_in_ranges_with_its_hash_as_etag(dataset, client_as):
    snapshot = compiled(dataset)
    shard = snapshot.shards.get()
    url = f"/api/v1/snapshots/{snapshot.pk}/shards/0/"

    whole = client_as("viewer").get(url)
    part = client_as("viewer").get(url, headers={"range": "bytes=8-15"})

    assert whole["ETag"] == f'"{shard.sha256}"'
    assert part.status_code == 206
    assert part.getvalue() == whole.getvalue()[8:16]


def test_a_snapshot_protects_its_dataset_from_deletion(dataset):
    from django.db.models import ProtectedError

    compiled(dataset)

    with pytest.raises(ProtectedError):
        dataset.delete()

"""Several datasets frozen together: each cell once, and which dataset holds which cycle."""

import numpy as np
import pytest
from django.db.models import ProtectedError
from safetensors.numpy import load

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import Dataset, DatasetCell, DatasetFilter, FilterRange, Snapshot, WetCell
from cycling.jobs import grouping, importing
from cycling.services import datasets as services
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def two(lab_file) -> list[Dataset]:
    """ "All" holds two cells; "Late" one of them, from cycle 5, and another of its own."""
    for cell_id in (10001, 10002, 10003):
        WetCell.objects.create(cell_id=cell_id)
        importing.import_file(lab_file(f"{cell_id}.bdf.csv", cccv_cycles(8), cell_id=cell_id))
        grouping.group_cell(cell_id)
    made = []
    for name, cell_ids in (("All", (10001, 10002)), ("Late", (10002, 10003))):
        dataset = Dataset.objects.create(name=name, slug=name.lower(), licence="CC-BY-4.0")
        for cell_id in cell_ids:
            cell = WetCell.objects.get(cell_id=cell_id)
            DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name=f"{name} {cell_id}")
        made.append(dataset)
    # Cycle n has 0.2 Ah (1 - n / 1000) and ends the faster, so nothing but the rate tells.
    chosen = DatasetFilter.objects.create(dataset=made[1], name="discharges only")
    FilterRange.objects.create(
        filter=chosen, polarity="discharge", attribute="end_voltage", minimum=2.9, maximum=3.1
    )
    FilterRange.objects.create(
        filter=chosen, polarity="charge", attribute="end_voltage", minimum=9.0
    )
    return made


def compiled(datasets: list[Dataset]) -> Snapshot:
    job = services.request_snapshot(datasets, by=None, trigger="page")
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    return Snapshot.objects.get(pk=job.result["snapshot"])


def tensors_of(snapshot: Snapshot) -> dict:
    with storage("snapshots").open(snapshot.shards.get().storage_name) as file:
        return load(file.read())


def test_a_cell_of_two_datasets_is_written_once_with_what_each_holds(two):
    DatasetFilter.objects.get().ranges.filter(polarity="charge").delete()
    snapshot = compiled(two)

    manifest = snapshot.manifest
    assert [cell["cell_id"] for cell in manifest["cells"]] == [10001, 10002, 10003]
    assert [cell["name"] for cell in manifest["cells"]] == ["All 10001", "All 10002", "Late 10003"]
    assert manifest["datasets"][1] == {
        "index": 1,
        "name": "Late",
        "cells": [
            {"cell_id": 10002, "name": "Late 10002"},
            {"cell_id": 10003, "name": "Late 10003"},
        ],
    }
    tensors = tensors_of(snapshot)
    masks = {cell: set(tensors["dataset_mask"][tensors["cell_index"] == cell]) for cell in range(3)}
    assert masks == {0: {1}, 1: {3}, 2: {2}}
    assert len(tensors["cycle"]) == 3 * 16


def test_what_only_one_dataset_lets_through_carries_its_bit_only(two):
    snapshot = compiled(two)

    tensors = tensors_of(snapshot)
    # No charge of the lab ends at 9 V, so the filter lets nothing of "Late" through.
    assert set(tensors["dataset_mask"]) == {1}
    assert set(tensors["cell_index"]) == {0, 1}


def test_the_order_of_the_datasets_has_no_meaning_and_nothing_is_made_twice(two):
    first = compiled(two)

    assert compiled(list(reversed(two))) == first
    assert (first.title, services.frozen_in(first)) == ("All + Late", two)
    assert services.licence_of(first) == "CC-BY-4.0"


def test_one_dataset_alone_has_one_bit(two):
    snapshot = compiled(two[:1])

    assert [each["name"] for each in snapshot.manifest["datasets"]] == ["All"]
    assert np.all(tensors_of(snapshot)["dataset_mask"] == 1)


def test_each_of_the_frozen_datasets_is_protected_and_lists_the_snapshot(two, client_as):
    snapshot = compiled(two)

    for dataset in two:
        assert list(dataset.snapshots.all()) == [snapshot]
        with pytest.raises(ProtectedError):
            dataset.delete()
    page = client_as("viewer").get(f"/cycling/snapshots/{snapshot.pk}/").content.decode()
    assert "All + Late" in page
    assert "dataset_mask" in page


def test_ticked_datasets_are_frozen_from_their_list(two, client_as):
    client = client_as("member")
    page = client.get("/datasets/").content.decode()
    assert 'name="dataset" value="late"' in page

    answer = client.post("/cycling/datasets/freeze/", {"dataset": ["all", "late"]})
    engine.drain()

    job = Job.objects.get(kind="cycling.compile_dataset")
    assert answer.url == job.get_absolute_url()
    assert Snapshot.objects.get().title == "All + Late"
    assert 'name="dataset"' not in client_as("viewer").get("/datasets/").content.decode()
    assert client_as("viewer").post("/cycling/datasets/freeze/").status_code == 403


def test_nothing_ticked_is_told(two, client_as):
    page = client_as("member").post("/cycling/datasets/freeze/", {}, follow=True).content.decode()

    assert "0 datasets are chosen" in page
    assert not Job.objects.exists()


def test_datasets_are_frozen_together_over_rest(two, client_as):
    client = client_as("member")

    answer = client.post(
        "/api/v1/snapshots/", {"datasets": ["late", "all"]}, content_type="application/json"
    )
    engine.drain()

    assert answer.status_code == 202
    listed = client.get("/api/v1/datasets/late/snapshots/").json()["results"]
    assert [(row["title"], row["datasets"]) for row in listed] == [("All + Late", ["all", "late"])]
    absent = client.post(
        "/api/v1/snapshots/", {"datasets": ["all", "nothing"]}, content_type="application/json"
    )
    assert absent.status_code == 400
    assert "There is no dataset nothing" in absent.json()["error"]


def test_more_than_the_bits_of_a_number_are_refused(db):
    many = [
        Dataset.objects.create(name=f"D{number}", slug=f"d{number}")
        for number in range(services.MOST_FROZEN + 1)
    ]

    with pytest.raises(LabError, match="from 1 to 62"):
        services.request_snapshot(many, by=None, trigger="page")
    assert len(services.title_of(many)) <= services.LONGEST_TITLE


def test_compiling_takes_no_more_queries_for_more_datasets(two, django_assert_max_num_queries):
    services.request_snapshot(two, by=None, trigger="page")

    with django_assert_max_num_queries(120):
        engine.drain()

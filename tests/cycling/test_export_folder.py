"""The CSV folder that the night keeps for people: only what changed, nothing of theirs."""

import json

import pytest

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Dataset, DatasetCell, WetCell
from cycling.exports.archives import write_folder
from cycling.jobs import exporting, grouping, importing
from cycling.models import DatasetExport
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def share(tmp_path, settings):
    root = tmp_path / "share"
    root.mkdir()
    settings.EXPORT_DIR = str(root)
    return root


@pytest.fixture
def dataset(lab_file) -> Dataset:
    dataset = Dataset.objects.create(name="Rates: C/20", slug="rates")
    for cell_id in (10001, 10002):
        cell = WetCell.objects.create(cell_id=cell_id)
        DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name=f"cell {cell_id}")
        importing.import_file(lab_file(f"{cell_id}.bdf.csv", cccv_cycles(6), cell_id=cell_id))
        grouping.group_cell(cell_id)
    return dataset


def night() -> Job | None:
    for dataset in exporting.stale_datasets():
        params = {"slug": dataset.slug, "nightly": True}
        engine.enqueue("cycling.export_dataset", params, trigger="night")
    engine.drain()
    return Job.objects.order_by("-created_at").first()


def files(root) -> dict[str, int]:
    """Path -> time of its last writing, of what people see."""
    found = (path for path in root.rglob("*.csv"))
    return {str(path.relative_to(root)): path.stat().st_mtime_ns for path in found}


def test_the_night_keeps_a_folder_and_writes_only_what_changed(dataset, share, lab_file):
    night()
    first = files(share)
    assert set(first) == {
        f"Rates_COLON_ C_OVER_20/cell {cell_id} (CELL ID {cell_id})/all cycles.csv"
        for cell_id in (10001, 10002)
    }
    assert exporting.stale_datasets() == []

    importing.import_file(lab_file("10002.bdf.csv", cccv_cycles(7), cell_id=10002))
    night()

    second = files(share)
    changed = {name for name in second if second[name] != first[name]}
    assert changed == {name for name in first if "10002" in name}


def test_what_is_exported_no_longer_goes_and_what_is_not_ours_stays(dataset, share):
    night()
    (own,) = (share / name for name in files(share) if "10001" in name)
    note = own.parent / "my notes.txt"
    note.write_text("mine")
    dataset.memberships.filter(wet_cell__cell_id=10001).delete()
    dataset.memberships.filter(wet_cell__cell_id=10002).update(name="renamed")

    night()

    assert list(files(share)) == ["Rates_COLON_ C_OVER_20/renamed (CELL ID 10002)/all cycles.csv"]
    assert note.read_text() == "mine"
    assert not (share / "Rates_COLON_ C_OVER_20" / "cell 10002 (CELL ID 10002)").exists()


def test_a_renamed_dataset_leaves_no_old_folder(dataset, share):
    night()
    Dataset.objects.update(name="Rates")

    night()

    assert {path.name for path in share.iterdir()} == {"Rates", ".battery_db"}


def test_a_list_that_somebody_changed_removes_nothing_elsewhere(dataset, share, tmp_path):
    night()
    outside = tmp_path / "precious.csv"
    outside.write_text("keep")
    listed = share / ".battery_db" / "rates.json"
    told = json.loads(listed.read_text())
    listed.write_text(json.dumps({**told, "fingerprint": "", "files": ["../precious.csv"]}))

    night()

    assert outside.read_text() == "keep"


def test_a_folder_that_is_gone_fails_the_job_in_words_and_is_tried_again(dataset, share, settings):
    settings.EXPORT_DIR = str(share / "not mounted")

    job = night()

    assert job.state == Job.State.FAILED
    assert "can not be written" in job.error
    assert "Mount it" in job.fix
    assert DatasetExport.objects.count() == 1  # the zip is there all the same
    settings.EXPORT_DIR = str(share)
    assert exporting.stale_datasets() == [dataset]
    assert night().state == Job.State.SUCCEEDED
    assert len(files(share)) == 2


def test_without_a_folder_only_the_zip_is_written(dataset):
    assert night().state == Job.State.SUCCEEDED
    assert exporting.stale_datasets() == []


def test_names_that_differ_by_case_only_do_not_share_a_folder(tmp_path):
    parts = [("D", "Fast", "1.csv"), ("D", "fast", "1.csv"), ("D", "Fast", "2.csv")]

    write_folder(tmp_path, [(each, b"x") for each in parts])

    assert {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*.csv")} == {
        "D/Fast/1.csv",
        "D/fast (2)/1.csv",
        "D/Fast/2.csv",
    }

"""The page people open first, and what machines ask of it."""

import os
from pathlib import Path

import pytest

from battery_db import nightly, readiness, report
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from battery_db.tasks import NIGHT
from cells.models import Folder, RawFile
from cycling.models import CycleGroup, CyclingTest
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


@pytest.fixture
def rack(tmp_path) -> Path:
    """A watched folder with two good files, one that can not be named and one of rubbish."""
    folder = tmp_path / "NEWARE"
    folder.mkdir()
    Folder.objects.create(name="Rack 1", path=str(folder), time_zone="UTC")
    table = cccv_cycles(12).write_csv()
    put(folder / "Sb_CYC_10001_NW_c0_42V_30C_1C1C_250101.bdf.csv", table)
    put(folder / "Sb_CYC_10002_NW_c0_42V_30C_1C1C_250101.bdf.csv", cccv_cycles(11).write_csv())
    put(folder / "hello.txt", "what is this")
    put(folder / "Sb_CYC_10003_NW_c0_42V_30C_1C1C_250101.txt", "\x00\x01 rubbish")
    return folder


def put(path: Path, text: str) -> None:
    path.write_text(text)
    os.utime(path, (1.6e9, 1.6e9))


def night() -> report.NightReport:
    job = engine.enqueue(NIGHT, trigger=Job.Trigger.NIGHT, key=NIGHT)
    engine.drain()
    job.refresh_from_db()
    assert job.state == Job.State.SUCCEEDED, job.error
    return report.report_of(job)


def test_a_night_brings_files_to_groups_and_says_what_failed(rack):
    result = night()

    assert result.totals["scan"]["new"] == 4
    assert result.totals["import"]["imported"] == 2
    assert CycleGroup.objects.exists()
    assert [failure["name"] for failure in result.failures] == [
        "Sb_CYC_10003_NW_c0_42V_30C_1C1C_250101.txt"
    ]
    assert result.failures[0]["fix"]


def test_a_second_night_finds_nothing_to_do(rack):
    night()

    result = night()

    assert result.was_quiet
    assert "import" not in result.totals
    assert "group" not in result.totals


def test_a_folder_that_is_gone_does_not_stop_the_others(rack):
    Folder.objects.create(name="Rack 2", path="/no/such/folder", time_zone="UTC")

    result = night()

    assert result.totals["import"]["imported"] == 2
    assert any("Rack 2" in str(failure.get("name")) for failure in result.failures) or any(
        "Rack 2" in part.title for part in result.failed_parts
    )
    assert Folder.objects.get(name="Rack 2").error


def test_a_part_that_fails_does_not_stop_the_night(rack, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("cycling.jobs.grouping.group_cell", broken)

    result = night()

    assert [part.kind for part in result.failed_parts] == ["cycling.group_cells"]
    assert result.totals["import"]["imported"] == 2


def test_the_report_page_says_what_came_in_and_takes_few_queries(
    rack, client_as, django_assert_max_num_queries
):
    night()
    client = client_as("viewer")

    with django_assert_max_num_queries(20):
        page = client.get("/")

    text = page.content.decode()
    assert "2 files imported" in text
    assert "10003" in text


def test_before_the_first_night_the_page_says_what_to_do(client_as):
    text = client_as("viewer").get("/").content.decode()

    assert "No night has run yet" in text


def test_a_member_can_start_a_night_and_a_viewer_can_not(client_as):
    assert client_as("viewer").post("/nights/start/").status_code == 403

    answer = client_as("member").post("/nights/start/")

    assert answer.status_code == 302
    assert Job.objects.filter(kind=NIGHT).count() == 1


def test_the_report_is_there_as_json(rack, client_as):
    result = night()

    data = client_as("viewer").get(f"/api/v1/nights/{result.job.pk}/").json()

    assert data["totals"]["import"]["imported"] == 2
    assert data["failures"][0]["error"]


def test_a_night_that_was_cut_short_is_finished_by_the_next(rack):
    engine.enqueue(NIGHT, trigger=Job.Trigger.NIGHT, key=NIGHT)
    for _ in range(3):  # the night itself, and the first parts
        engine.run_job(Job.objects.filter(state=Job.State.QUEUED).order_by("created_at").first().pk)
    Job.objects.active().update(state=Job.State.CANCELLED)

    result = night()

    assert RawFile.objects.count() == 4
    assert CyclingTest.objects.exclude(series_name="").count() == 2
    assert result.job.state == Job.State.SUCCEEDED


def test_steps_have_distinct_names():
    names = [step.name for step in nightly.STEPS]

    assert len(names) == len(set(names))


def test_readiness_names_each_part(client, monkeypatch):
    monkeypatch.setattr(
        readiness,
        "checks",
        lambda: {"database": True, "broker": False, "disk": True, "scheduler": True},
    )

    answer = client.get("/readyz")

    assert answer.status_code == 503
    assert answer.json()["broker"] is False


def test_a_missing_scheduler_is_told_but_pages_stay_up(client, monkeypatch):
    monkeypatch.setattr(
        readiness,
        "checks",
        lambda: {"database": True, "broker": True, "disk": True, "scheduler": False},
    )

    assert client.get("/readyz").status_code == 200


def test_a_file_read_only_in_part_is_not_passed_over(rack, client_as):
    table = cccv_cycles(13).write_csv()
    put(rack / "Sb_CYC_10004_NW_c0_42V_30C_1C1C_250101.bdf.csv", table[:-8])
    (rack / "Sb_CYC_10003_NW_c0_42V_30C_1C1C_250101.txt").unlink()

    result = night()

    assert result.totals["import"]["partial"] == 1
    assert [each["file_id"] for each in result.partials]
    text = client_as("viewer").get("/").text
    assert "Nothing failed altogether" in text
    assert "read in part" in text
    assert result.partials[0]["name"] in text

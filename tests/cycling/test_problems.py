"""Potential problems: each kind is found, says what to do, goes when it is mended."""

from datetime import timedelta

import polars as pl
import pytest
from django.utils import timezone

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs import engine
from cells.models import (
    Dataset,
    DatasetCell,
    Folder,
    RawFile,
    WetCell,
)
from cycling.jobs import grouping, importing
from cycling.jobs.problem_searches import SEARCHES
from cycling.models import CyclingTest, HalfCycle, Problem
from cycling.problems import KINDS, unit_suspect
from cycling.services import problems as services
from tests.cycling.conftest import cccv_cycles
from tests.cycling.formats import files

pytestmark = pytest.mark.django_db


def found(kind: str) -> list[str]:
    return [each.text for each in SEARCHES[kind]()]


def search() -> None:
    job = services.request_search(by=None, trigger="page")
    engine.drain()
    job.refresh_from_db()
    assert job.state == "succeeded", job.error


@pytest.fixture
def cell(lab_file) -> int:
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(30)))
    grouping.group_cell(10001)
    return 10001


def test_every_kind_has_a_search_and_a_title():
    assert set(SEARCHES) == set(KINDS)


def test_a_sound_cell_has_no_problem_but_that_nobody_registered_it(cell):
    assert {kind for kind in SEARCHES if found(kind)} == {"unregistered"}
    WetCell.objects.create(cell_id=cell)
    assert {kind for kind in SEARCHES if found(kind)} == set()


def test_cells_of_datasets_without_data(cell):
    dataset = Dataset.objects.create(name="A", slug="a")
    for cell_id in (cell, 10002):
        DatasetCell.objects.create(
            dataset=dataset, wet_cell=WetCell.objects.create(cell_id=cell_id)
        )

    assert found("no_data") == ["Cell 10002 of the dataset A has no cycles."]


def test_a_name_without_start_cycle(lab_file):
    lab_file("a.bdf.csv", cccv_cycles(1), start_cycle=None)

    assert "does not say how many cycles" in found("no_start_cycle")[0]


def test_a_capacity_that_jumps_and_stays(cell):
    HalfCycle.objects.filter(cycle_count__gte=16).update(capacity_ah=0.1)

    assert any(
        "capacity goes from" in text and "at about cycle 1" in text for text in found("jump")
    )


def test_a_half_cycle_that_stands_out_is_named_and_not_hidden(cell):
    HalfCycle.objects.filter(cycle_count=15, polarity="discharge").update(capacity_ah=0.1)
    grouping.group_cell(cell)

    assert "1 half-cycles stand out" in found("anomaly")[0]
    assert "discharge of cycle 15 (capacity)" in found("anomaly")[0]
    assert not HalfCycle.objects.filter(excluded=True).exists()


def test_time_that_goes_backwards_is_a_problem_of_its_own(cell):
    CyclingTest.objects.update(findings=[{"code": "clock_fell", "text": "The clock fell."}])

    assert found("clock") == ["a.bdf.csv: The clock fell."]
    assert found("finding") == []


@pytest.mark.parametrize(
    ("capacity", "reference", "volt", "words"),
    [
        (220.0, 0.22, 4.2, "mA were read as A"),
        (0.00022, 0.22, 4.2, "A were read as mA"),
        (0.22, 0.22, 4200.0, "millivolts"),
        (0.22, 0.22, 0.0042, "below"),
        (0.25, 0.22, 4.2, ""),
        (0.25, None, 4.2, ""),
        (None, None, None, ""),
    ],
)
def test_numbers_that_look_like_another_unit(capacity, reference, volt, words):
    assert (
        (words in unit_suspect(capacity, reference, volt))
        if words
        else (unit_suspect(capacity, reference, volt) == "")
    )


def test_a_file_that_stopped_growing_within_a_cycle(cell):
    HalfCycle.objects.filter(cycle_count=30, polarity="discharge").update(is_complete=False)
    RawFile.objects.update(modified_at=timezone.now() - timedelta(days=2))
    assert found("stale_test") == []

    RawFile.objects.update(modified_at=timezone.now() - timedelta(days=9))
    assert "has not grown since" in found("stale_test")[0]


def test_files_that_repeat_cycles_of_each_other(cell, lab_file):
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(10, fade=0.002), start_cycle=20))

    assert "both have cycles 21 to 30" in found("overlap")[0]


def test_a_reader_that_failed(lab_file):
    importing.import_file(lab_file("a.txt", b"nothing of use"))

    assert "a.txt:" in found("failed_import")[0]


def test_a_folder_in_trouble(folder):
    Folder.objects.update(error="It is not mounted.")

    assert "It is not mounted" in found("storage")[0]


def test_a_full_disk(db, monkeypatch):
    monkeypatch.setattr("shutil.disk_usage", lambda _: type("U", (), {"free": 1e9, "total": 1e12}))

    assert "1.0 GB of 1000 GB left" in found("storage")[0]


def test_the_list_keeps_a_dismissal_while_the_problem_lasts_and_forgets_what_is_mended(
    cell, people
):
    search()
    row = Problem.objects.get(kind="unregistered")
    services.dismiss(row.pk, "a test cell", by=people["curator"])
    search()

    row.refresh_from_db()
    assert (row.dismissed_reason, row.dismissed_by) == ("a test cell", people["curator"])
    assert Problem.history.filter(kind="unregistered").first().history_user == people["curator"]
    assert not services.open_problems().exists()

    WetCell.objects.create(cell_id=cell)
    search()
    assert not Problem.objects.exists()


def test_a_problem_is_dismissed_with_a_reason_by_a_curator_and_taken_up_again(cell, client_as):
    search()
    row = Problem.objects.get()
    url = f"/cycling/problems/{row.pk}/dismiss/"

    assert client_as("member").post(url, {"reason": "x"}).status_code == 403
    client_as("curator").post(url, {"reason": " "})
    assert services.open_problems().count() == 1
    client_as("curator").post(url, {"reason": "no cell of ours"})
    assert services.open_problems().count() == 0
    panel = client_as("viewer").get("/cycling/problems/panel/?dismissed=1").content.decode()
    assert "no cell of ours" in panel
    client_as("curator").post(url, {"restore": "1"})
    assert services.open_problems().count() == 1


def test_each_row_says_what_to_do_and_leads_there(cell, client_as):
    search()

    panel = client_as("viewer").get("/cycling/problems/panel/").content.decode()

    assert 'href="/cells/new/?cell_id=10001"' in panel
    assert "Register the cell" in panel
    assert client_as("member").get("/problems/").status_code == 200


def test_many_cells_are_searched_in_few_queries(cell, lab_file, django_assert_max_num_queries):
    for number in range(4):
        importing.import_file(
            lab_file(f"{number}.bdf.csv", cccv_cycles(12), cell_id=10010 + number)
        )

    with django_assert_max_num_queries(20):
        for kind in SEARCHES:
            found(kind)


def test_the_troubleshooter_says_which_step_is_missing(cell, lab_file):
    lab_file("b.bdf.csv", cccv_cycles(3), cell_id=10002)

    def missing(text: str) -> list[str]:
        return [
            c.question for _, checks in services.troubleshoot(text) for c in checks if not c.good
        ]

    assert missing("10001") == ["Is the cell registered?"]
    assert missing("10002")[:2] == ["Is the cell registered?", "Have they been imported?"]
    assert "Do files speak of it?" in missing("99999")
    dataset = Dataset.objects.create(name="A set", slug="a-set")
    DatasetCell.objects.create(dataset=dataset, wet_cell=WetCell.objects.create(cell_id=10002))
    assert missing("a set")[:2] == ["Have all its cells data?", "Have they been imported?"]
    with pytest.raises(LabError, match="neither a Cell ID nor a dataset"):
        services.troubleshoot("nothing")


def test_the_page_of_the_troubleshooter_answers_or_says_what_to_write(cell, client_as):
    client = client_as("viewer")

    assert "Register the cell" in client.get("/cycling/troubleshoot/?q=10001").content.decode()
    assert "neither a Cell ID" in client.get("/cycling/troubleshoot/?q=zzz").content.decode()


def test_a_problem_that_is_gone_is_said_to_be(people):
    with pytest.raises(NotAllowed, match="gone"):
        services.dismiss(4711, "x")


def test_counters_that_differ_by_more_than_one_percent_are_shown_on_file_and_list(
    lab_file, client_as
):
    wrong = files.series().with_columns(pl.col("step_cumulative_capacity_ah") * 1.02)
    file = lab_file("a.bdf.csv", wrong)
    importing.import_file(file)
    search()
    client = client_as("viewer")
    told = "0.00765 Ah counted, 0.0075 Ah integrated (2.0%)"

    assert [told in text for text in found("counter")] == [True]
    assert told in client.get(f"/cycling/files/{file.pk}/panel/").text
    panel = client.get("/cycling/problems/panel/").text
    assert told in panel
    assert KINDS["counter"] in panel
    # Never a silent correction: capacities stay those of the records.
    assert HalfCycle.objects.first().capacity_ah == pytest.approx(0.0075, rel=1e-3)


def test_problems_are_listed_in_the_order_of_their_kinds(lab_file):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(3)))
    Problem.objects.create(kind="anomaly", key="1")
    Problem.objects.create(kind="units", key="1")
    Problem.objects.create(kind="failed_import", key="1")

    kinds = [row.kind for row in services.open_problems()]

    assert kinds == ["failed_import", "units", "anomaly"]

"""What became of each file: the list that a night leaves, as page, CSV, REST and command."""

import csv
import io
import os
from datetime import timedelta
from pathlib import Path

import pytest
from django.core.management import call_command
from django.utils import timezone

from battery_db import outcomes
from battery_db.lib.runs.models import Job
from battery_db.lib.storage import storage
from cells.models import FileMetadata, Folder, RawFile
from cells.services import files as file_services
from cycling.jobs import importing as cycling_jobs
from eis.jobs import importing as eis_jobs
from ftir.jobs import importing as ftir_jobs
from tests.cycling.conftest import cccv_cycles
from tests.test_report import night, put

pytestmark = pytest.mark.django_db
GOOD = "Sb_CYC_10001_NW_c0_42V_30C_1C1C_250101.bdf.csv"
CUT = "Sb_CYC_10002_NW_c0_42V_30C_1C1C_250101.bdf.csv"
RUBBISH = "Sb_CYC_10003_NW_c0_42V_30C_1C1C_250101.txt"
OTHER = "Sb_TAM_10004_c0_42V_30C_250101.dat"
COPY = "Sb_CYC_10009_NW_c0_42V_30C_1C1C_250101.bdf.csv"


@pytest.fixture
def rack(tmp_path) -> Path:
    """A file for each outcome that a scan and an import can have."""
    folder = tmp_path / "NEWARE"
    folder.mkdir()
    Folder.objects.create(name="Rack 1", path=str(folder), time_zone="UTC")
    put(folder / GOOD, cccv_cycles(12).write_csv())
    put(folder / CUT, cccv_cycles(13).write_csv()[:-8])
    put(folder / RUBBISH, "\x00\x01 rubbish")
    put(folder / OTHER, "heat flow")
    put(folder / "hello.txt", "what is this")
    put(folder / COPY, cccv_cycles(12).write_csv())
    (folder / "fresh.txt").write_text("still being written")
    return folder


def told(job: Job, **asked) -> dict[str, dict]:
    return {row["path"]: row for row in outcomes.read(job, outcomes.Asked(**asked))[:]}


def test_every_file_is_there_with_its_outcome_and_why(rack):
    rows = told(night().job)

    assert {path: row["outcome"] for path, row in rows.items()} == {
        GOOD: "imported",
        CUT: "partial",
        RUBBISH: "refused",
        OTHER: "unread",
        "hello.txt": "unnamed",
        COPY: "copy",
        "fresh.txt": "waiting",
    }
    assert rows["hello.txt"]["why"].startswith("Name not understood. No kind of experiment")
    assert "No reader recognises the content" in rows[RUBBISH]["why"]
    assert GOOD in rows[COPY]["why"]
    assert "microcalorimetry" in rows[OTHER]["why"]
    assert rows[GOOD]["records"] == cccv_cycles(12).height
    for row in rows.values():
        assert row["why"] or row["outcome"] == "imported"


def test_files_out_of_reach_gone_or_deprecated_are_told_as_such(rack):
    job = night().job
    (rack / CUT).unlink()
    RawFile.objects.filter(path=RUBBISH).update(
        state=RawFile.State.UNREADABLE, error="The server could not read it: permission denied."
    )
    file_services.deprecate(RawFile.objects.filter(path=OTHER), "wrong cell")
    began = timezone.now() - timedelta(hours=1)
    RawFile.objects.filter(path=CUT).update(state=RawFile.State.MISSING)

    job.result = {"files": outcomes.keep(job.pk, began)}
    rows = told(job)

    assert rows[CUT]["outcome"] == "missing"
    assert (rows[OTHER]["outcome"], rows[OTHER]["why"]) == ("deprecated", "wrong cell")
    assert rows[RUBBISH]["outcome"] == "unreadable"
    assert "permission denied" in rows[RUBBISH]["why"]


def test_a_reader_that_breaks_is_told_apart_from_a_refusal(rack, monkeypatch):
    def broken(*args, **kwargs):
        raise ZeroDivisionError

    monkeypatch.setattr("cycling.jobs.importing.summarise_after", broken)

    rows = told(night().job)

    assert rows[GOOD]["outcome"] == "failed"
    assert rows[GOOD]["fix"]


def test_the_next_night_counts_what_has_not_changed_and_repeats_what_is_open(rack):
    first = night()

    second = night()

    assert first.files["new"]["imported"] == 1
    assert second.files["unchanged"] == 1
    assert GOOD not in told(second.job)
    assert told(second.job)["hello.txt"]["outcome"] == "unnamed"
    assert set(told(second.job, only_new=True)) <= {"fresh.txt"}


def test_an_old_night_says_what_it_said(rack):
    first = night()
    file = RawFile.objects.get(path="hello.txt")
    file_services.correct_metadata(file, {"experiment": "cycling", "cell_id": 10005})
    os.utime(rack / "fresh.txt", (1.6e9, 1.6e9))

    night()

    assert told(first.job)["hello.txt"]["outcome"] == "unnamed"
    assert told(first.job)["fresh.txt"]["outcome"] == "waiting"


def test_a_spectrum_of_a_cell_that_is_not_known_is_imported_and_says_so(rack):
    ohms = "\n".join(f"{10**n},{10 + n},{-n}" for n in range(-2, 6))
    put(rack / "EIS-of-something.csv", f"freq/Hz,Re(Z)/Ohm,Im(Z)/Ohm\n{ohms}\n")

    row = told(night().job)["EIS-of-something.csv"]

    assert (row["outcome"], row["records"]) == ("imported", 1)
    assert row["why"].startswith("Not linked to a cell:")


def test_the_list_is_searched_and_filtered(rack):
    job = night().job

    assert set(told(job, outcome="refused")) == {RUBBISH}
    assert set(told(job, words="NAME understood")) == {"hello.txt"}
    assert set(told(job, words="sb_cyc 10001")) == {GOOD, COPY}  # a copy names what is used
    assert told(job, folder="no such folder") == {}


def test_the_page_links_each_file_and_takes_few_queries(
    rack, client_as, django_assert_max_num_queries
):
    job = night().job
    client = client_as("viewer")

    with django_assert_max_num_queries(8):
        page = client.get(f"/nights/{job.pk}/files/")

    file = RawFile.objects.get(path="hello.txt")
    assert file.get_absolute_url() in page.text
    assert "name not understood" in page.text
    shown = client.get(f"/nights/{job.pk}/files/?outcome=refused&q=nonsense")
    assert "No file matches" in shown.text
    assert RUBBISH in client.get(f"/nights/{job.pk}/files/?outcome=refused").text


def test_the_report_counts_outcomes_and_leads_to_them(rack, client_as):
    job = night().job

    page = client_as("viewer").get("/")

    assert f'href="/nights/{job.pk}/files/?outcome=unnamed"' in page.text
    assert "0 files imported before and unchanged." in page.text


def test_the_csv_has_every_row_that_the_page_shows(rack, client_as):
    job = night().job

    answer = client_as("viewer").get(f"/nights/{job.pk}/files.csv?outcome=unnamed")

    text = b"".join(answer.streaming_content).decode("utf-8-sig")
    (row,) = csv.DictReader(io.StringIO(text))
    assert row["path"] == "hello.txt"
    assert row["why"].startswith("Name not understood.")


def test_rest_gives_the_same_rows_and_refuses_what_does_not_exist(rack, client_as):
    job = night().job
    client = client_as("viewer")

    answer = client.get(f"/api/v1/nights/{job.pk}/files/?outcome=partial").json()

    assert [row["path"] for row in answer["results"]] == [CUT]
    assert (answer["count"], answer["unchanged"]) == (1, 0)
    assert client.get(f"/api/v1/nights/{job.pk}/files/?outcome=odd").status_code == 400
    assert client.get(f"/api/v1/nights/{job.pk}/").json()["files"]["all"]["refused"] == 1


def test_the_command_prints_a_line_for_each_file_and_a_table(rack):
    out = io.StringIO()

    call_command("run_nightly", "--files", stdout=out)

    lines = out.getvalue().splitlines()
    assert any(line.startswith("imported ") and GOOD in line for line in lines)
    assert any("hello.txt" in line and "Name not understood." in line for line in lines)
    assert any(line.split() == ["refused", "1", "1"] for line in lines)


def test_a_night_without_a_list_says_so(rack, client_as):
    job = night().job
    storage("default").delete(job.result["files"]["name"])
    client = client_as("viewer")

    assert "This night left no list" in client.get(f"/nights/{job.pk}/files/").text
    assert client.get(f"/nights/{job.pk}/files.csv").status_code == 302
    assert "no list" in client.get(f"/api/v1/nights/{job.pk}/files/").json()["error"]


def test_lists_of_forgotten_nights_are_removed(rack):
    old = night()
    name = old.job.result["files"]["name"]
    Job.objects.filter(pk=old.job.pk).delete()

    night()

    assert not storage("default").exists(name)


def test_each_technique_is_asked_for_the_experiments_that_it_reads():
    assert set(outcomes.READ_BY["cycling_test"]) == set(cycling_jobs.EXPERIMENTS)
    assert set(outcomes.READ_BY["impedance_file"]) == set(eis_jobs.EXPERIMENTS)
    read = ftir_jobs.importable().query
    assert str(FileMetadata.Experiment.FTIR.value) in str(read)


def test_listing_takes_as_many_queries_for_many_files(rack, django_assert_num_queries):
    job = night().job
    began = job.created_at
    folder = Folder.objects.get()

    def more(count: int) -> None:
        RawFile.objects.bulk_create(
            RawFile(
                folder=folder, path=f"x{count}-{n}", name="x", size=1, modified_at=began,
                mtime_ns=1, state=RawFile.State.STABLE, changed_at=began,
            )
            for n in range(count)
        )  # fmt: skip

    for count in (1, 300):
        more(count)
        with django_assert_num_queries(3):
            outcomes.keep(job.pk, began)

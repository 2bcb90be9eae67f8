"""Declaring the columns of a folder in the browser, and what becomes of its files."""

from pathlib import Path

import pytest
from django.urls import reverse

from battery_db.lib.runs.models import Job
from cycling.jobs.importing import import_file, stale
from cycling.models import CyclingTest, TableDeclaration
from tests.cycling.formats import files

FORM = {
    "header_line": "2", "separator": "", "name": "Room 2", "reverse_current": "on",
    "column-0": "cycle_count", "unit-0": "", "column-1": "test_time_second", "unit-1": "min",
    "column-2": "voltage_volt", "unit-2": "mV", "column-3": "current_ampere", "unit-3": "mA",
}  # fmt: skip


@pytest.fixture
def file(lab_file):
    file = lab_file("own.csv", files.unlabelled(files.series()).encode())
    assert import_file(file).status == "failed"
    return file


def page(file) -> str:
    return reverse("cycling:declare-columns", args=[file.pk])


def test_the_page_shows_the_columns_of_the_file(client_as, file):
    text = client_as("viewer").get(page(file), {"header_line": "2"}).content.decode()

    assert 'aria-label="U is"' in text
    assert "A curator can declare columns." in text


def test_trying_shows_what_comes_of_it_and_saves_nothing(client_as, file):
    text = client_as("curator").post(page(file), {**FORM, "try": "1"}).content.decode()

    assert "What comes of it" in text
    assert "<td>3.7</td>" in text
    assert not TableDeclaration.objects.exists()


def test_saving_imports_the_folders_refused_files(client_as, file):
    response = client_as("curator").post(page(file), {**FORM, "save": "1"})

    declaration = TableDeclaration.objects.get()
    job = Job.objects.get(kind="cycling.import_files")
    assert response.url == job.get_absolute_url()
    assert job.params == {"file_ids": [file.pk]}
    # The night would take the file, should the job be lost.
    assert list(stale()) == [file]
    assert declaration.history.get().history_user.username == "curator"
    assert import_file(file).status == "imported"
    assert CyclingTest.objects.get().format_name == "declared"
    assert list(stale()) == []


def test_a_declaration_that_does_not_fit_says_why_and_saves_nothing(client_as, file):
    wrong = {**FORM, "unit-3": "bananas", "save": "1"}

    text = client_as("curator").post(page(file), wrong).content.decode()

    assert "The unit &#x27;bananas&#x27; of column &#x27;I&#x27; is not known." in text
    assert not TableDeclaration.objects.exists()


def test_only_curators_may_declare(client_as, file):
    assert client_as("member").post(page(file), {**FORM, "save": "1"}).status_code == 403


def test_a_deleted_declaration_is_not_used_any_more(client_as, file):
    client = client_as("curator")
    client.post(page(file), {**FORM, "save": "1"})
    import_file(file)

    client.post(reverse("cycling:delete-declaration", args=[TableDeclaration.objects.get().pk]))

    assert list(stale()) == [file]
    assert import_file(file).status == "failed"


def test_a_file_that_is_gone_says_so(client_as, file, folder):
    (Path(folder.path) / "own.csv").unlink()

    assert "The file is not there." in client_as("viewer").get(page(file)).content.decode()


def test_a_unit_that_a_real_file_lacks_is_asked_for_once_and_reads_it(
    client_as, lab_file, real_data
):
    """Maccor's program wrote ``Current``, ``Voltage`` and no unit below four lines of its own."""
    source = real_data / "cycling-maccor/battery-lcf__batteryarchive-service/tests/test_data/cycle"
    source = source / "MACCOR_example/MACCOR_example.txt"
    if not source.exists():
        pytest.skip(f"absent: {source}")
    file = lab_file("a.txt", source.read_bytes())
    other = lab_file("b.txt", source.read_bytes() + b"\n", cell_id=10002)
    refused = import_file(file)
    assert "'Current' can not be read: it names no unit" in refused.error
    assert import_file(other).status == "failed"

    text = client_as("curator").get(page(file)).text

    # The line of column names is found below the preamble, and its words are known.
    assert 'name="header_line" inputmode="numeric" value="5"' in text
    assert text.count(" selected>current_ampere<") == 1
    assert text.count(" selected>voltage_volt<") == 1
    fields = {
        "Test Time (sec)": ("test_time_second", "s"), "Capacity": ("step_cumulative_capacity_ah", "Ah"),
        "Energy": ("step_cumulative_energy_wh", "Wh"), "Current": ("current_ampere", "A"),
        "Voltage": ("voltage_volt", "V"),
    }  # fmt: skip
    header = source.read_text(encoding="latin-1").splitlines()[4].split("\t")
    form = {"header_line": "5", "separator": "", "name": "Maccor", "save": "1"}
    for name, (column, unit) in fields.items():
        place = header.index(name)
        form |= {f"column-{place}": column, f"unit-{place}": unit}

    assert client_as("curator").post(page(file), form).status_code == 302

    for each in (file, other):
        assert import_file(each).status == "imported"
    test = CyclingTest.objects.get(file=file)
    assert (test.format_name, test.row_count) == ("maccor_text", 499)
    assert not test.half_cycles.filter(polarity="discharge", capacity_ah__gt=10).exists()

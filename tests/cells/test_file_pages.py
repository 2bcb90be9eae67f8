"""The pages about files, as people of each role see them."""

import pytest
from django.urls import reverse

from battery_db.lib.runs.models import Job
from cells.models import Folder, RawFile, WetCell

pytestmark = pytest.mark.django_db
NAME = "Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt"
FTIR = "Sb_FTIR_10002_170201.spa"
BAD = "what is this.txt"


def listed(client, query=""):
    response = client.get(reverse("cells:files") + query)
    assert response.status_code == 200
    return {row.record.name for row in response.context["table"].paginated_rows}


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("", {NAME, FTIR, BAD}),
        ("?q=sb 10001", {NAME}),
        ("?q=cyclers", {NAME, FTIR, BAD}),
        ("?status=valid", {NAME, FTIR}),
        ("?status=invalid", {BAD}),
        ("?status=deprecated", {FTIR}),
        ("?status=active", {NAME, BAD}),
        ("?status=missing", set()),
        ("?status=duplicate", set()),
        ("?experiment=ftir", {FTIR}),
        ("?cell_id=10001", {NAME}),
        ("?sort=-size", {NAME, FTIR, BAD}),
    ],
)
def test_files_are_found_by_words_state_experiment_and_cell(client_as, found, query, names):
    for name in (NAME, FTIR, BAD):
        found(name)
    RawFile.objects.filter(name=FTIR).update(deprecated=True)

    assert listed(client_as("viewer"), query) == names


@pytest.mark.parametrize("column", ["name", "status", "experiment", "cell_id", "folder", "size"])
def test_every_column_sorts(client_as, found, column):
    found(NAME)
    found(BAD)

    assert listed(client_as("viewer"), f"?sort={column}") == {NAME, BAD}


def test_a_page_of_files_takes_few_queries(client_as, found, django_assert_max_num_queries):
    for number in range(12):
        found(f"Sb_FTIR_{10000 + number}_170201.spa")
    client = client_as("curator")
    client.get(reverse("cells:files"))

    with django_assert_max_num_queries(10):
        assert len(listed(client)) == 12


def test_without_files_the_list_says_what_to_do(client_as):
    response = client_as("viewer").get(reverse("cells:files"))

    assert "No files yet" in response.text


def test_a_name_with_script_newline_and_bad_bytes_is_shown_as_text(client_as, found, folder):
    import os
    from pathlib import Path

    from cells.jobs import files as jobs

    raw = b"<script>alert(1)<\\script>\n\xff.txt"
    (Path(folder.path) / os.fsdecode(raw)).write_bytes(b"x")
    jobs.scan_folder(folder.pk)
    file = RawFile.objects.get()

    for url in (reverse("cells:files"), file.get_absolute_url()):
        page = client_as("curator").get(url).text
        assert "<script>alert(1)" not in page
        assert "\\n\\xff.txt" in page


def test_a_file_page_explains_the_name_word_by_word(client_as, found):
    page = client_as("viewer").get(found(NAME).get_absolute_url()).text

    assert "temperature 30 °C" in page
    assert "charge at 1C, discharge at 1C" in page


def test_a_member_completes_the_metadata_of_a_file(client_as, found):
    file = found("Sb_CYC_10001_NW_41V_30C_170201.txt")
    client = client_as("member")
    form = client.get(file.get_absolute_url()).context["form"]
    values = {name: form[name].value() or "" for name in form.fields}

    response = client.post(file.get_absolute_url(), {**values, "start_cycle": 3}, follow=True)

    assert "The metadata is complete" in response.text
    assert "Set by hand" in response.text
    file.metadata.refresh_from_db()
    assert (file.metadata.start_cycle, file.metadata.manual_fields) == (3, ["start_cycle"])
    assert "member" in [change.who for change in response.context["changes"]]
    assert any("start cycle: empty → 3" in c.what for c in response.context["changes"])


def test_a_value_out_of_range_is_refused_in_the_form(client_as, found):
    file = found(NAME)

    response = client_as("member").post(file.get_absolute_url(), {"upper_cutoff_voltage": 41})

    assert "Must lie between" in response.text
    assert "Temperature / °C" in response.text
    file.metadata.refresh_from_db()
    assert file.metadata.upper_cutoff_voltage == 4.1


def test_a_viewer_can_not_correct(client_as, found):
    assert client_as("viewer").post(found(NAME).get_absolute_url(), {}).status_code == 403


def test_a_curator_deprecates_and_restores(client_as, found):
    file = found(NAME)
    client = client_as("curator")

    page = client.post(
        reverse("cells:file-deprecate", args=[file.pk]), {"reason": "old"}, follow=True
    )
    assert "old" in page.text
    file.refresh_from_db()
    assert file.deprecated

    client.post(reverse("cells:file-restore", args=[file.pk]))
    file.refresh_from_db()
    assert not file.deprecated


def test_a_member_can_not_deprecate(client_as, found):
    url = reverse("cells:file-deprecate", args=[found(NAME).pk])

    assert client_as("member").post(url, {"reason": "x"}).status_code == 403


def test_ticked_files_are_deprecated_together(client_as, found):
    files = [found(NAME), found(FTIR), found(BAD)]
    values = {"files": [files[0].pk, files[2].pk], "reason": "old", "next": "/files/?status=active"}

    response = client_as("curator").post(reverse("cells:files-deprecate"), values)

    assert response.url == "/files/?status=active"
    assert set(RawFile.objects.filter(deprecated=True)) == {files[0], files[2]}


@pytest.mark.parametrize("values", [{}, {"files": ["x"], "reason": "a"}, {"reason": "a"}])
def test_a_bulk_request_without_files_or_reason_changes_nothing(client_as, found, values):
    found(NAME)

    response = client_as("curator").post(reverse("cells:files-deprecate"), values, follow=True)

    assert "Tick at least one file" in response.text


def test_next_never_leads_to_another_site(client_as):
    response = client_as("curator").post(
        reverse("cells:files-deprecate"), {"next": "https://evil.example/"}
    )

    assert response.url == reverse("cells:files")


def test_corrections_are_kept_or_discarded_when_the_name_is_read_again(client_as, found):
    from cells.services import files as services

    file = found(NAME)
    services.correct_metadata(file, {"cell_id": 5})
    client = client_as("member")
    url = reverse("cells:file-reparse", args=[file.pk])

    client.post(url)
    file.metadata.refresh_from_db()
    assert file.metadata.cell_id == 5

    client.post(url, {"discard": "1"})
    file.metadata.refresh_from_db()
    assert file.metadata.cell_id == 10001


def test_a_name_can_be_tried(client_as):
    client = client_as("viewer")

    page = client.get(reverse("cells:try-name"), {"name": NAME}).text
    assert "This name is valid" in page

    page = client.get(reverse("cells:try-name"), {"name": "Sb_CYC_120305_NW.txt"}).text
    assert "120305 may be a Cell ID or the date 2012-03-05" in page
    assert "reference performance test" in client.get(reverse("cells:try-name")).text


def test_an_admin_adds_a_folder_and_scans_it(client_as, tmp_path):
    client = client_as("admin")
    values = {
        "name": "bench 3",
        "path": str(tmp_path),
        "time_zone": "Europe/Berlin",
        "is_active": "on",
    }

    page = client.post(reverse("cells:folder-new"), values, follow=True)
    assert "bench 3" in page.text
    folder = Folder.objects.get()

    response = client.post(reverse("cells:folder-scan", args=[folder.pk]))
    assert response.url == Job.objects.get().get_absolute_url()
    assert Job.objects.get().params == {"folder_id": folder.pk}


def test_a_folder_that_is_not_there_is_saved_with_a_warning(client_as):
    values = {"name": "x", "path": "/nowhere", "time_zone": "UTC", "is_active": "on"}

    page = client_as("admin").post(reverse("cells:folder-new"), values, follow=True)

    assert "no such folder on the server now" in page.text


@pytest.mark.parametrize("wrong", [{"path": "relative"}, {"time_zone": "Mars/Base"}])
def test_a_folder_form_says_what_is_wrong(client_as, wrong):
    values = {"name": "x", "path": "/x", "time_zone": "UTC", **wrong}

    response = client_as("admin").post(reverse("cells:folder-new"), values)

    assert response.status_code == 200
    assert not Folder.objects.exists()


def test_folders_are_for_administrators(client_as):
    assert client_as("curator").get(reverse("cells:folders")).status_code == 403
    assert client_as("admin").get(reverse("cells:folders")).status_code == 200


def test_the_error_of_a_folder_is_shown_with_its_fix(client_as):
    Folder.objects.create(name="x", path="/x", error="It is gone. Mount the share.")

    assert "Mount the share." in client_as("admin").get(reverse("cells:folders")).text
    assert "Mount the share." in client_as("viewer").get(reverse("cells:problems")).text


def test_the_problems_page_lists_what_waits_for_a_person(client_as, found):
    found(NAME)
    found(BAD)
    found("again.txt", NAME.encode())
    found(FTIR)
    WetCell.objects.create(cell_id=10002)

    response = client_as("member").get(reverse("cells:problems"))

    assert [row["cell_id"] for row in response.context["cells"]] == [10001]
    assert "Register this cell" in response.text
    counts = {section.status: section.count for section in response.context["sections"]}
    assert counts == {"invalid": 1, "unreadable": 0, "duplicate": 1}


def test_the_problems_page_takes_few_queries(client_as, found, django_assert_max_num_queries):
    for number in range(10):
        found(f"bad {number}.txt")
    client = client_as("member")
    client.get(reverse("cells:problems"))

    with django_assert_max_num_queries(16):
        client.get(reverse("cells:problems"))

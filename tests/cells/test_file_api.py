"""Files, folders and names over REST, and the command."""

import json

import pytest
from django.core.management import CommandError, call_command

from cells.models import Folder, RawFile, WetCell

pytestmark = pytest.mark.django_db
NAME = "Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt"


def send(client, method, url, body=None):
    return getattr(client, method)(f"/api/v1/{url}", body, content_type="application/json")


def test_files_are_listed_filtered_and_shown(client_as, found):
    file = found(NAME)
    found("bad.txt")
    client = client_as("viewer")

    listed = client.get("/api/v1/files/?status=valid").json()["results"]
    shown = client.get(f"/api/v1/files/{file.pk}/").json()

    assert [row["id"] for row in listed] == [file.pk]
    assert (shown["state"], shown["sha256"]) == ("stable", file.sha256)
    assert shown["metadata"]["cell_id"] == 10001
    assert shown["metadata"]["is_valid"] is True


def test_a_list_of_files_takes_a_constant_number_of_queries(
    client_as, found, django_assert_max_num_queries
):
    for number in range(10):
        found(f"{number}.txt")

    client = client_as("viewer")

    with django_assert_max_num_queries(6):
        assert len(client.get("/api/v1/files/").json()["results"]) == 10


def test_metadata_is_corrected_by_patch(client_as, found):
    file = found(NAME)

    answer = send(client_as("member"), "patch", f"files/{file.pk}/", {"start_cycle": 7})

    assert answer.status_code == 200
    assert answer.json()["metadata"]["start_cycle"] == 7
    assert answer.json()["metadata"]["manual_fields"] == ["start_cycle"]
    assert file.metadata.history.first().history_user.username == "member"


@pytest.mark.parametrize(
    "body", [{"cell_id": 0}, {"upper_cutoff_voltage": 41}, {"experiment": "x"}]
)
def test_a_wrong_value_is_refused_with_its_field(client_as, found, body):
    answer = send(client_as("member"), "patch", f"files/{found(NAME).pk}/", body)

    assert answer.status_code == 400
    assert set(answer.json()["fields"]) == set(body)


def test_a_viewer_can_not_patch(client_as, found):
    assert send(client_as("viewer"), "patch", f"files/{found(NAME).pk}/", {}).status_code == 403


def test_deprecating_is_for_curators(client_as, found):
    url = f"files/{found(NAME).pk}"

    assert (
        send(client_as("member"), "post", f"{url}/deprecate/", {"reason": "x"}).status_code == 403
    )
    assert send(client_as("curator"), "post", f"{url}/deprecate/", {}).status_code == 400
    answer = send(client_as("curator"), "post", f"{url}/deprecate/", {"reason": "x"})
    assert answer.json()["deprecated"] is True
    assert send(client_as("curator"), "post", f"{url}/restore/").json()["deprecated"] is False


def test_a_name_is_read_again(client_as, found):
    file = found(NAME)
    client = client_as("member")
    send(client, "patch", f"files/{file.pk}/", {"start_cycle": 7})

    kept = send(client, "post", f"files/{file.pk}/reparse/", {})
    dropped = send(client, "post", f"files/{file.pk}/reparse/", {"discard_manual": True})

    assert kept.json()["metadata"]["start_cycle"] == 7
    assert dropped.json()["metadata"]["start_cycle"] == 2


def test_a_name_is_explained_to_viewers(client_as, found):
    client = client_as("viewer")

    answer = send(client, "post", "filenames/parse/", {"name": NAME}).json()
    of_file = client.get(f"/api/v1/files/{found(NAME).pk}/explanation/").json()

    assert answer["is_valid"] is True
    assert answer["fields"]["cell_id"] == 10001
    assert answer["tokens"][0] == {"text": "Sb", "field": "operator", "meaning": "initials sb"}
    assert of_file["fields"] == answer["fields"]


def test_folders_are_changed_by_administrators_only(client_as, tmp_path):
    body = {"name": "x", "path": "/nowhere"}

    assert send(client_as("curator"), "post", "folders/", body).status_code == 403
    made = send(client_as("admin"), "post", "folders/", body)
    assert made.status_code == 201
    assert "no such folder" in made.json()["warning"]

    url = f"folders/{made.json()['id']}/"
    changed = send(client_as("admin"), "patch", url, {"path": str(tmp_path)})
    assert (changed.json()["path"], changed.json()["warning"]) == (str(tmp_path), "")
    assert client_as("viewer").get("/api/v1/folders/").json()["results"][0]["name"] == "x"
    assert send(client_as("admin"), "delete", url).status_code == 204


def test_a_folder_with_files_can_not_be_deleted(client_as, found, folder):
    found(NAME)

    answer = send(client_as("admin"), "delete", f"folders/{folder.pk}/")

    assert answer.status_code == 409
    assert "Switch it off" in answer.json()["fix"]


def test_a_scan_is_accepted_as_a_job(client_as, folder):
    answer = send(client_as("admin"), "post", f"folders/{folder.pk}/scan/")

    assert answer.status_code == 202
    assert answer.headers["Location"] == answer.json()["url"]


def test_problems_are_counted(client_as, found):
    found(NAME)
    found("bad.txt")

    answer = client_as("viewer").get("/api/v1/file-problems/").json()

    assert answer["unregistered_cells"] == [{"cell_id": 10001, "file_count": 1}]
    assert answer["invalid_names"] == 1
    WetCell.objects.create(cell_id=10001)
    assert client_as("viewer").get("/api/v1/file-problems/").json()["unregistered_cells"] == []


def test_the_command_scans_and_prints_json(folder, found, capsys):
    found(NAME)
    RawFile.objects.all().delete()

    call_command("scan_files", "--json")

    result = json.loads(capsys.readouterr().out)
    assert (result["new"], result["names"]["identified"], result["errors"]) == (1, 1, [])


def test_the_command_ends_with_1_when_a_folder_fails(folder, capsys):
    Folder.objects.create(name="gone", path="/nowhere")

    with pytest.raises(SystemExit) as caught:
        call_command("scan_files")

    assert caught.value.code == 1
    assert "gone: The folder /nowhere does not exist" in capsys.readouterr().err


def test_the_command_knows_folders_by_name(folder, capsys):
    call_command("scan_files", "cyclers")

    assert "1 folders" in capsys.readouterr().out
    with pytest.raises(CommandError, match="nobody"):
        call_command("scan_files", "nobody")

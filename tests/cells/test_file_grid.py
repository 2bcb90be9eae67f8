"""Many files corrected at once: by the service, in the grid's requests, and over REST."""

import json

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.jobs import files as jobs
from cells.models import FileMetadata, RawFile
from cells.services import bulk_files
from cells.services import files as services

pytestmark = pytest.mark.django_db
NAME = "Sb_CYC_{}_NW_c2_41V_30C_1C1C_170201.txt"
BULK = "/api/v1/files/bulk/"


@pytest.fixture
def shelf(found):
    """``shelf(n)``: n files about cells 10001, 10002 …"""

    def put(count):
        return [found(NAME.format(10001 + number)) for number in range(count)]

    return put


def metadata(file):
    return FileMetadata.objects.get(file=file)


def post(client, name, body):
    address = reverse(f"cells:files-grid-{name}")
    return client.post(address, json.dumps(body), content_type="application/json")


def test_many_rows_are_corrected_and_only_their_changed_fields_are_manual(shelf, people):
    one, two, three = shelf(3)
    rows = [
        {"id": one.pk, "start_cycle": " 7 ", "cell_id": "10001"},
        {"id": two.pk, "experiment": "FTIR", "date": "2024-02-03", "upper_cutoff_voltage": 4.25},
        {"id": three.pk, "start_cycle": "2"},
    ]

    changed = bulk_files.correct_many(rows, by=people["member"], reason="after the log book")

    assert [row.file_id for row in changed] == [one.pk, two.pk]
    assert metadata(one).manual_fields == ["start_cycle"]
    assert metadata(one).start_cycle == 7
    assert (metadata(two).experiment, str(metadata(two).date)) == ("ftir", "2024-02-03")
    assert metadata(three).manual_fields == []
    after, before = metadata(one).history.all()
    assert (before.start_cycle, before.history_user, before.history_change_reason) == (
        2,
        None,
        services.AS_READ,
    )
    assert (after.start_cycle, after.history_user) == (7, people["member"])
    assert after.history_change_reason == "after the log book"
    assert not metadata(three).history.exists()


def test_a_later_parse_keeps_what_was_set_in_the_grid(shelf):
    file, other = shelf(2)
    bulk_files.correct_many([{"id": file.pk, "cell_id": 10042}])

    FileMetadata.objects.update(grammar_version=0)
    jobs.identify_files()
    bulk_files.reparse_many([file.pk, other.pk])

    assert metadata(file).cell_id == 10042
    assert metadata(other).cell_id == 10002


def test_manual_values_go_only_when_that_is_asked(shelf, people):
    file, _ = shelf(2)
    bulk_files.correct_many([{"id": file.pk, "cell_id": 10042}])

    bulk_files.reparse_many([file.pk], discard_manual=True, by=people["member"])

    assert (metadata(file).cell_id, metadata(file).manual_fields) == (10001, [])
    last = metadata(file).history.first()
    assert (last.history_change_reason, last.history_user) == ("name read again", people["member"])


def test_emptying_a_needed_field_makes_the_file_invalid(shelf):
    [file] = shelf(1)

    [changed] = bulk_files.correct_many([{"id": file.pk, "cell_id": ""}])

    assert not changed.is_valid
    assert metadata(file).problems == changed.problems != []


def test_a_file_whose_name_was_not_read_yet_can_be_described(shelf):
    [file] = shelf(1)
    FileMetadata.objects.all().delete()

    bulk_files.correct_many([{"id": file.pk, "cell_id": 7}])

    assert metadata(file).cell_id == 7
    assert metadata(file).history.count() == 1


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("cell_id", "0", "Must lie between"),
        ("cell_id", "ten", "whole number"),
        ("cell_id", True, "Expected a text or a number"),
        ("upper_cutoff_voltage", "41", "Must lie between"),
        ("temperature_celsius", "nan", "number"),
        ("experiment", "cyclin", "not one of the available choices"),
        ("date", "31.12.24.5", "valid date"),
        ("operator", "x" * 11, "at most 10"),
        ("is_valid", "1", "No such field"),
        ("date", ["x"], "Expected a text or a number"),
    ],
)
def test_one_wrong_value_refuses_all_at_its_row_and_field(shelf, field, value, message):
    one, two = shelf(2)
    rows = [{"id": one.pk, "start_cycle": "7"}, {"id": two.pk, field: value}]

    with pytest.raises(bulk_files.RowsRefused) as refused:
        bulk_files.correct_many(rows)

    [error] = refused.value.errors
    assert (error.row, error.id, error.field) == (2, two.pk, field)
    assert message in error.message
    assert metadata(one).start_cycle == 2


@pytest.mark.parametrize(
    ("ids", "row", "message"), [([0, 0], 2, "twice"), ([0, None], 2, "number of a file")]
)
def test_rows_that_name_no_single_file_are_refused(shelf, ids, row, message):
    [file] = shelf(1)
    rows = [{"id": None if pk is None else file.pk, "start_cycle": 7} for pk in ids]

    with pytest.raises(bulk_files.RowsRefused, match=message) as refused:
        bulk_files.correct_many(rows)

    assert [error.row for error in refused.value.errors] == [row]
    assert metadata(file).start_cycle == 2


def test_a_file_that_is_gone_refuses_all(shelf):
    [file] = shelf(1)

    with pytest.raises(bulk_files.RowsRefused, match="There is no file"):
        bulk_files.correct_many([{"id": file.pk, "cell_id": 1}, {"id": 999_999, "cell_id": 1}])

    assert metadata(file).cell_id == 10001


def test_more_than_five_thousand_rows_get_a_clear_message():
    with pytest.raises(LabError, match=r"These are 5,001 files; at most 5,000"):
        bulk_files.correct_many([{"id": pk, "cell_id": 1} for pk in range(5001)])
    with pytest.raises(LabError, match="No file was chosen"):
        bulk_files.reparse_many([])


def test_saving_takes_as_many_queries_for_two_rows_as_for_a_batch_of_them(shelf):
    files = shelf(20)

    def queries(action):
        with CaptureQueriesContext(connection) as captured:
            action()
        return len(captured)

    def correct(rows, cycle):
        return queries(
            lambda: bulk_files.correct_many([{"id": f.pk, "start_cycle": cycle} for f in rows])
        )

    few, many = correct(files[:2], 5), correct(files[2:], 5)
    again = [
        queries(lambda n=n: bulk_files.reparse_many([f.pk for f in files[:n]])) for n in (2, 20)
    ]

    assert few == many <= 12
    assert again[0] == again[1] <= 12


def test_the_page_lists_what_the_filter_finds_in_few_queries(
    client_as, shelf, django_assert_max_num_queries
):
    shelf(8)
    client = client_as("member")
    client.get(reverse("cells:files-grid"))

    with django_assert_max_num_queries(9):
        page = client.get(reverse("cells:files-grid"))
    narrow = client.get(reverse("cells:files-grid") + "?cell_id=10003")

    assert len(page.context["rows"]) == 8
    assert [row["cell_id"] for row in narrow.context["rows"]] == ["10003"]
    assert client_as("viewer").get(reverse("cells:files-grid")).status_code == 403


def test_too_many_files_are_not_shown_but_counted(client_as, shelf, monkeypatch):
    monkeypatch.setattr(bulk_files, "MOST_FILES", 2)
    shelf(3)

    page = client_as("member").get(reverse("cells:files-grid"))

    assert "3 files match; at most 2 are edited at once" in page.text
    assert page.context["rows"] == []


def test_the_grid_saves_and_answers_with_the_rows(client_as, shelf):
    one, _ = shelf(2)

    answer = post(client_as("member"), "save", {"rows": [{"id": one.pk, "start_cycle": "9"}]})

    [row] = answer.json()["rows"]
    assert (row["id"], row["start_cycle"], row["manual"]) == (one.pk, "9", ["start_cycle"])
    assert metadata(one).history.first().history_user.username == "member"


def test_the_grid_says_what_is_wrong_at_row_and_field(client_as, shelf):
    one, two = shelf(2)
    rows = [{"id": one.pk, "start_cycle": "9"}, {"id": two.pk, "cell_id": "x"}]

    answer = post(client_as("member"), "save", {"rows": rows})

    [error] = answer.json()["rows"]
    assert (error["row"], error["id"], error["field"]) == (2, two.pk, "cell_id")
    assert metadata(one).start_cycle == 2


@pytest.mark.parametrize("name", ["save", "reparse", "deprecate"])
@pytest.mark.parametrize("body", [[], {}, {"rows": 3, "files": ["x"]}, {"rows": [], "files": []}])
def test_a_request_that_makes_no_sense_is_answered_not_raised(client_as, name, body):
    answer = post(client_as("curator"), name, body)

    assert answer.status_code == 200
    assert answer.json()["error"]


def test_chosen_rows_are_deprecated_by_curators_only(client_as, shelf):
    one, two = shelf(2)
    body = {"files": [one.pk], "reason": "wrong channel"}

    refused = post(client_as("member"), "deprecate", body)
    unsaid = post(client_as("curator"), "deprecate", {"files": [one.pk], "reason": " "})
    answer = post(client_as("curator"), "deprecate", body)

    assert refused.status_code == 403
    assert "No reason was given" in unsaid.json()["error"]
    assert answer.json()["rows"][0]["status"] == "deprecated"
    assert list(RawFile.objects.filter(deprecated=True)) == [one]
    assert RawFile.objects.get(pk=one.pk).history.first().history_user.username == "curator"
    assert not RawFile.objects.get(pk=two.pk).deprecated


def test_chosen_names_are_read_again(client_as, shelf):
    one, _ = shelf(2)
    bulk_files.correct_many([{"id": one.pk, "cell_id": 5}])
    client = client_as("member")

    kept = post(client, "reparse", {"files": [one.pk]}).json()["rows"]
    read = post(client, "reparse", {"files": [one.pk], "discard_manual": True}).json()["rows"]

    assert [row["cell_id"] for row in kept + read] == ["5", "10001"]


def test_rest_corrects_many_or_none(client_as, shelf):
    one, two = shelf(2)
    client = client_as("member")

    def patch(body):
        return client.patch(BULK, json.dumps(body), content_type="application/json")

    wrong = patch([{"id": one.pk, "start_cycle": 9}, {"id": two.pk, "cell_id": 0}])
    untouched = metadata(one).start_cycle
    right = patch([{"id": one.pk, "start_cycle": 9}, {"id": two.pk, "cell_id": None}])

    assert wrong.status_code == 400
    assert [(row["row"], row["field"]) for row in wrong.json()["rows"]] == [(2, "cell_id")]
    assert untouched == 2
    assert right.json() == {"changed": 2, "invalid": 1}
    assert patch({"id": one.pk}).status_code == 400
    assert client_as("viewer").patch(BULK, "[]", content_type="application/json").status_code == 403


# Other people -------------------------------------------------------------------------


def loaded(file) -> str:
    return metadata(file).version


def test_what_somebody_else_changed_meanwhile_is_told_and_not_overwritten(shelf, people):
    one, two = shelf(2)
    versions = loaded(one), loaded(two)
    bulk_files.correct_many([{"id": two.pk, "start_cycle": "5"}], by=people["curator"])

    rows = [
        {"id": one.pk, "version": versions[0], "start_cycle": "9"},
        {"id": two.pk, "version": versions[1], "cell_id": "10042"},
    ]
    with pytest.raises(bulk_files.RowsChanged, match="was changed by curator") as refused:
        bulk_files.correct_many(rows, by=people["member"])

    assert [(error.row, error.id) for error in refused.value.errors] == [(2, two.pk)]
    assert (metadata(one).start_cycle, metadata(two).cell_id) == (2, 10002)
    rows[1]["version"] = loaded(two)
    assert len(bulk_files.correct_many(rows, by=people["member"])) == 2
    assert (metadata(two).start_cycle, metadata(two).cell_id) == (5, 10042)


def test_what_the_night_read_anew_meanwhile_is_told_too(shelf):
    [file] = shelf(1)
    version = loaded(file)
    FileMetadata.objects.update(start_cycle=3)

    with pytest.raises(bulk_files.RowsChanged, match="a reading of its name"):
        bulk_files.correct_many([{"id": file.pk, "version": version, "cell_id": 5}])


def test_the_grid_answers_a_conflict_with_the_rows_as_they_are_now(client_as, shelf):
    [file] = shelf(1)
    version = loaded(file)
    bulk_files.correct_many([{"id": file.pk, "start_cycle": "5"}])
    body = {"rows": [{"id": file.pk, "version": version, "cell_id": "7"}]}

    answer = post(client_as("member"), "save", body).json()

    assert "1 file changed since you loaded it" in answer["error"]
    assert [(row["start_cycle"], row["cell_id"]) for row in answer["current"]] == [("5", "10001")]
    body["rows"][0]["version"] = answer["current"][0]["version"]
    assert post(client_as("member"), "save", body).json()["rows"][0]["cell_id"] == "7"


def test_rest_refuses_what_has_changed_with_409(client_as, shelf):
    [file] = shelf(1)
    client = client_as("member")
    url = f"/api/v1/files/{file.pk}/"
    version = client.get(url).json()["metadata"]["version"]
    sent = {"version": version, "start_cycle": 9}

    first = client.patch(url, json.dumps(sent), content_type="application/json")
    again = client.patch(url, json.dumps(sent), content_type="application/json")
    many = client.patch(
        BULK, json.dumps([{"id": file.pk, **sent}]), content_type="application/json"
    )

    assert [first.status_code, again.status_code, many.status_code] == [200, 409, 409]
    assert metadata(file).history.count() == 2


def test_the_page_of_a_file_does_not_overwrite_what_changed_since_it_was_loaded(client_as, shelf):
    [file] = shelf(1)
    client = client_as("member")
    version = client.get(file.get_absolute_url()).context["form"]["version"].value()
    bulk_files.correct_many([{"id": file.pk, "start_cycle": "5"}])
    sent = {"version": version, "experiment": "cycling", "cell_id": 10001, "start_cycle": 2}

    page = client.post(file.get_absolute_url(), sent).text

    assert "has changed since you loaded the page" in page
    assert metadata(file).start_cycle == 5


# Many ---------------------------------------------------------------------------------


@pytest.fixture
def few_at_once(monkeypatch):
    monkeypatch.setattr(bulk_files, "MOST_AT_ONCE", 2)


def test_many_rows_are_corrected_by_a_job_in_the_name_of_who_asked(client_as, shelf, few_at_once):
    files = shelf(3)
    rows = [{"id": file.pk, "version": loaded(file), "start_cycle": "9"} for file in files]

    answer = post(client_as("member"), "save", {"rows": rows, "reason": "log book"}).json()
    job = Job.objects.get()
    assert answer == {"job": f"/api/v1/jobs/{job.pk}/", "page": job.get_absolute_url()}
    assert {metadata(file).start_cycle for file in files} == {2}
    engine.drain()

    job.refresh_from_db()
    assert (job.state, job.result, job.title) == ("succeeded", {"changed": 3}, "Correct 3 files")
    assert {metadata(file).start_cycle for file in files} == {9}
    last = metadata(files[0]).history.first()
    assert (last.history_user.username, last.history_change_reason) == ("member", "log book")
    shown = post(client_as("member"), "rows", {"files": [file.pk for file in files]}).json()
    assert {row["start_cycle"] for row in shown["rows"]} == {"9"}


def test_a_wrong_value_among_many_is_told_at_once_and_no_job_is_made(client_as, shelf, few_at_once):
    files = shelf(3)
    rows = [{"id": file.pk, "start_cycle": "x"} for file in files]

    assert len(post(client_as("member"), "save", {"rows": rows}).json()["rows"]) == 3
    assert not Job.objects.exists()


def test_a_job_overwrites_nothing_that_changed_while_it_waited(client_as, shelf, few_at_once):
    files = shelf(3)
    rows = [{"id": file.pk, "version": loaded(file), "start_cycle": "9"} for file in files]
    post(client_as("member"), "save", {"rows": rows})
    bulk_files.correct_many([{"id": files[1].pk, "start_cycle": "5"}])

    engine.drain()

    assert Job.objects.get().state == "failed"
    assert "changed since you loaded" in Job.objects.get().error
    assert [metadata(file).start_cycle for file in files] == [2, 5, 2]


def test_many_files_are_read_again_and_deprecated_by_jobs(client_as, shelf, few_at_once):
    files = [file.pk for file in shelf(3)]
    bulk_files.correct_many([{"id": pk, "cell_id": 5} for pk in files])
    client = client_as("curator")

    post(client, "reparse", {"files": files, "discard_manual": True})
    post(client, "deprecate", {"files": files, "reason": "wrong channel"})
    engine.drain()

    assert set(FileMetadata.objects.values_list("cell_id", flat=True)) == {10001, 10002, 10003}
    deprecated = RawFile.objects.filter(deprecated=True)
    assert len(deprecated) == 3
    assert deprecated[0].history.first().history_user.username == "curator"
    assert "No reason" in post(client, "deprecate", {"files": files, "reason": ""}).json()["error"]


def test_rest_corrects_many_as_a_job(client_as, shelf, few_at_once):
    rows = [{"id": file.pk, "start_cycle": 9} for file in shelf(3)]

    answer = client_as("member").patch(BULK, json.dumps(rows), content_type="application/json")
    engine.drain()

    assert answer.status_code == 202
    assert set(FileMetadata.objects.values_list("start_cycle", flat=True)) == {9}

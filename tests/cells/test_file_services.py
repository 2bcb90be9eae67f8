"""What people do to files: correct, deprecate, read again; audited, and never undone."""

import pytest

from battery_db.lib.errors import LabError, NotAllowed
from battery_db.lib.runs.models import Job
from cells.jobs import files as jobs
from cells.models import FileMetadata, RawFile
from cells.services import files as services

pytestmark = pytest.mark.django_db
NAME = "Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt"
WITHOUT_CYCLE = "Sb_CYC_10001_NW_41V_30C_170201.txt"


def test_a_correction_completes_the_metadata(found, people):
    file = found(WITHOUT_CYCLE)
    assert not file.metadata.is_valid

    metadata = services.correct_metadata(file, {"start_cycle": 0}, by=people["member"])

    assert metadata.is_valid
    assert metadata.problems == []
    assert metadata.manual_fields == ["start_cycle"]


def test_a_correction_can_break_the_metadata(found):
    metadata = services.correct_metadata(found(NAME), {"cell_id": None})

    assert not metadata.is_valid
    assert "Cell ID" in metadata.problems[0]


def test_only_what_was_changed_counts_as_set_by_hand(found):
    metadata = services.correct_metadata(found(NAME), {"cell_id": 10001, "start_cycle": 5})

    assert metadata.manual_fields == ["start_cycle"]


def test_saving_the_same_changes_nothing(found):
    metadata = services.correct_metadata(found(NAME), {"cell_id": 10001})

    assert metadata.manual_fields == []
    assert not metadata.history.exists()


def test_a_file_whose_name_was_not_read_yet_can_be_described(found):
    file = found("nothing.txt")
    FileMetadata.objects.all().delete()

    metadata = services.correct_metadata(file, {"cell_id": 7, "experiment": "cycling"})

    assert FileMetadata.objects.get() == metadata
    jobs.identify_files()
    assert FileMetadata.objects.get().cell_id == 7


def test_the_first_correction_notes_how_it_was_before(found, people):
    file = found(NAME)

    services.correct_metadata(file, {"cell_id": 10002}, by=people["member"])

    after, before = file.metadata.history.all()
    assert (before.cell_id, before.history_user) == (10001, None)
    assert (after.cell_id, after.history_user) == (10002, people["member"])


def test_reading_the_name_again_keeps_what_was_set_by_hand(found):
    file = found(NAME)
    services.correct_metadata(file, {"cell_id": 10002})

    metadata = services.reparse(file)

    assert (metadata.cell_id, metadata.manual_fields) == (10002, ["cell_id"])


def test_corrections_can_be_discarded(found):
    file = found(NAME)
    services.correct_metadata(file, {"cell_id": 10002})

    metadata = services.reparse(file, discard_manual=True)

    assert (metadata.cell_id, metadata.manual_fields) == (10001, [])


@pytest.mark.parametrize("changes", [{"cell_id": -5}, {"colour": "red"}, {"experiment": "magic"}])
def test_what_the_model_refuses_is_said_in_words(found, changes):
    with pytest.raises(LabError):
        services.correct_metadata(found(NAME), changes)


def test_a_deprecated_file_is_left_out_until_it_is_restored(found, people):
    file = found(NAME)

    assert services.deprecate([file], "wrong channel", by=people["curator"]) == 1
    assert not RawFile.objects.settled().exists()
    assert services.deprecate([file], "again", by=people["curator"]) == 0

    assert services.restore([file], by=people["curator"]) == 1
    file.refresh_from_db()
    assert (file.deprecated, file.deprecated_reason) == (False, "")
    assert [h.history_user.username for h in file.history.all()] == ["curator", "curator"]


def test_a_reason_is_needed(found):
    with pytest.raises(LabError, match="reason"):
        services.deprecate([found(NAME)], "  ")


def test_when_the_original_is_deprecated_its_duplicate_is_used(found):
    first = found("a.txt", b"same")
    second = found("b.txt", b"same")
    assert second.duplicate_of == first

    services.deprecate([first], "bad name")

    second.refresh_from_db()
    assert second.duplicate_of is None
    services.restore([first])
    second.refresh_from_db()
    assert second.duplicate_of == first


def test_many_files_are_deprecated_in_few_queries(found, django_assert_max_num_queries):
    for number in range(20):
        found(f"{number}.txt")

    with django_assert_max_num_queries(12):
        assert services.deprecate(RawFile.objects.all(), "old") == 20


def test_a_folder_that_is_not_there_yet_is_saved_with_a_warning(people):
    folder = services.add_folder({"name": "x", "path": "/nowhere/"}, by=people["admin"])

    assert folder.path == "/nowhere"
    assert "no such folder" in services.folder_warning(folder.path)
    assert folder.history.get().history_user == people["admin"]


def test_two_folders_can_not_watch_the_same_path(folder):
    with pytest.raises(LabError, match="already exists"):
        services.add_folder({"name": "again", "path": folder.path + "/"})


def test_a_folder_with_files_is_switched_off_rather_than_deleted(folder, found):
    found(NAME)

    with pytest.raises(NotAllowed):
        services.delete_folder(folder)


def test_pressing_scan_twice_starts_one_job(folder, people):
    one = services.scan_now(folder, by=people["admin"])
    two = services.scan_now(folder, by=people["admin"])

    assert one == two
    assert Job.objects.count() == 1

"""Scanning into the database: what is read, what waits, what is gone, what is twice."""

import os
import sys
from pathlib import Path

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from battery_db.lib.names import to_text
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells import disk
from cells.jobs import files as jobs
from cells.models import FileMetadata, Folder, RawFile
from cells.scanning import FolderUnavailable

pytestmark = pytest.mark.django_db
NAME = "Sb_CYC_10001_NW_c2_41V_30C_1C1C_170201.txt"


def write(path, content=b"data", age=3600):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    set_age(path, age)
    return path


def set_age(path, age):
    import time

    then = time.time() - age
    os.utime(path, (then, then))


@pytest.fixture
def root(folder):

    return Path(folder.path)


def scan(folder):
    result = jobs.scan_folder(folder.pk)
    return {name: count for name, count in result.items() if count}


def test_a_settled_file_is_known_by_its_content(folder, root):
    write(root / "sub" / NAME, b"data")

    assert scan(folder) == {"files": 1, "new": 1}

    file = RawFile.objects.get()
    assert (file.path, file.name, file.size) == (f"sub/{NAME}", NAME, 4)
    assert file.state == RawFile.State.STABLE
    assert file.sha256 == "3a6eb0790f39ac87c94f3856b2dd2c5d110e6811602261a9a923d3bb23adc8b7"


def test_a_growing_file_is_left_alone_until_it_has_settled(folder, root):
    path = write(root / NAME, age=5)

    assert scan(folder) == {"files": 1, "new": 1, "growing": 1}
    assert RawFile.objects.get().sha256 == ""

    set_age(path, 100)
    assert scan(folder) == {"files": 1, "changed": 1}
    assert RawFile.objects.get().state == RawFile.State.STABLE


def test_a_file_that_grew_is_read_again(folder, root):
    write(root / NAME, b"one")
    scan(folder)
    before = RawFile.objects.get().sha256

    write(root / NAME, b"one and two")

    assert scan(folder) == {"files": 1, "changed": 1}
    assert RawFile.objects.get().sha256 not in ("", before)


def test_a_file_that_grows_again_has_no_content_meanwhile(folder, root):
    write(root / NAME, b"one")
    scan(folder)

    write(root / NAME, b"one and two", age=1)
    scan(folder)

    assert (RawFile.objects.get().state, RawFile.objects.get().sha256) == ("growing", "")


def test_an_unchanged_file_is_not_read_again(folder, root, monkeypatch):
    write(root / NAME)
    scan(folder)
    monkeypatch.setattr(disk, "hash_file", lambda *a: pytest.fail("read again"))

    assert scan(folder) == {"files": 1}


def test_a_file_that_vanishes_is_kept_and_comes_back(folder, root, monkeypatch):
    path = write(root / NAME)
    write(root / "other.txt", b"other")
    scan(folder)
    path.rename(root.parent / "away")

    assert scan(folder) == {"files": 1, "missing": 1}
    assert RawFile.objects.get(name=NAME).state == RawFile.State.MISSING
    assert scan(folder) == {"files": 1}

    (root.parent / "away").rename(path)
    monkeypatch.setattr(disk, "hash_file", lambda *a: pytest.fail("read again"))
    assert scan(folder) == {"files": 2, "returned": 1}
    assert RawFile.objects.get(name=NAME).state == RawFile.State.STABLE


def test_a_file_that_comes_back_changed_is_read_again(folder, root):
    path = write(root / NAME)
    write(root / "other.txt", b"other")
    scan(folder)
    path.unlink()
    scan(folder)

    write(path, b"changed")

    assert scan(folder) == {"files": 2, "returned": 1}
    assert RawFile.objects.get(name=NAME).state == RawFile.State.STABLE


def test_the_same_content_twice_is_a_duplicate_of_the_earlier_file(folder, root):
    write(root / "a.txt", b"same")
    scan(folder)
    write(root / "b.txt", b"same")

    assert scan(folder) == {"files": 2, "new": 1, "duplicates": 1}
    assert RawFile.objects.get(name="b.txt").duplicate_of.name == "a.txt"


def test_a_moved_file_takes_the_place_of_the_one_that_is_gone(folder, root):
    write(root / "a.txt", b"same")
    write(root / "b.txt", b"same")
    scan(folder)
    first = RawFile.objects.get(duplicate_of=None)

    (root / first.name).unlink()
    scan(folder)

    other = RawFile.objects.exclude(pk=first.pk).get()
    assert other.duplicate_of is None
    assert list(RawFile.objects.settled()) == [other]


def test_empty_files_are_not_duplicates_of_each_other(folder, root):
    write(root / "a.txt", b"")
    write(root / "b.txt", b"")

    assert scan(folder) == {"files": 2, "new": 2}
    assert RawFile.objects.settled().count() == 2


def test_a_duplicate_is_found_across_folders(folder, root, tmp_path):
    write(root / "a.txt", b"same")
    write(tmp_path / "other" / "b.txt", b"same")
    Folder.objects.create(name="other", path=str(tmp_path / "other"))

    assert jobs.scan_folders()["duplicates"] == 1


def test_names_of_any_bytes_enter_the_database(folder, root):
    raws = ["Sb_🔋\n_CYC.txt".encode(), b"caf\xe9.txt", b"back\\slash.txt", b"\xff" * 250]
    for raw in raws:
        write(root / os.fsdecode(raw), raw)

    assert scan(folder)["new"] == 4
    assert scan(folder) == {"files": 4}

    assert set(RawFile.objects.values_list("path", flat=True)) == {to_text(raw) for raw in raws}
    assert jobs.identify_files()["invalid"] == 4


def test_a_root_that_does_not_exist_keeps_its_files_and_the_others_go_on(folder, root, tmp_path):
    write(root / NAME)
    scan(folder)
    write(tmp_path / "b" / "b.txt")
    Folder.objects.create(name="b", path=str(tmp_path / "b"))
    root.rename(tmp_path / "unmounted")

    result = jobs.scan_folders()

    assert (result["new"], result["missing"]) == (1, 0)
    assert [error["folder"] for error in result["errors"]] == ["cyclers"]
    folder.refresh_from_db()
    assert "does not exist" in folder.error
    assert "Mount the share" in folder.error
    assert RawFile.objects.get(name=NAME).state == RawFile.State.STABLE

    (tmp_path / "unmounted").rename(root)
    jobs.scan_folders()
    folder.refresh_from_db()
    assert folder.error == ""


def test_a_root_that_may_not_be_read_is_written_on_the_folder(folder, root, forbid):
    write(root / NAME)
    scan(folder)
    forbid(root)

    with pytest.raises(FolderUnavailable):
        jobs.scan_folder(folder.pk)

    folder.refresh_from_db()
    assert "may not read" in folder.error
    assert RawFile.objects.get().state == RawFile.State.STABLE


def test_a_share_that_is_not_mounted_does_not_lose_its_files(folder, root):
    for number in range(jobs.SUSPICIOUS_LOSS):
        write(root / f"{number}.txt", str(number).encode())
    scan(folder)
    for path in root.iterdir():
        path.unlink()

    with pytest.raises(FolderUnavailable, match="is empty"):
        jobs.scan_folder(folder.pk)

    assert not RawFile.objects.filter(state=RawFile.State.MISSING).exists()


def test_files_below_a_folder_that_may_not_be_read_are_not_missing(folder, root, forbid):
    write(root / "closed" / "a.txt", b"a")
    write(root / "b.txt", b"b")
    scan(folder)
    forbid(root / "closed")

    result = jobs.scan_folder(folder.pk)

    assert result["missing"] == 0
    assert "closed" in result["errors"][0]["error"]
    folder.refresh_from_db()
    assert "closed (Permission denied)" in folder.error
    assert folder.scanned_at is not None


def test_a_file_that_may_not_be_read_says_so_and_is_tried_again(folder, root, monkeypatch):
    write(root / NAME)

    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(disk, "hash_file", refuse)
        assert scan(folder) == {"files": 1, "new": 1, "unreadable": 1}
    file = RawFile.objects.get()
    assert (file.state, file.error) == (
        "unreadable",
        "The server could not read it: Permission denied.",
    )

    scan(folder)
    file.refresh_from_db()
    assert (file.state, file.error) == ("stable", "")


def test_a_file_that_vanishes_before_it_is_read_is_missing(folder, root, monkeypatch):
    path = write(root / NAME)
    hash_file = disk.hash_file

    def vanish(*args):
        path.unlink(missing_ok=True)
        return hash_file(*args)

    monkeypatch.setattr(disk, "hash_file", vanish)

    assert scan(folder) == {"files": 1, "new": 1, "missing": 1}
    assert RawFile.objects.get().state == RawFile.State.MISSING


def test_a_scan_killed_half_way_and_repeated_gives_the_same(folder, root, monkeypatch):
    for number in range(30):
        write(root / f"{number}.txt", str(number % 20).encode())
    monkeypatch.setattr(jobs, "WALK_BATCH", 7)
    monkeypatch.setattr(jobs, "READ_BATCH_FILES", 7)
    for survived in (0, 2, 5, 6):
        calls = iter(range(survived))

        def die(*_, calls=calls):
            if next(calls, None) is None:
                raise KeyboardInterrupt

        with pytest.raises(KeyboardInterrupt):
            jobs.scan_folder(folder.pk, die)

    jobs.scan_folder(folder.pk)

    assert RawFile.objects.count() == 30
    assert not RawFile.objects.exclude(state=RawFile.State.STABLE).exists()
    assert RawFile.objects.settled().count() == 20


def test_a_second_scan_of_2000_files_reads_nothing_and_asks_little(folder, root, monkeypatch):
    for number in range(2000):
        write(root / f"{number % 10}" / f"{number}.txt", str(number).encode())
    scan(folder)
    monkeypatch.setattr(disk, "hash_file", lambda *a: pytest.fail("read again"))

    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert scan(folder) == {"files": 2000}

    writing = [q for q in queries if q["sql"].startswith(("INSERT", "UPDATE"))]
    assert len(writing) == 2  # the folder's row, and the marks of duplicates
    assert len(queries) < 30


def test_names_are_read_once_per_grammar(folder, root):
    write(root / NAME)
    write(root / "Sb_FTIR_10001_170201.spa", b"x")
    write(root / "what is this.txt", b"y")
    scan(folder)

    assert jobs.identify_files() == {
        "identified": 2,
        "invalid": 1,
        "by_experiment": {"cycling": 1, "ftir": 1, "unknown": 1},
    }
    assert jobs.identify_files() == {"identified": 0, "invalid": 0, "by_experiment": {}}
    assert RawFile.objects.identified().count() == 2


def test_a_new_grammar_reads_again_but_keeps_what_a_person_set(folder, root):
    write(root / NAME)
    scan(folder)
    jobs.identify_files()
    FileMetadata.objects.update(
        cell_id=777, temperature_celsius=1, manual_fields=["cell_id"], grammar_version=0
    )

    jobs.identify_files()

    metadata = FileMetadata.objects.get()
    assert (metadata.cell_id, metadata.temperature_celsius) == (777, 30)
    assert metadata.is_valid


def test_names_are_identified_in_a_constant_number_of_queries_per_batch(
    folder, root, django_assert_max_num_queries
):
    for number in range(60):
        write(root / f"Sb_FTIR_{10000 + number}_170201.spa", str(number).encode())
    scan(folder)

    with django_assert_max_num_queries(12):
        jobs.identify_files()


def test_the_jobs_scan_and_identify(folder, root):
    write(root / NAME)
    Folder.objects.create(name="gone", path="/nowhere")
    scan_job = engine.enqueue("cells.scan", trigger=Job.Trigger.NIGHT)
    identify_job = engine.enqueue("cells.identify", trigger=Job.Trigger.NIGHT)

    engine.drain()

    scan_job.refresh_from_db()
    identify_job.refresh_from_db()
    assert scan_job.state == identify_job.state == Job.State.SUCCEEDED
    assert scan_job.result["new"] == 1
    assert scan_job.result["errors"][0]["folder"] == "gone"
    assert identify_job.result["identified"] == 1


def test_a_scan_of_one_folder_leaves_the_others(folder, root, tmp_path):
    write(root / NAME)
    write(tmp_path / "b" / "b.txt")
    other = Folder.objects.create(name="b", path=str(tmp_path / "b"))
    job = engine.enqueue("cells.scan", {"folder_id": other.pk}, trigger=Job.Trigger.NIGHT)

    engine.drain()

    job.refresh_from_db()
    assert (job.result["folders"], job.result["new"]) == (1, 1)
    assert RawFile.objects.get().name == "b.txt"


def test_a_renamed_file_keeps_its_row_and_what_people_set(folder, root):
    write(root / NAME)
    scan(folder)
    jobs.identify_files()
    before = RawFile.objects.get()
    FileMetadata.objects.update(cell_id=777, manual_fields=["cell_id"])
    new_name = "Sb_CYC_10001_NW_c9_41V_40C_1C1C_170201.txt"

    (root / "sub").mkdir()
    (root / NAME).rename(root / "sub" / new_name)

    assert scan(folder) == {"files": 1, "moved": 1}
    after = RawFile.objects.get()
    assert (after.pk, after.path, after.state) == (before.pk, f"sub/{new_name}", "stable")
    assert after.history.first().history_change_reason == "found at a new place by its content"
    jobs.identify_files()
    metadata = FileMetadata.objects.get()
    assert (metadata.cell_id, metadata.start_cycle, metadata.temperature_celsius) == (777, 9, 40)


@pytest.mark.parametrize("first", ["old", "new"])
def test_a_file_moved_to_another_folder_keeps_its_row_whichever_is_scanned_first(
    folder, root, tmp_path, first
):
    path = write(root / NAME)
    scan(folder)
    other = Folder.objects.create(name="other", path=str(tmp_path / "other"))
    (tmp_path / "other").mkdir()
    before = RawFile.objects.get()
    path.rename(tmp_path / "other" / NAME)

    for place in (folder, other) if first == "old" else (other, folder):
        scan(place)

    after = RawFile.objects.get()
    assert (after.pk, after.folder, after.duplicate_of) == (before.pk, other, None)
    assert after.state == RawFile.State.STABLE


def test_a_folder_of_many_files_is_renamed_in_few_queries(
    folder, root, django_assert_max_num_queries
):
    for number in range(300):
        write(root / "a" / f"{number}.txt", str(number).encode())
    scan(folder)
    kept = set(RawFile.objects.values_list("pk", flat=True))
    (root / "a").rename(root / "b")

    # Each row that is removed leaves a line in the history.
    with django_assert_max_num_queries(300 + 60):
        assert scan(folder) == {"files": 300, "moved": 300}

    assert set(RawFile.objects.values_list("pk", flat=True)) == kept


def test_patterns_of_the_folder_say_what_is_scanned(folder, root):
    for name in ("a.ndax", "sub/b.ndax", "old/c.ndax", "notes.docx"):
        write(root / name, name.encode())
    Folder.objects.update(include="*.ndax", exclude="/old/")
    folder.refresh_from_db()

    assert scan(folder)["new"] == 2
    assert set(RawFile.objects.values_list("path", flat=True)) == {"a.ndax", "sub/b.ndax"}


def test_files_that_are_left_out_later_stay_as_they_were(folder, root):
    write(root / "a.txt", b"a")
    write(root / "b.txt", b"b")
    scan(folder)
    Folder.objects.update(exclude="b.txt")

    assert scan(folder) == {"files": 1}
    assert not RawFile.objects.filter(state=RawFile.State.MISSING).exists()


def test_a_folder_has_a_settling_time_of_its_own(folder, root):
    write(root / NAME, age=100)
    Folder.objects.update(settle_seconds=600)

    assert scan(folder)["growing"] == 1

    Folder.objects.update(settle_seconds=0)
    assert "growing" not in scan(folder)


def test_a_mount_that_hangs_is_given_up_and_the_other_folders_go_on(
    folder, root, tmp_path, settings, monkeypatch
):
    hanging = Folder.objects.create(name="a hanging share", path=str(tmp_path / "share"))
    write(tmp_path / "share" / "hangs" / "a.txt")
    write(tmp_path / "share" / "seen.txt", b"seen")
    write(root / NAME)
    settings.FILE_SCAN_TIMEOUT_SECONDS = 2
    scan(hanging)
    assert RawFile.objects.count() == 2
    child = Path(__file__).with_name("hanging_disk.py")
    monkeypatch.setattr(disk, "CHILD", (sys.executable, str(child)))

    result = jobs.scan_folders()

    assert result["new"] == 1, "the other folder was scanned"
    assert result["missing"] == 0, "what could not be seen is not missing"
    assert [error["error"] for error in result["errors"]] == ["hangs: no answer within 2 s."]
    hanging.refresh_from_db()
    assert "hangs (no answer within 2 s)" in hanging.error
    assert {file.state for file in RawFile.objects.all()} == {RawFile.State.STABLE}


def test_a_share_that_answers_nowhere_is_given_up_as_a_whole(folder, root, settings, monkeypatch):
    for number in range(5):
        write(root / f"hangs{number}" / "a.txt", str(number).encode())
    settings.FILE_SCAN_TIMEOUT_SECONDS = 0.7
    child = Path(__file__).with_name("hanging_disk.py")
    monkeypatch.setattr(disk, "CHILD", (sys.executable, str(child)))

    with pytest.raises(FolderUnavailable, match="3 places below this folder gave no answer"):
        jobs.scan_folder(folder.pk)

"""From a settled file to series and half-cycles: atomic, repeatable, honest about failure."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.db import OperationalError

from battery_db import upkeep
from battery_db.lib.errors import UnreadableFile
from battery_db.lib.storage import storage
from cells import disk
from cells.jobs import contents
from cycling.jobs import importing
from cycling.models import CyclingTest, HalfCycle
from tests.cycling.conftest import cccv_cycles, scanned

pytestmark = pytest.mark.django_db
SILENT = Path(__file__).parents[1] / "cells" / "hanging_disk.py"


def test_a_file_becomes_a_test_a_series_and_half_cycles_with_the_true_capacities(lab_file):
    file = lab_file("a.bdf.csv", cccv_cycles(5))

    outcome = importing.import_file(file)

    test = CyclingTest.objects.get(file=file)
    assert outcome.status == test.status == CyclingTest.Status.IMPORTED
    assert storage("series").exists(test.series_name)
    discharges = list(test.half_cycles.filter(polarity="discharge").order_by("cycle_count"))
    assert [half.cycle_count for half in discharges] == [1, 2, 3, 4, 5]
    for half in discharges:
        # Float32 currents and times that are spaced by a second between steps.
        assert half.capacity_ah == pytest.approx(0.2 * (1 - 0.001 * half.cycle_count), rel=1e-3)


def test_importing_twice_changes_nothing(lab_file):
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    importing.import_file(file)
    before = list(HalfCycle.objects.order_by("ordinal").values_list("polarity", "capacity_ah"))

    importing.import_file(file)

    assert (
        list(HalfCycle.objects.order_by("ordinal").values_list("polarity", "capacity_ah")) == before
    )
    assert CyclingTest.objects.count() == 1


def test_an_imported_file_is_no_longer_stale(lab_file):
    file = lab_file("a.bdf.csv", cccv_cycles(2))
    assert list(importing.stale()) == [file]

    importing.import_file(file)

    assert list(importing.stale()) == []


def test_a_corrected_time_zone_of_the_folder_makes_its_files_stale(lab_file, folder):
    file = lab_file("a.bdf.csv", cccv_cycles(2))
    importing.import_file(file)

    folder.time_zone = "Europe/Berlin"
    folder.save()

    assert list(importing.stale()) == [file]
    importing.import_file(importing.stale().select_related("folder").get())
    assert list(importing.stale()) == []


def test_a_file_of_unknown_format_is_recorded_once_and_not_tried_every_night(lab_file):
    file = lab_file("a.bin", bytes(range(256)) * 50)

    outcome = importing.import_file(file)

    test = CyclingTest.objects.get(file=file)
    assert outcome.status == test.status == CyclingTest.Status.FAILED
    assert test.error
    assert test.fix
    assert list(importing.stale()) == []


def test_a_grown_file_is_stale_again_and_keeps_what_was_left_out(lab_file, folder):
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    importing.import_file(file)
    HalfCycle.objects.filter(cycle_count=2, polarity="charge").update(
        excluded=True, excluded_reason="oven failed"
    )
    path = Path(folder.path) / "a.bdf.csv"
    path.write_text(cccv_cycles(6).write_csv())
    file = scanned(folder, path)
    assert list(importing.stale()) == [file]

    importing.import_file(file)

    assert HalfCycle.objects.filter(polarity="discharge").count() == 6
    kept = HalfCycle.objects.get(excluded=True)
    assert (kept.cycle_count, kept.excluded_reason) == (2, "oven failed")


def test_a_failing_new_content_leaves_the_earlier_cycles_where_they_were(lab_file, folder):
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    importing.import_file(file)
    path = Path(folder.path) / "a.bdf.csv"
    path.write_bytes(b"\x00\x01 nothing a cycler would write")
    file = scanned(folder, path)

    outcome = importing.import_file(file)

    test = CyclingTest.objects.get(file=file)
    assert outcome.status == CyclingTest.Status.FAILED
    assert test.half_cycles.count() == 6
    assert test.has_series


def test_a_file_that_changed_since_the_scan_waits_for_the_next_one(lab_file, folder):
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    os.utime(Path(folder.path) / "a.bdf.csv", (1.7e9, 1.7e9))

    outcome = importing.import_file(file)

    assert outcome.status == "waiting"
    assert not CyclingTest.objects.exists()


def test_a_file_that_vanished_is_tried_again_the_next_night(lab_file, folder):
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    (Path(folder.path) / "a.bdf.csv").unlink()

    outcome = importing.import_file(file)

    assert outcome.status == CyclingTest.Status.FAILED
    assert "mounted" in outcome.fix
    assert list(importing.stale()) == [file]


def test_a_file_that_may_not_be_read_is_tried_again_though_its_content_is_the_same(
    lab_file, monkeypatch
):
    file = lab_file("a.bdf.csv", cccv_cycles(3))

    def refused(*args, **kwargs):
        raise UnreadableFile("The file may not be read.", fix="Ask for the right.") from (
            PermissionError(13, "Permission denied")
        )

    monkeypatch.setattr(importing.formats, "read_marked", refused)
    importing.import_file(file)

    assert list(importing.stale()) == [file]


def test_a_share_that_falls_silent_is_told_on_the_file_and_tried_again(
    lab_file, monkeypatch, settings
):
    monkeypatch.setattr(contents, "is_on_own_disk", lambda folder: False)
    monkeypatch.setattr(disk, "CHILD", (sys.executable, str(SILENT)))
    settings.FILE_SCAN_TIMEOUT_SECONDS = 0.5
    file = lab_file("hangs.bdf.csv", cccv_cycles(3))

    outcome = importing.import_file(file)

    assert outcome.status == CyclingTest.Status.FAILED
    assert "no answer within 0.5 s" in outcome.error
    assert "mounted" in outcome.fix
    assert list(importing.stale()) == [file]


def test_a_fault_of_a_reader_is_recorded_and_does_not_stop_the_night(lab_file, monkeypatch):
    file = lab_file("a.bdf.csv", cccv_cycles(3))

    def broken(*args, **kwargs):
        raise ZeroDivisionError("division by zero")

    monkeypatch.setattr(importing.formats, "read_marked", broken)
    outcome = importing.import_file(file)

    assert outcome.status == CyclingTest.Status.FAILED
    assert "ZeroDivisionError" in CyclingTest.objects.get(file=file).error


def test_an_import_cut_off_at_the_last_moment_leaves_no_trace(lab_file, monkeypatch):
    file = lab_file("a.bdf.csv", cccv_cycles(3))

    def away(*args, **kwargs):
        raise OperationalError("server closed the connection unexpectedly")

    monkeypatch.setattr(HalfCycle.objects, "bulk_create", away)
    with pytest.raises(OperationalError):
        importing.import_file(file)

    assert not CyclingTest.objects.exists()
    assert list(importing.stale()) == [file]


def test_an_empty_series_left_by_a_crash_is_found_and_imported_again(lab_file):
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    importing.import_file(file)
    name = CyclingTest.objects.get().series_name
    Path(storage("series").path(name)).write_bytes(b"")

    assert upkeep.mark_damaged() == 1
    assert list(importing.stale()) == [file]

    importing.import_file(file)
    assert upkeep.mark_damaged() == 0
    assert list(importing.stale()) == []


def test_series_that_no_row_points_to_are_removed(lab_file, folder):
    file = lab_file("a.bdf.csv", cccv_cycles(2))
    importing.import_file(file)
    old = CyclingTest.objects.get().series_name
    path = Path(folder.path) / "a.bdf.csv"
    path.write_text(cccv_cycles(4).write_csv())
    importing.import_file(scanned(folder, path))
    assert upkeep.remove_orphans() == 0, "it may belong to an import that has not ended"
    os.utime(storage("series").path(old), (1.6e9, 1.6e9))

    removed = upkeep.remove_orphans()

    assert removed == 1
    assert not storage("series").exists(old)
    assert storage("series").exists(CyclingTest.objects.get().series_name)


def test_a_draft_that_an_import_is_writing_is_left_alone(lab_file):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(2)))
    stored = Path(storage("series").path(CyclingTest.objects.get().series_name))
    draft = stored.with_name(".draft-abc")
    draft.write_bytes(b"half of it")

    upkeep.remove_orphans()
    assert draft.exists()

    os.utime(draft, (1.6e9, 1.6e9))
    upkeep.remove_orphans()
    assert not draft.exists()


def test_a_storage_that_is_away_is_reported_and_repaired_the_next_night(lab_file, monkeypatch):
    class EndpointConnectionError(Exception):
        """As object stores raise: no OSError."""

    def away(*args, **kwargs):
        raise EndpointConnectionError("could not connect to http://store:9000")

    file = lab_file("a.bdf.csv", cccv_cycles(3))
    with monkeypatch.context() as patch:
        patch.setattr(type(storage("series")), "save", away)
        outcome = importing.import_file(file)

    assert outcome.status == CyclingTest.Status.FAILED
    assert "storage" in outcome.error
    assert "next night" in outcome.fix
    assert list(importing.stale()) == [file]
    assert importing.import_file(file).status == CyclingTest.Status.IMPORTED


def test_deprecated_and_duplicate_files_are_not_imported(lab_file):
    deprecated = lab_file("a.bdf.csv", cccv_cycles(2))
    deprecated.deprecated = True
    deprecated.save()
    duplicate = lab_file("b.bdf.csv", cccv_cycles(2))
    duplicate.duplicate_of = deprecated
    duplicate.save()

    assert list(importing.stale()) == []


@pytest.fixture
def small_disk(tmp_path):
    """A file system of 64 KB. Mounting one needs root, as in a container."""
    mount = tmp_path / "small"
    mount.mkdir()
    made = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=64k", "tmpfs", str(mount)],
        capture_output=True,
        check=False,
    )
    if made.returncode:
        pytest.skip(f"a small file system can not be mounted here: {made.stderr.decode().strip()}")
    yield mount
    subprocess.run(["umount", str(mount)], check=True)


def test_a_full_disk_is_reported_and_repaired_the_next_night(
    lab_file, small_disk, settings, tmp_path
):
    roomy = settings.STORAGES
    settings.STORAGES = {
        **roomy,
        "series": {**roomy["series"], "OPTIONS": {"location": str(small_disk)}},
    }
    file = lab_file("a.bdf.csv", cccv_cycles(400))

    outcome = importing.import_file(file)

    assert outcome.status == CyclingTest.Status.FAILED
    assert "full" in outcome.error
    assert not HalfCycle.objects.exists()
    assert list(importing.stale()) == [file]
    settings.STORAGES = roomy
    assert importing.import_file(file).status == CyclingTest.Status.IMPORTED

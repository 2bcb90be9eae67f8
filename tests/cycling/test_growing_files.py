"""A file that grows is read on, and the result is that of reading it whole."""

import os
from dataclasses import replace
from pathlib import Path

import polars as pl
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from battery_db.lib.storage import storage
from cells.models import FileMetadata, Folder, RawFile
from cycling import formats
from cycling.jobs import appending, importing
from cycling.models import CyclingTest, HalfCycle
from cycling.services.stored_series import read_stored, stored_parquet
from tests.cycling.conftest import scanned
from tests.cycling.growing import TROUBLES, WRITERS, assert_same, growing_series, told

pytestmark = pytest.mark.django_db
CYCLES = 60
EXAMPLES = int(os.environ.get("GROWING_EXAMPLES", "6"))  # `make fuzz` tries more
REAL = (
    "cycling-maccor/*/examples/data/maccor_three.txt",
    "cycling-neware/jepegit__cellpy/testdata/data/nw_regular_export_ife_example.csv",
    "cycling-biologic/dgbowl__yadg/tests/test_x_eclab/gcpl.issue_211.mpt",
)


class Lab:
    """Two folders: in one a file grows, the other has it whole."""

    def __init__(self, root: Path, zone: str = "UTC") -> None:
        self.folders = []
        for name in ("grows", "whole"):
            (root / name).mkdir(exist_ok=True)
            self.folders.append(
                Folder.objects.update_or_create(
                    name=name, defaults={"path": str(root / name), "time_zone": zone}
                )[0]
            )

    def put(self, folder: int, name: str, data: bytes) -> RawFile:
        path = Path(self.folders[folder].path) / name
        path.write_bytes(data)
        os.utime(path, (1.6e9, 1.6e9 + len(data)))
        file = scanned(self.folders[folder], path)
        FileMetadata.objects.update_or_create(
            file=file,
            defaults={"experiment": "cycling", "cell_id": 10001 + folder, "is_valid": True},
        )
        return file

    def grow(self, name: str, data: bytes, cuts: list[int]) -> tuple[CyclingTest, list[int]]:
        """The test of a file of which as many bytes were there in each of the nights."""
        rows = []
        for cut in (*cuts, len(data)):
            outcome = importing.import_file(self.put(0, name, data[:cut]))
            rows.append(outcome.rows)
        return CyclingTest.objects.get(file__folder=self.folders[0], file__name=name), rows

    def whole(self, name: str, data: bytes) -> CyclingTest:
        file = self.put(1, name, data)
        importing.import_file(file)
        return CyclingTest.objects.get(file=file)


@pytest.fixture
def lab(db, tmp_path):
    return Lab(tmp_path)


def read_on(rows: list[int], test: CyclingTest) -> bool:
    """Whether the last of some imports read less than everything."""
    return rows[-1] < test.row_count


@pytest.mark.parametrize("name", WRITERS)
def test_a_file_that_grew_is_read_on_and_gives_what_reading_it_whole_gives(lab, name):
    data = WRITERS[name](growing_series(CYCLES + 60, 1)).encode()

    grown, rows = lab.grow(name, data, [len(data) - 9_000, len(data) - 3_001])

    assert_same(told(grown), told(lab.whole(name, data)))
    assert read_on(rows, grown)


@settings(
    max_examples=EXAMPLES,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)
@given(
    name=st.sampled_from(sorted(WRITERS)),
    seed=st.integers(0, 10_000),
    troubles=st.frozensets(st.sampled_from(sorted(TROUBLES)), max_size=2),
    cuts=st.lists(st.floats(0.5, 1.0), min_size=1, max_size=3),
)
@example("table.bdf.csv", 3, frozenset({"large late"}), [0.8, 0.9])
@example("bare.bdf.csv", 5, frozenset({"pulses"}), [0.9])
@example("summed.csv", 8, frozenset({"summer time"}), [0.9, 0.95])
def test_wherever_a_file_is_cut_its_import_in_parts_is_its_import(lab, name, seed, troubles, cuts):
    Folder.objects.update(time_zone="Europe/Berlin" if seed % 2 else "UTC")
    HalfCycle.objects.all().delete()
    RawFile.objects.all().delete()
    lab.folders = list(Folder.objects.order_by("name"))
    data = WRITERS[name](growing_series(CYCLES + 20, seed, troubles)).encode()
    places = sorted(int(cut * len(data)) for cut in cuts)

    grown, _ = lab.grow(name, data, places)

    assert_same(told(grown), told(lab.whole(name, data)))


@pytest.mark.parametrize("name", REAL)
def test_real_files_cut_anywhere_give_what_the_whole_gives(lab, real_data, name):
    paths = sorted(real_data.glob(name))
    if not paths:
        pytest.skip(f"absent: {name}")
    data = paths[0].read_bytes()

    for share in (0.51, 0.777, 0.9):
        cuts = [int(share * len(data)), int((share + 1) / 2 * len(data)) + 1]
        RawFile.objects.all().delete()
        grown, rows = lab.grow(paths[0].name, data, cuts)
        assert_same(told(grown), told(lab.whole(paths[0].name, data)))
    assert read_on(rows, grown)


def test_only_the_beginning_and_the_end_of_a_grown_file_are_read(lab, monkeypatch):
    sizes = []

    def counting(read):
        def wrapped(path, context):
            sizes.append(path.stat().st_size)
            return read(path, context)

        return wrapped

    monkeypatch.setattr(
        formats, "FORMATS", tuple(replace(f, read=counting(f.read)) for f in formats.FORMATS)
    )
    data = WRITERS["table.bdf.csv"](growing_series(600, 2)).encode()
    lab.grow("a.bdf.csv", data[: -len(data) // 100], [])
    sizes.clear()

    grown, rows = lab.grow("a.bdf.csv", data, [])

    assert len(data) > 1_400_000
    assert sum(sizes) < 2 * 65_536 + len(data) // 50
    assert rows[-1] < grown.row_count / 50
    first, second = grown.parts
    assert second[2] < grown.row_count / 50
    assert first[2] + second[2] == grown.row_count
    assert storage("series").size(second[0]) < storage("series").size(first[0]) / 5


def test_half_cycles_that_stay_are_not_written_again(lab):
    data = WRITERS["table.bdf.csv"](growing_series(CYCLES + 20, 1)).encode()
    before, _ = lab.grow("a.bdf.csv", data[:-9_000], [])
    ids = list(before.half_cycles.order_by("ordinal").values_list("pk", flat=True))
    before.half_cycles.filter(cycle_count=3).update(excluded=True, excluded_reason="oven")

    grown, _ = lab.grow("a.bdf.csv", data, [])

    now = list(grown.half_cycles.order_by("ordinal").values_list("pk", flat=True))
    assert now[: len(ids) - 6] == ids[: len(ids) - 6]
    assert {h.cycle_count for h in grown.half_cycles.filter(excluded=True)} == {3}


def test_many_nights_leave_few_parts_and_one_series(lab):
    data = WRITERS["table.bdf.csv"](growing_series(CYCLES + 40, 4)).encode()
    step = 8_000
    cuts = list(range(len(data) - 8 * step, len(data), step))

    grown, _ = lab.grow("a.bdf.csv", data, cuts)

    whole = lab.whole("a.bdf.csv", data)
    assert 1 < len(grown.parts) <= 4
    assert_same(told(grown), told(whole))
    for rows in ((0, 10), (grown.row_count - 300, grown.row_count - 1), (5, grown.row_count)):
        assert read_stored(grown, rows=rows).equals(read_stored(whole, rows=rows))
    span = (float(read_stored(whole)["test_time_second"][-400]), 1e9)
    columns = ("test_time_second", "voltage_volt")
    assert read_stored(grown, columns, span=span).equals(read_stored(whole, columns, span=span))
    assert stored_parquet(grown) == stored_parquet(whole)


@pytest.mark.parametrize("place", [10, 80_000, -9_500])
def test_a_file_whose_beginning_changed_is_read_whole(lab, place):
    data = WRITERS["table.bdf.csv"](growing_series(CYCLES + 20, 1)).encode()
    lab.grow("a.bdf.csv", data[:-9_000], [])
    digit = place + data[place:].index(b"3")
    changed = data[:digit] + b"4" + data[digit + 1 :]

    grown, rows = lab.grow("a.bdf.csv", changed, [])

    assert_same(told(grown), told(lab.whole("a.bdf.csv", changed)))
    assert not read_on(rows, grown)


def test_another_time_zone_or_a_lost_part_has_the_file_read_whole(lab):
    data = WRITERS["flat.csv"](growing_series(CYCLES + 20, 1)).encode()
    lab.grow("a.csv", data[:-9_000], [])
    Folder.objects.update(time_zone="Asia/Tokyo")
    lab.folders = list(Folder.objects.order_by("name"))

    grown, rows = lab.grow("a.csv", data[:-5_000], [])
    assert not read_on(rows, grown)

    grown, rows = lab.grow("a.csv", data[:-2_000], [])
    assert read_on(rows, grown)
    storage("series").delete(grown.parts[0][0])
    grown, rows = lab.grow("a.csv", data, [])
    assert not read_on(rows, grown)
    assert_same(told(grown), told(lab.whole("a.csv", data)))


def test_a_failed_night_in_between_changes_nothing(lab, monkeypatch):
    data = WRITERS["table.bdf.csv"](growing_series(CYCLES + 20, 1)).encode()
    lab.grow("a.bdf.csv", data[:-9_000], [])

    def full(*args):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(appending, "store", full)
        failed, _ = lab.grow("a.bdf.csv", data[:-4_000], [])
    assert failed.status == CyclingTest.Status.FAILED

    grown, rows = lab.grow("a.bdf.csv", data, [])

    assert read_on(rows, grown)
    assert_same(told(grown), told(lab.whole("a.bdf.csv", data)))


def test_an_import_that_was_overtaken_by_another_does_it_again(lab, monkeypatch):
    data = WRITERS["table.bdf.csv"](growing_series(CYCLES + 20, 1)).encode()
    lab.grow("a.bdf.csv", data[:-9_000], [])
    file = lab.put(0, "a.bdf.csv", data)
    switch, overtaken = importing.switch, []

    def late(made):
        if not overtaken:
            overtaken.append(made)
            importing.import_file(RawFile.objects.get(pk=file.pk))
        switch(made)

    monkeypatch.setattr(importing, "switch", late)
    importing.import_file(file)

    grown = CyclingTest.objects.get(file=file)
    assert overtaken
    assert_same(told(grown), told(lab.whole("a.bdf.csv", data)))


def test_a_bookmark_that_can_not_be_read_has_the_file_read_whole(lab):
    data = WRITERS["table.bdf.csv"](growing_series(CYCLES + 20, 1)).encode()
    before, _ = lab.grow("a.bdf.csv", data[:-9_000], [])
    Path(storage("series").path(before.bookmark_name)).write_bytes(b"PAR1 and no more")

    grown, rows = lab.grow("a.bdf.csv", data, [])

    assert not read_on(rows, grown)
    assert isinstance(read_stored(grown), pl.DataFrame)

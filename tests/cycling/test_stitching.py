"""Restarted, re-exported and overlapping files of one cell: each half-cycle counts once."""

from datetime import UTC, datetime, timedelta

import polars as pl
import pytest
from django.urls import reverse
from hypothesis import given
from hypothesis import strategies as st

from battery_db.lib.storage import storage
from cycling.jobs import grouping, importing
from cycling.models import CyclingTest, HalfCycle
from cycling.services import cells as services
from cycling.services.overlaps import overlaps_of_cell
from cycling.stitching import find_superseded, numbers_used_twice
from tests.cycling.conftest import cccv_cycles
from tests.cycling.test_dataset_jobs import export

START = datetime(2026, 1, 1, tzinfo=UTC)


def told(*rows):
    """Rows of ``(test, cycle, start in hours or None, is complete)``, an hour long each."""
    return pl.DataFrame(
        [
            {
                "test_id": test,
                "polarity": "discharge",
                "cycle": cycle,
                "is_complete": complete,
                "started_at": None if hours is None else START + timedelta(hours=hours),
                "duration_second": 3600.0,
                "capacity_ah": 0.2 if complete else 0.1,
            }
            for test, cycle, hours, complete in rows
        ],
        schema_overrides={"started_at": pl.Datetime("us", "UTC")},
    )


def counting(frame):
    instead = find_superseded(frame)
    return [row for row, better in enumerate(instead) if better is None]


def test_files_that_follow_each_other_all_count():
    frame = told((1, 1, 0, True), (1, 2, 2, True), (2, 3, 4, True), (2, 4, 6, True))

    assert counting(frame) == [0, 1, 2, 3]


def test_a_longer_export_of_the_same_test_counts_instead():
    frame = told(
        (1, 1, 0, True), (1, 2, 2, False), (2, 1, 0, True), (2, 2, 2, True), (2, 3, 4, True)
    )

    assert counting(frame) == [2, 3, 4]
    assert find_superseded(frame)[:2] == [2, 3]


def test_the_cycle_that_a_restart_repeated_replaces_the_one_that_was_cut_off():
    frame = told((1, 1, 0, True), (1, 2, 2, False), (2, 2, 9, True), (2, 3, 11, True))

    assert counting(frame) == [0, 2, 3]


def test_a_wrong_start_cycle_does_not_double_what_was_measured_once():
    frame = told((1, 1, 0, True), (1, 2, 2, True), (2, 11, 0, True), (2, 12, 2, True))

    assert counting(frame) == [2, 3]


def test_clocks_that_a_restart_set_back_do_not_make_different_cycles_the_same():
    frame = told((1, 1, 0, True), (2, 2, 0, True))
    frame = frame.with_columns(capacity_ah=pl.Series([0.2, 0.19]))

    assert counting(frame) == [0, 1]


def test_a_number_used_twice_at_different_times_loses_nothing_and_is_told():
    frame = told((1, 1, 0, True), (1, 2, 2, True), (2, 1, 100, True), (2, 2, 102, True))

    assert counting(frame) == [0, 1, 2, 3]
    assert numbers_used_twice(frame) == [1, 2]


def test_without_clocks_the_number_decides():
    frame = told((1, 1, None, True), (1, 2, None, True), (2, 2, None, True), (2, 3, None, True))

    assert counting(frame) == [0, 2, 3]


def test_several_of_one_number_in_one_file_all_count():
    frame = told((1, 1, 0, True), (1, 1, 2, True), (2, 7, 9, True))

    assert counting(frame) == [0, 1, 2]


@given(
    st.lists(
        st.tuples(
            st.integers(1, 4),
            st.integers(1, 6),
            st.one_of(st.none(), st.integers(0, 12)),
            st.booleans(),
        ),
        max_size=30,
    )
)
def test_what_counts_instead_counts_itself_and_each_is_told(rows):
    frame = told(*rows) if rows else told((1, 1, 0, True))
    instead = find_superseded(frame)

    for row, better in enumerate(instead):
        if better is not None:
            assert instead[better] is None
            assert frame["test_id"][better] != frame["test_id"][row]


def cut(first, last, *, hours=0.0):
    """Cycles ``first`` to ``last`` of one long test, numbered from 1 as a restart does."""
    frame = cccv_cycles(last).filter(pl.col("cycle_count") >= first)
    return frame.with_columns(
        pl.col("cycle_count") - (first - 1), pl.col("unix_time_second") + hours * 3600
    )


@pytest.fixture
def overlapping(lab_file):
    """Cycles 1 to 6 and 5 to 9 of one cell, in two files."""
    first = lab_file("a.bdf.csv", cut(1, 6))
    second = lab_file("b.bdf.csv", cut(5, 9), start_cycle=4)
    for file in (first, second):
        importing.import_file(file)
    grouping.group_cell(10001)
    return first, second


@pytest.mark.django_db
def test_a7_17_overlapping_files_give_no_duplicate_cycles(overlapping):
    frame = services.cell_frame(10001)

    discharges = frame.filter(polarity="discharge").sort("cycle")
    assert discharges["cycle"].to_list() == list(range(1, 10))
    expected = [0.2 * (1 - 0.001 * cycle) for cycle in range(1, 10)]
    assert discharges["capacity_ah"].to_list() == pytest.approx(expected, rel=1e-3)
    assert HalfCycle.objects.count() == 2 * (6 + 5), "nothing is lost"
    assert services.groups_are_current(10001)


@pytest.mark.django_db
def test_overlaps_are_shown_with_the_rule(overlapping, client_as):
    first, second = overlapping

    (overlap,) = overlaps_of_cell(10001).found

    assert (overlap.test.file, overlap.counts.file) == (first, second)
    assert (overlap.cycles, overlap.half_cycles) == ("5-6", 4)
    page = client_as("viewer").get(reverse("cycling:cell-panel", args=[10001])).content.decode()
    assert "a.bdf.csv" in page
    assert "5-6" in page
    assert "the complete one counts" in page


@pytest.mark.django_db
def test_plots_csv_and_tensors_tell_each_cycle_once(overlapping):
    from cells.models import Dataset, DatasetCell, WetCell
    from cycling.jobs import compiling

    dataset = Dataset.objects.create(name="One", slug="one")
    cell = WetCell.objects.create(cell_id=10001)
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell)

    (table,) = export(dataset).values()
    columns = services.points_by_group(10001, _quantity("discharge_capacity"))
    plotted = sorted(int(x) for points in columns for x in points.x)

    assert table["Cycle Number"].to_list() == list(range(1, 10))
    assert plotted == list(range(1, 10))
    halves = compiling.HalfCycle.objects.of_cell(10001).filter(excluded=False)
    assert halves.count() == 18


def _quantity(name):
    from cycling.quantities import QUANTITIES

    return QUANTITIES[name]


@pytest.mark.django_db
def test_a_cycle_left_out_does_not_come_back_from_the_other_file(overlapping):
    from cycling.services import curation

    curation.exclude_cycles(10001, "5", reason="oven failed", by=None)

    frame = services.cell_frame(10001).filter(polarity="discharge")
    assert sorted(frame["cycle"].to_list()) == [1, 2, 3, 4, 6, 7, 8, 9]


@pytest.mark.django_db
def test_the_other_file_counts_again_at_once_when_the_better_one_is_deprecated(overlapping):
    _, second = overlapping
    second.deprecated = True
    second.save()

    frame = services.cell_frame(10001).filter(polarity="discharge")
    assert sorted(frame["cycle"].to_list()) == [1, 2, 3, 4, 5, 6]


@pytest.mark.django_db
def test_a_corrected_start_cycle_ends_an_overlap_by_number(lab_file):
    first = lab_file("a.bdf.csv", cut(1, 3).drop("unix_time_second"))
    second = lab_file("b.bdf.csv", cut(4, 6).drop("unix_time_second"))
    for file in (first, second):
        importing.import_file(file)
    grouping.group_cell(10001)
    assert services.cell_frame(10001).height == 6

    second.metadata.start_cycle = 3
    second.metadata.save()
    assert grouping.stale_cells([10001]) == [10001]
    grouping.group_cell(10001)

    assert services.cell_frame(10001).height == 12
    assert CyclingTest.objects.count() == 2
    assert storage("series").exists(CyclingTest.objects.first().series_name)

"""Groups of a cell: made when something changed, kept when it did not."""

import polars as pl
import pytest

from cells.models import DryCell, WetCell
from cycling.jobs import grouping, importing
from cycling.models import CellState, CycleGroup, HalfCycle
from tests.cycling.conftest import cccv_cycles

pytestmark = pytest.mark.django_db


def imported(lab_file, name: str, frame: pl.DataFrame, **metadata):
    file = lab_file(name, frame, **metadata)
    importing.import_file(file)
    return file


def with_checkups(cycles: int) -> pl.DataFrame:
    """1C cycles with a C/20 check-up at the end; times and numbers follow on."""
    fast = cccv_cycles(cycles)
    slow = cccv_cycles(2, rate=0.05)
    return pl.concat(
        [
            fast,
            slow.with_columns(
                cycle_count=pl.col("cycle_count") + cycles,
                step_count=pl.col("step_count") + 5 * cycles,
                test_time_second=pl.col("test_time_second") + fast["test_time_second"].max() + 1,
                unix_time_second=pl.col("unix_time_second") + fast["test_time_second"].max() + 1,
            ),
        ]
    )


def test_every_half_cycle_is_in_a_group_and_checkups_are_in_their_own(lab_file):
    imported(lab_file, "a.bdf.csv", with_checkups(30))

    result = grouping.group_cell(10001)

    assert result["half_cycles"] == 64
    assert not HalfCycle.objects.filter(group=None).exists()
    rates = CycleGroup.objects.filter(polarity="discharge", irregular=False).values_list(
        "constant_rate", flat=True
    )
    assert sorted(round(rate, 1) for rate in rates)[0] == pytest.approx(0.1, abs=0.06)
    checkup = HalfCycle.objects.filter(polarity="discharge", cycle_count__gt=30)
    regular = HalfCycle.objects.filter(polarity="discharge", cycle_count__lte=30)
    assert not set(checkup.values_list("group", flat=True)) & set(
        regular.values_list("group", flat=True)
    )


def test_ten_cycles_or_fewer_are_grouped_too(lab_file):
    imported(lab_file, "a.bdf.csv", cccv_cycles(4))

    grouping.group_cell(10001)

    assert not HalfCycle.objects.filter(group=None).exists()


def test_rates_refer_to_the_nominal_capacity_of_the_design(lab_file):
    design = DryCell.objects.create(name="Pouch", nominal_capacity_ah=0.4)
    WetCell.objects.create(cell_id=10001, dry_cell=design)
    imported(lab_file, "a.bdf.csv", cccv_cycles(12))

    grouping.group_cell(10001)

    group = CycleGroup.objects.filter(polarity="discharge").first()
    assert group.constant_rate == pytest.approx(0.5, rel=0.02)


def test_an_unregistered_cell_is_grouped_by_its_own_largest_discharge(lab_file):
    imported(lab_file, "a.bdf.csv", cccv_cycles(12))

    grouping.group_cell(10001)

    state = CellState.objects.get(pk=10001)
    assert state.theoretical_capacity_ah == pytest.approx(0.2, rel=0.01)


def test_only_cells_that_changed_are_stale(lab_file):
    imported(lab_file, "a.bdf.csv", cccv_cycles(12), cell_id=10001)
    imported(lab_file, "b.bdf.csv", cccv_cycles(11), cell_id=10002)
    assert grouping.stale_cells() == [10001, 10002]

    grouping.group_cell(10001)

    assert grouping.stale_cells() == [10002]


def test_a_corrected_cell_id_makes_both_cells_stale(lab_file):
    file = imported(lab_file, "a.bdf.csv", cccv_cycles(12), cell_id=10001)
    grouping.group_cell(10001)

    file.metadata.cell_id = 10007
    file.metadata.save()

    assert grouping.stale_cells() == [10001, 10007]
    for cell_id in grouping.stale_cells():
        grouping.group_cell(cell_id)
    assert not CycleGroup.objects.filter(cell=10001).exists()
    assert grouping.stale_cells() == []


def test_regrouping_keeps_the_rows_of_groups_that_keep_their_members(lab_file):
    imported(lab_file, "a.bdf.csv", with_checkups(20))
    grouping.group_cell(10001)
    before = dict(HalfCycle.objects.values_list("pk", "group"))

    imported(lab_file, "b.bdf.csv", with_checkups(40), start_cycle=22)
    grouping.group_cell(10001)

    after = dict(HalfCycle.objects.filter(pk__in=before).values_list("pk", "group"))
    kept = sum(before[pk] == after[pk] for pk in before)
    assert kept / len(before) > 0.9


def test_the_first_half_cycle_of_a_file_follows_the_last_of_the_file_before(lab_file):
    imported(lab_file, "a.bdf.csv", cccv_cycles(3))
    imported(lab_file, "b.bdf.csv", cccv_cycles(4), start_cycle=3)

    grouping.group_cell(10001)

    first = HalfCycle.objects.get(test__file__name="b.bdf.csv", ordinal=0)
    assert first.previous_end_voltage_volt == pytest.approx(3.0, abs=0.05)


def test_grouping_twice_changes_nothing(lab_file):
    imported(lab_file, "a.bdf.csv", with_checkups(20))
    grouping.group_cell(10001)
    before = list(CycleGroup.objects.values_list("pk", "number", "size", "constant_rate"))

    grouping.group_cell(10001)

    assert list(CycleGroup.objects.values_list("pk", "number", "size", "constant_rate")) == before


def test_what_the_program_computes_is_not_in_the_history_of_changes(lab_file):
    imported(lab_file, "a.bdf.csv", cccv_cycles(12))

    grouping.group_cell(10001)

    assert CellState.history.count() == 0

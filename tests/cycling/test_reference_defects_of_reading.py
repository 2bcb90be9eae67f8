"""Defects of the Universal Battery Database in reading, summing and grouping cycles.

Each is made impossible; tests are named after the defect (``a4`` cycling, ``a7`` known
weaknesses). Those of exports and curation are in ``test_reference_defects``.
"""

import os
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from django.core.management import call_command

from battery_db.lib.errors import LabError
from cells.models import Dataset, DatasetCell, DatasetFilter, FilterRange, WetCell
from cycling import formats
from cycling.formats import ReadContext, read
from cycling.half_cycles import summarise
from cycling.jobs import grouping, importing
from cycling.models import CyclingTest, HalfCycle
from tests.cycling.conftest import cccv_cycles, scanned
from tests.cycling.formats import files
from tests.cycling.test_groups import CHARGE, DISCHARGE, group
from tests.cycling.test_half_cycles import CC_CHARGE, CC_DISCHARGE, HOLD, REST, Part, series


def in_units(text: str, volt: str, ampere: str) -> str:
    """The nested export again, its header and numbers in other units."""
    scale = {"mV": 1.0, "V": 1e-3, "mA": 1.0, "A": 1e-3}
    lines = text.replace("Vol(mV)", f"Vol({volt})").replace("Cur(mA)", f"Cur({ampere})").split("\n")
    for place, line in enumerate(lines):
        cells = line.split("\t")
        if line.startswith("\t\t") and cells[2].isdigit():
            cells[4] = f"{float(cells[4]) * scale[volt]:.7f}"
            cells[5] = f"{float(cells[5]) * scale[ampere]:.7f}"
            lines[place] = "\t".join(cells)
    return "\n".join(lines)


@pytest.mark.parametrize(("volt", "ampere"), [("mV", "mA"), ("V", "A"), ("mV", "A")])
def test_a4_units_of_the_header_are_heeded(tmp_path, volt, ampere):
    frame = files.series()
    path = tmp_path / "a.txt"
    path.write_text(in_units(files.nested(frame), volt, ampere))

    got = read(path)[1].frame

    for name in ("voltage_volt", "current_ampere"):
        assert got[name].to_list() == pytest.approx(frame[name].to_list(), abs=1e-5)


def test_a4_more_than_the_text_of_one_maker_is_read():
    makers = ("neware", "biologic", "arbin", "maccor", "novonix", "basytec", "pec", "bdf")

    for maker in makers:
        assert any(format_.name.startswith(maker) for format_ in formats.FORMATS), maker


def test_a4_fractions_of_a_second_are_kept(tmp_path):
    frame = files.series().with_columns(pl.col("test_time_second") * 1.001)
    path = tmp_path / "a.bdf.csv"
    path.write_text(files.bdf(frame))

    got = read(path)[1].frame["test_time_second"].to_list()

    assert got == pytest.approx(frame["test_time_second"].to_list(), abs=1e-9)


@pytest.mark.parametrize(("zone", "hours"), [("UTC", 0), ("Europe/Berlin", 1), ("Asia/Tokyo", 9)])
def test_a4_clocks_are_read_in_the_zone_of_their_folder(tmp_path, zone, hours):
    frame = files.series()
    path = tmp_path / "a.txt"
    path.write_text(files.nested(frame))

    got = read(path, ReadContext(time_zone=zone))[1].frame["unix_time_second"][0]

    assert got == frame["unix_time_second"][0] - 3600 * hours


def test_a4_steps_of_other_modes_have_attributes():
    """Voltage holds, constant power and pulses had zeros, and so no group."""
    power = Part(0.8, 0.5, 3.4, 4.0)
    cycles = [[HOLD, REST, power], [CC_DISCHARGE, REST, CC_DISCHARGE]]

    halves = summarise(series(cycles))

    for name in ("constant_current_ampere", "end_current_ampere", "end_voltage_volt"):
        assert (halves[name] > 0).all(), name


@pytest.mark.django_db
def test_a4_a_file_that_was_only_touched_is_not_imported_again(lab_file, folder):
    """The original went by the time of the file; here its content decides."""
    file = lab_file("a.bdf.csv", cccv_cycles(3))
    importing.import_file(file)
    path = Path(folder.path) / "a.bdf.csv"
    os.utime(path, (1.65e9, 1.65e9))

    scanned(folder, path)

    assert not importing.stale().exists()


def test_a4_cycle_zero_and_the_first_cycle_count_as_any_other():
    frame = series([[CC_CHARGE, CC_DISCHARGE]] * 3).with_columns(pl.col("cycle_count") - 1)

    halves = summarise(frame)

    assert halves["cycle_count"].to_list() == [0, 0, 1, 1, 2, 2]


@pytest.mark.django_db
def test_a4_the_first_cycle_is_not_marked_as_bad(lab_file):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(3)))

    assert not HalfCycle.objects.filter(excluded=True).exists()
    assert HalfCycle.objects.in_use().filter(cycle_count=1).count() == 2


def test_a4_capacity_is_integrated_though_no_counter_is_there():
    """The original took the largest value of the instrument's own column."""
    frame = series([[CC_CHARGE, CC_DISCHARGE]])
    assert not [name for name in frame.columns if "capacity" in name]

    halves = summarise(frame)

    assert halves["capacity_ah"].to_list() == pytest.approx([1.0, 1.0], rel=1e-6)


def test_a4_energy_is_the_integral_of_power_and_not_mean_voltage_times_capacity():
    """Half the charge at 3.0 V and 1 A, half at 4.0 V and 0.1 A: 3.5 V in the mean."""
    halves = summarise(series([[Part(1.0, 0.5, 3.0, 3.0), Part(0.1, 5.0, 4.0, 4.0)]]))

    assert halves["capacity_ah"][0] == pytest.approx(1.0)
    assert halves["energy_wh"][0] == pytest.approx(3.5)
    lopsided = summarise(series([[Part(1.0, 0.5, 3.0, 3.0), Part(0.1, 1.0, 4.0, 4.0)]]))
    assert lopsided["energy_wh"][0] == pytest.approx(0.5 * 3 + 0.1 * 4)


def test_a4_durations_do_not_come_from_a_wall_clock_that_is_set_back():
    frame = series([[CC_CHARGE, CC_DISCHARGE]])
    clock = 1.7e9 + frame["test_time_second"].to_numpy()
    clock[len(clock) // 4 :] -= 3600

    halves = summarise(frame.with_columns(unix_time_second=clock))

    assert halves["duration_second"].to_list() == pytest.approx([3600, 1800])


@pytest.mark.django_db
def test_a4_what_came_before_the_first_half_cycle_of_a_file_is_known(lab_file):
    """It was taken as zero, so that the first charge of each file had no group."""
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(12)))
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(12), start_cycle=12))
    grouping.group_cell(10001)

    charges = HalfCycle.objects.filter(polarity="charge").exclude(test=None)
    later = charges.filter(test__file__name="b.bdf.csv").order_by("ordinal").first()
    assert later.group == charges.filter(test__file__name="a.bdf.csv").last().group


def test_a4_a_half_cycle_of_several_steps_is_more_than_its_first():
    halves = summarise(series([[Part(2.0, 0.25), Part(1.0, 0.5), Part(0.5, 1.0)]]))

    assert halves["capacity_ah"].to_list() == pytest.approx([1.5])
    assert halves["constant_current_ampere"][0] >= halves["end_current_ampere"][0]
    assert halves["end_current_ampere"][0] == pytest.approx(0.5)


@pytest.mark.parametrize("volt", [4.05, 4.08, 4.10])
def test_a4_charges_to_other_voltages_are_other_groups(volt):
    steps = [CHARGE, DISCHARGE, ("charge", 1.0, 0.05, volt), DISCHARGE] * 40

    charges = group(steps).labels[::2]

    assert set(charges[::2]).isdisjoint(charges[1::2])


def test_a4_rates_of_14_percent_difference_are_two_groups_and_scatter_is_one():
    third, more = ("discharge", 1 / 3, 1 / 3, 3.0), ("discharge", 1.14 / 3, 1.14 / 3, 3.0)

    apart = group([CHARGE, third, CHARGE, more] * 40).labels[1::2]
    alike = group([CHARGE, third] * 80, noise=0.03).labels[1::2]

    assert set(apart[::2]).isdisjoint(apart[1::2])
    assert len(set(alike)) == 1


@pytest.mark.parametrize("cut_off", [1 / 167, 1 / 250, 1 / 1000])
def test_a4_a_small_cut_off_leaves_no_cycle_without_a_group(cut_off):
    grouping_ = group([("charge", 0.5, cut_off, 4.2), ("discharge", 0.5, 0.5, 3.0)] * 30)

    assert (grouping_.labels >= 0).all()
    assert len(grouping_.groups) == 2


def test_a4_two_check_ups_among_sixty_two_cycles_are_found():
    slow = ("discharge", 0.05, 0.05, 3.0)
    steps = [CHARGE, DISCHARGE] * 30 + [CHARGE, slow] + [CHARGE, DISCHARGE] * 30 + [CHARGE, slow]

    labels = group(steps).labels

    places = [place for place, step in enumerate(steps) if step == slow]
    assert {labels[place] for place in places}.isdisjoint(
        {label for place, label in enumerate(labels) if place not in places}
    )


@pytest.mark.parametrize(
    ("limits", "cycles"), [((None, 4.0), 0), ((4.0, None), 12)], ids=["up to", "from"]
)
@pytest.mark.django_db
def test_a7_1_a_one_sided_filter_is_exported_and_a7_15_to_where_it_was_asked(
    lab_file, tmp_path, limits, cycles
):
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(12)))
    grouping.group_cell(10001)
    dataset = Dataset.objects.create(name="A", slug="a")
    cell = WetCell.objects.create(cell_id=10001)
    DatasetCell.objects.create(dataset=dataset, wet_cell=cell, name="short")
    one = DatasetFilter.objects.create(dataset=dataset, name="one-sided")
    FilterRange.objects.create(
        filter=one, polarity="charge", attribute="end_voltage",
        minimum=limits[0], maximum=limits[1],
    )  # fmt: skip

    call_command("export_dataset", "A", "--to", str(tmp_path / "out"))

    tables = list((tmp_path / "out").rglob("*.csv"))
    rows = sum(len(table.read_text().splitlines()) - 1 for table in tables)
    assert rows == cycles


@pytest.mark.parametrize("kept", ["half cycles", "formation only", "a microampere hour"])
def test_a7_17_half_cycles_formations_and_small_cells_do_not_vanish(kept):
    parts = {
        "half cycles": [[CC_DISCHARGE], [CC_CHARGE]],
        "formation only": [[Part(0.05, 10.0, 3.0, 4.2), REST]],
        "a microampere hour": [[Part(1e-6, 1.0, 3.0, 4.2), Part(-1e-6, 1.0, 4.2, 3.0)]],
    }

    halves = summarise(series(parts[kept]))

    flows = [part for cycle in parts[kept] for part in cycle if part.ampere]
    assert halves.height == len(flows)
    expected = [abs(part.ampere) * part.hours for part in flows]
    assert halves["capacity_ah"].to_list() == pytest.approx(expected, rel=1e-6)


@pytest.mark.django_db
def test_a7_one_bad_line_costs_that_line_and_says_so(lab_file):
    """The original gave up on the file with a bare KeyError."""
    lines = files.nested(files.series(3)).split("\n")
    bad = next(i for i, line in enumerate(lines) if line.startswith("\t\t15\t"))
    lines[bad] = "\t\t15\t###\t\t"
    file = lab_file("a.txt", "\n".join(lines).encode())

    importing.import_file(file)

    test = CyclingTest.objects.get()
    assert test.status == CyclingTest.Status.PARTIAL
    assert test.row_count == files.series(3).height - 1
    assert test.findings


def test_a7_a_column_that_is_not_there_is_named_and_no_keyerror(tmp_path):
    path = tmp_path / "a.csv"
    path.write_text(files.flat(files.series()).replace("Voltage(mV)", "Humidity(%)"))

    with pytest.raises(LabError) as caught:
        read(path)

    assert "Humidity" in caught.value.message
    assert caught.value.fix


@pytest.mark.django_db
def test_a7_a_grown_file_rewrites_no_other_file_of_the_cell(lab_file, folder):
    """The original wrote every step of every cell again each night."""
    importing.import_file(lab_file("a.bdf.csv", cccv_cycles(12)))
    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(12), start_cycle=12))
    kept = set(HalfCycle.objects.filter(test__file__name="a.bdf.csv").values_list("pk", flat=True))
    when = CyclingTest.objects.get(file__name="a.bdf.csv").imported_at

    importing.import_file(lab_file("b.bdf.csv", cccv_cycles(14), start_cycle=12))
    grouping.group_cell(10001)

    own = HalfCycle.objects.filter(test__file__name="a.bdf.csv")
    assert set(own.values_list("pk", flat=True)) == kept
    assert CyclingTest.objects.get(file__name="a.bdf.csv").imported_at == when


def test_a5_no_group_is_skipped_for_its_rate_or_voltage():
    """The original left out rates below 1e-5 and voltages outside a range."""
    frame = series([[Part(1e-7, 1.0, 0.1, 0.2), Part(-1e-7, 1.0, 0.2, 0.1)]] * 4)

    halves = summarise(frame)

    assert halves.height == 8
    assert np.isfinite(halves["capacity_ah"].to_numpy()).all()

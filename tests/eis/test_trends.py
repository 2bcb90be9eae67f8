"""Parameters over a cell's life: a line is of one circuit under one condition."""

import pytest

from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Folder
from eis.conditions import levels
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.services.trends import trends_of_cell
from tests.eis.lab import CIRCUIT, add_file, eis_text

NAME = "ZARC1_R"


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([3.749, 3.751, 3.70], [0, 0, 0]),
        ([4.2, 3.0, None, 4.19], [1, 0, None, 1]),
        ([None, None], [None, None]),
        ([], []),
    ],
)
def test_levels_are_cut_at_gaps(values, expected):
    assert levels(values, 0.05) == expected


@pytest.fixture
def life(db, settings, tmp_path):
    """Four spectra of one cell, at cycles 10, 20, 30 and 40."""
    settings.EIS_CIRCUIT = CIRCUIT
    path = tmp_path / "eis"
    path.mkdir()
    folder = Folder.objects.create(name="Potentiostat", path=str(path))
    for cycle in (10, 20, 30, 40):
        file = add_file(folder, f"c{cycle}.csv", eis_text(cycle / 10), start_cycle=cycle)
        engine.enqueue("eis.take_in", {"file_ids": [file.pk]}, trigger=Job.Trigger.COMMAND)
    engine.drain()
    return list(ImpedanceSpectrum.objects.in_life_order())


def set_each(spectra, **columns):
    for name, values in columns.items():
        for spectrum, value in zip(spectra, values, strict=True):
            ImpedanceSpectrum.objects.filter(pk=spectrum.pk).update(**{name: value})


def lines(names=(NAME,)) -> dict[str, list[float]]:
    return {trend.name: list(trend.x) for trend in trends_of_cell(10001, names).trends}


def test_spectra_at_like_conditions_are_one_line(life):
    set_each(life, voltage_volt=[3.749, 3.751, 3.75, 3.752], temperature_celsius=[25, 24, 26, 25.2])

    assert lines() == {NAME: [10, 20, 30, 40]}


def test_other_voltages_temperatures_and_charges_are_other_lines(life):
    set_each(life, voltage_volt=[3.0, 4.1, 3.002, 4.1])
    by_voltage = lines()
    set_each(life, temperature_celsius=[25, 45, 25, 25])
    by_both = lines()
    set_each(life, voltage_volt=[None] * 4, temperature_celsius=[None] * 4,
             state_of_charge=[20, 80, 20.4, 80])  # fmt: skip

    assert by_voltage == {f"{NAME}, 3 V": [10, 30], f"{NAME}, 4.1 V": [20, 40]}
    assert by_both[f"{NAME}, 4.1 V, 45 °C"] == [20]
    assert lines() == {f"{NAME}, SOC 20.2": [10, 30], f"{NAME}, SOC 80": [20, 40]}


def test_the_same_name_of_another_circuit_is_another_line(life):
    CircuitFit.objects.filter(spectrum=life[1]).update(circuit="R0-ZARC1")

    assert sorted(lines().values()) == [[10, 30, 40], [20]]


def test_one_spectrum_without_a_cycle_is_left_out_and_said(life):
    file = life[2].source.file
    file.metadata.start_cycle = None
    file.metadata.save()

    found = trends_of_cell(10001, [NAME])

    assert list(found.trends[0].x) == [10, 20, 40]
    assert found.x_axis == "Cycle number; 1 without a cycle left out"


def test_without_any_cycle_the_order_counts(life):
    for spectrum in life:
        spectrum.source.file.metadata.start_cycle = None
        spectrum.source.file.metadata.save()

    found = trends_of_cell(10001, [NAME])

    assert (list(found.trends[0].x), found.x_axis) == ([1, 2, 3, 4], "Spectrum, in order")


def test_a_life_costs_the_same_for_any_number(life, django_assert_max_num_queries):
    with django_assert_max_num_queries(4):
        trends_of_cell(10001, [NAME])

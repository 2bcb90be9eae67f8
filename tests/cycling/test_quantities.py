"""Numbers against cycle number: pairs, efficiencies, and what has none."""

import polars as pl
import pytest

from cycling.quantities import HALF_CYCLE_QUANTITIES, QUANTITIES, with_quantity

CHARGE, DISCHARGE = "charge", "discharge"


def halves(*rows: tuple[int, str, float]) -> pl.DataFrame:
    """(instrument cycle, polarity, capacity); energy is 4 and 3 Wh per Ah, voltage 4 and 3 V."""
    return pl.DataFrame(
        {
            "test_id": [1] * len(rows),
            "ordinal": range(len(rows)),
            "cycle": [row[0] for row in rows],
            "cycle_count": [row[0] for row in rows],
            "polarity": [row[1] for row in rows],
            "capacity_ah": [row[2] for row in rows],
            "energy_wh": [row[2] * (4 if row[1] == CHARGE else 3) for row in rows],
            "mean_voltage_volt": [4.0 if row[1] == CHARGE else 3.0 for row in rows],
            "is_complete": [True] * len(rows),
        }
    )


def values(name: str, frame: pl.DataFrame) -> list[float]:
    return with_quantity(frame, QUANTITIES[name])["y"].to_list()


def test_efficiencies_and_polarisation_compare_a_discharge_with_its_charge():
    frame = halves((1, CHARGE, 1.0), (1, DISCHARGE, 0.9))

    assert values("coulombic_efficiency", frame) == pytest.approx([90.0])
    assert values("energy_efficiency", frame) == pytest.approx([67.5])
    assert values("delta_voltage", frame) == pytest.approx([1.0])


def test_cycles_that_share_a_number_are_paired_in_turn():
    frame = halves((1, CHARGE, 1.0), (1, DISCHARGE, 0.9), (1, CHARGE, 0.5), (1, DISCHARGE, 0.4))

    assert values("coulombic_efficiency", frame) == pytest.approx([90.0, 80.0])


def test_a_discharge_without_a_charge_has_a_capacity_and_no_efficiency():
    frame = halves((1, DISCHARGE, 0.9), (2, CHARGE, 0.0), (2, DISCHARGE, 0.1))

    assert values("discharge_capacity", frame) == [0.9, 0.1]
    assert values("coulombic_efficiency", frame) == []


@pytest.mark.parametrize("name", QUANTITIES)
def test_every_quantity_names_its_unit(name):
    assert " / " in QUANTITIES[name].axis
    assert with_quantity(halves((1, CHARGE, 1.0), (1, DISCHARGE, 1.0)), QUANTITIES[name]).height


def test_the_numbers_of_half_cycles_name_columns_and_units():
    assert all(" / " in quantity.axis for quantity, _ in HALF_CYCLE_QUANTITIES.values())

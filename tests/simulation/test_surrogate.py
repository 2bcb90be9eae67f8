"""The surrogate against what every cell obeys, and against closed forms."""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from simulation.aging import Wear, age
from simulation.designs import (
    LCO_GRAPHITE,
    LFP_GRAPHITE,
    NMC622_GRAPHITE,
    NMC811_SILICON,
    CellDesign,
    PotentialTable,
)
from simulation.protocols import CycleProgram, Protocol, cycling_plan, interrupted
from simulation.surrogate import simulate_cell

DESIGNS = [NMC622_GRAPHITE, NMC811_SILICON, LFP_GRAPHITE, LCO_GRAPHITE]
NO_WEAR = Wear(0.0, 0.0, 0.0, 0.0)


def plan_for(design: CellDesign, cycles: int = 60, temperature: float = 30.0) -> Protocol:
    return Protocol(
        cycling_plan(cycles, 1.0, 1.0, check_up_every=25, rate_map_every=30),
        design.lower_cutoff_volt,
        design.upper_cutoff_volt,
        temperature,
        formation_cycles=2,
    )


def capacities(life: pl.DataFrame) -> pl.DataFrame:
    """Charge and discharge capacity of each cycle."""
    driven = life.filter(pl.col("step_type") != "rest")
    return (
        driven.with_columns(is_charge=pl.col("step_type").str.ends_with("_charge"))
        .group_by("cycle_count", "is_charge")
        .agg(pl.col("step_cumulative_capacity_ah").max())
        .pivot(on="is_charge", index="cycle_count", values="step_cumulative_capacity_ah")
        .sort("cycle_count")
        .rename({"true": "charge", "false": "discharge"})
    )


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_voltage_stays_within_the_limits_and_reaches_them(design):
    life = simulate_cell(design, plan_for(design), seed=3)

    driven = life.filter(pl.col("step_type") != "rest", pl.col("cycle_count") > 2)
    ends = driven.group_by("step_count", "step_type").agg(pl.col("voltage_volt").last())
    charges = ends.filter(pl.col("step_type").str.ends_with("_charge"))["voltage_volt"]
    discharges = ends.filter(pl.col("step_type") == "cc_discharge")["voltage_volt"]

    assert driven["voltage_volt"].max() <= design.upper_cutoff_volt
    assert driven["voltage_volt"].min() >= design.lower_cutoff_volt
    # 1 mV: far below the instruments' noise.
    assert charges.to_numpy() == pytest.approx(design.upper_cutoff_volt, abs=1e-3)
    assert discharges.to_numpy() == pytest.approx(design.lower_cutoff_volt, abs=1e-3)


@pytest.mark.parametrize("design", DESIGNS, ids=lambda design: design.name)
def test_the_slow_capacity_is_the_nominal_one(design):
    life = simulate_cell(design, plan_for(design, cycles=3, temperature=25.0), seed=1)

    first = capacities(life)["discharge"][0]

    # 2 %: the spread of 0.4 % between cells, and the loss of the formation charge.
    assert first == pytest.approx(design.nominal_capacity_ah, rel=0.02)


def test_a_cell_without_wear_gives_back_what_it_took():
    slow = CycleProgram(0.2, 0.2, None, 1)
    protocol = Protocol((slow,) * 6, 3.0, 4.2, 25.0)

    cycles = capacities(simulate_cell(NMC622_GRAPHITE, protocol, seed=1, wear=NO_WEAR))

    # 0.05 %: the scatter between cycles, which stands for the chamber.
    ratio = (cycles["discharge"] / cycles["charge"])[1:]
    assert ratio.to_numpy() == pytest.approx(1.0, abs=5e-4)


def test_charge_is_lithium_moved_plus_lithium_lost():
    """Two lives alike but for wear: the surplus of charge is the lithium that wear took."""
    design, wear = NMC622_GRAPHITE, Wear(resistance_per_cycle=0.0, material_per_cycle=0.0)
    protocol = plan_for(design, cycles=120, temperature=45.0)

    def surplus_and_loss(rates: Wear) -> tuple[float, float]:
        cycles = capacities(simulate_cell(design, protocol, seed=5, wear=rates))
        rng = np.random.default_rng([5, 0xCE11])
        lost = age(rates, protocol, design.formation_loss, rng).lithium_lost[-1]
        surplus = cycles["charge"].sum() - cycles["discharge"].sum()
        return surplus, float(lost) * design.nominal_capacity_ah

    worn, without = surplus_and_loss(wear), surplus_and_loss(NO_WEAR)

    assert worn[1] - without[1] > 0.005
    # 2 %: the lithium left in the negative electrode at the end differs a little.
    assert worn[0] - without[0] == pytest.approx(worn[1] - without[1], rel=0.02)


def test_recorded_current_integrates_to_the_recorded_capacity():
    life = simulate_cell(NMC811_SILICON, plan_for(NMC811_SILICON), seed=2)

    for _, step in life.filter(pl.col("step_type") == "cccv_charge").group_by("step_count"):
        hours = step["step_time_second"].to_numpy() / 3600
        integral = np.trapezoid(step["current_ampere"].to_numpy(), hours)
        assert integral == pytest.approx(step["step_cumulative_capacity_ah"][-1], rel=1e-9)


def test_capacity_falls_on_average_and_hotter_cells_fall_faster():
    def fade(temperature: float) -> float:
        cycles = capacities(
            simulate_cell(NMC622_GRAPHITE, plan_for(NMC622_GRAPHITE, 200, temperature), seed=4)
        )["discharge"]
        tens = cycles[150:190].mean(), cycles[10:50].mean()
        return 1 - float(tens[0]) / float(tens[1])

    assert 0 < fade(20) < fade(40) < fade(55) < 0.5


def test_capacity_falls_with_rate():
    life = simulate_cell(NMC622_GRAPHITE, plan_for(NMC622_GRAPHITE), seed=6)
    discharges = life.filter(pl.col("step_type") == "cc_discharge")
    by_rate = (
        discharges.group_by("cycle_count")
        .agg(pl.col("current_ampere").abs().max(), pl.col("step_cumulative_capacity_ah").max())
        .filter(pl.col("cycle_count").is_between(35, 39))  # the first rate map
        .sort("current_ampere")
    )

    assert by_rate.height == 5
    assert (by_rate["step_cumulative_capacity_ah"].diff().drop_nulls() < 0).all()


def test_the_same_seed_gives_the_same_cell_and_another_seed_a_sibling():
    protocol = plan_for(LFP_GRAPHITE, cycles=20)

    first = simulate_cell(LFP_GRAPHITE, protocol, seed=11)
    again = simulate_cell(LFP_GRAPHITE, protocol, seed=11)
    sibling = simulate_cell(LFP_GRAPHITE, protocol, seed=12)

    assert first.equals(again)
    assert capacities(sibling)["discharge"][1] != capacities(first)["discharge"][1]


def test_a_pulled_plug_leaves_the_cell_part_discharged():
    design = NMC622_GRAPHITE
    whole = plan_for(design, cycles=12)
    cut = replace(whole, cycles=interrupted(whole.cycles, 7, 0.4))

    cycles = capacities(simulate_cell(design, cut, seed=1))

    # 5 %: a charge from half-way does not refill exactly what was taken.
    assert cycles["discharge"][7] == pytest.approx(0.4 * cycles["discharge"][6], rel=0.05)
    assert cycles["charge"][8] == pytest.approx(cycles["discharge"][7], rel=0.05)


def test_time_never_falls_and_steps_never_repeat():
    life = simulate_cell(LCO_GRAPHITE, plan_for(LCO_GRAPHITE), seed=9)

    assert (life["test_time_second"].diff().drop_nulls() >= 0).all()
    assert (life["step_count"].diff().drop_nulls() >= 0).all()
    assert life["step_count"].n_unique() == 4 * life["cycle_count"].max()


@given(st.floats(-0.3, 1.3), st.floats(1e-3, 0.3))
@settings(max_examples=60, deadline=None)
def test_potentials_fall_with_lithium(fraction, more):
    for design in DESIGNS:
        for electrode in (design.positive, design.negative):
            table = PotentialTable.of(electrode.potential)
            low, high = table.at(np.array([fraction, fraction + more]))
            assert high < low

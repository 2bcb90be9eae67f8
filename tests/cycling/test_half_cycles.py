"""Half-cycles: closed forms, conservation, invariances, and awkward series."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cycling.half_cycles import summarise
from cycling.stitching import carry_over

PREVIOUS = ("constant_current_ampere", "end_current_ampere", "end_voltage_volt")


@dataclass(frozen=True)
class Part:
    """One step: current and voltage over ``hours``; ``decay_hours`` makes it a voltage hold."""

    ampere: float
    hours: float
    first_volt: float = 3.5
    last_volt: float = 3.5
    decay_hours: float = 0.0
    rows: int = 200


REST = Part(0.0, 0.5)
CC_CHARGE = Part(1.0, 1.0, 3.0, 4.2)
HOLD = Part(1.0, 0.5, 4.2, 4.2, decay_hours=0.2, rows=2000)
CC_DISCHARGE = Part(-2.0, 0.5, 4.2, 3.0)


def series(cycles: Sequence[Sequence[Part]], **absent: bool) -> pl.DataFrame:
    """A series whose cycles have these steps; ``step_count=False`` leaves a column out."""
    frames, clock, step = [], 0.0, 0
    for number, parts in enumerate(cycles, start=1):
        for part in parts:
            step += 1
            share = np.linspace(0, 1, part.rows)
            hours = share * part.hours
            fall = np.exp(-hours / part.decay_hours) if part.decay_hours else 1.0
            frames.append(
                pl.DataFrame(
                    {
                        "test_time_second": clock + 3600 * hours,
                        "voltage_volt": part.first_volt
                        + share * (part.last_volt - part.first_volt),
                        "current_ampere": part.ampere * fall * np.ones(part.rows),
                        "cycle_count": np.full(part.rows, number),
                        "step_count": np.full(part.rows, step),
                    }
                )
            )
            clock += 3600 * part.hours
    frame = pl.concat(frames)
    return frame.drop([name for name, kept in absent.items() if not kept])


def test_a_cccv_charge_and_cc_discharge_have_their_closed_forms():
    table = summarise(series([[REST, CC_CHARGE, HOLD, REST, CC_DISCHARGE, REST]]))

    charge, discharge = table.to_dicts()
    held = 0.2 * (1 - np.exp(-2.5))
    assert charge["polarity"] == "charge"
    # Trapezium over an exponential of 2 000 rows: error (h/tau)^2 / 12.
    assert charge["capacity_ah"] == pytest.approx(1 + held, rel=1e-6)
    assert charge["energy_wh"] == pytest.approx(3.6 + 4.2 * held, rel=1e-4)
    assert charge["mean_voltage_volt"] == pytest.approx((3.6 + 4.2 * held) / (1 + held), rel=1e-4)
    assert charge["constant_current_ampere"] == pytest.approx(1)
    assert charge["end_current_ampere"] == pytest.approx(np.exp(-2.5), rel=2e-3)
    assert charge["end_voltage_volt"] == pytest.approx(4.2)
    assert charge["duration_second"] == pytest.approx(1.5 * 3600)
    assert charge["start_time_second"] == pytest.approx(1800)
    assert charge["first_row"] == 200
    assert discharge["capacity_ah"] == pytest.approx(1)
    assert discharge["mean_current_ampere"] == pytest.approx(2)
    assert discharge["end_current_ampere"] == pytest.approx(2)
    assert discharge["end_voltage_volt"] == pytest.approx(3)


def test_the_half_cycle_before_is_remembered_over_a_rest():
    table = summarise(series([[CC_CHARGE, HOLD, REST, CC_DISCHARGE, REST]] * 2))

    for name in PREVIOUS:
        assert table[f"previous_{name}"][0] is None
        assert table[f"previous_{name}"][1:].to_list() == table[name][:-1].to_list()


def test_the_first_of_a_file_can_follow_the_last_of_the_file_before():
    table = summarise(series([[CC_CHARGE, REST, CC_DISCHARGE, REST]] * 2))
    last = table.row(-1, named=True)

    joined = carry_over(last, table)

    for name in PREVIOUS:
        assert joined[f"previous_{name}"][0] == last[name]
        assert joined[f"previous_{name}"][1:].equals(table[f"previous_{name}"][1:])
    assert carry_over(None, joined).equals(table)


def test_without_any_step_or_cycle_column_the_signs_tell():
    full = series([[REST, CC_CHARGE, REST, CC_DISCHARGE]] * 3 + [[REST]])

    bare = summarise(full.drop("cycle_count", "step_count"))

    assert bare["cycle_count"].to_list() == [1, 1, 2, 2, 3, 3]
    assert bare.drop("cycle_count").equals(summarise(full).drop("cycle_count"))


def test_a_file_that_begins_with_a_discharge_keeps_it_as_a_cycle_of_its_own():
    frame = series([[CC_DISCHARGE], [CC_CHARGE, CC_DISCHARGE]], cycle_count=False)

    table = summarise(frame)

    assert table["cycle_count"].to_list() == [1, 2, 2]
    assert table["polarity"].to_list() == ["discharge", "charge", "discharge"]


def test_an_instrument_that_counts_no_cycles_is_counted_for():
    frame = series([[CC_CHARGE, REST, CC_DISCHARGE, REST]] * 4).with_columns(cycle_count=7)

    assert summarise(frame)["cycle_count"].unique().sort().to_list() == [7, 8, 9, 10]


def test_several_cycles_under_one_number_stay_several():
    """A program that is no loop keeps its number."""
    small = [Part(0.1, 1.0, 3.0, 3.8), REST, Part(-0.1, 1.0, 3.8, 3.0), REST]
    frame = series([[*small, CC_CHARGE, REST, CC_DISCHARGE, REST], [CC_CHARGE, CC_DISCHARGE, REST]])

    table = summarise(frame)

    assert table["cycle_count"].to_list() == [1, 1, 1, 1, 2, 2]
    assert table["capacity_ah"].to_list() == pytest.approx([0.1, 0.1, 1, 1, 1, 1])


def test_a_formation_of_one_charge_is_a_half_cycle():
    table = summarise(series([[REST, Part(0.05, 1.0, 3.0, 3.7), REST]]))

    assert table["polarity"].to_list() == ["charge"]
    assert table["is_complete"].to_list() == [True]


def test_a_cell_of_a_microampere_hour_does_not_vanish():
    table = summarise(series([[Part(1e-6, 1.0), REST, Part(-1e-6, 0.9), REST]]))

    assert table["capacity_ah"].to_list() == pytest.approx([1e-6, 0.9e-6])


def test_a_cut_off_of_c_over_250_beside_pulses_is_current_and_not_rest():
    hold = Part(0.5, 3.0, 4.2, 4.2, decay_hours=0.6, rows=3000)

    table = summarise(series([[Part(5.0, 0.01), Part(0.5, 1.0), hold, REST, CC_DISCHARGE]]))

    assert table["end_current_ampere"][0] == pytest.approx(0.5 * np.exp(-5), rel=0.01)
    assert table["constant_current_ampere"][0] == pytest.approx(0.5)


def test_pulses_of_one_sign_are_one_half_cycle():
    pulses = [Part(-0.1, 0.1, 4.2 - 0.1 * n, 4.1 - 0.1 * n) for n in range(10)]
    gitt = [part for pulse in pulses for part in (pulse, REST)]

    table = summarise(series([[CC_CHARGE, REST, *gitt]]))

    assert table.height == 2
    assert table["capacity_ah"][1] == pytest.approx(0.1)
    assert table["constant_current_ampere"][1] == pytest.approx(0.1)
    assert table["end_voltage_volt"][1] == pytest.approx(3.2)


def test_a_regenerative_pulse_neither_splits_a_discharge_nor_ends_a_charge():
    pulse = [Part(-0.5, 0.2, 4.1, 3.8), REST, Part(0.4, 10 / 3600, 3.8, 3.9, rows=10), REST]

    table = summarise(series([[CC_CHARGE, HOLD, REST, *pulse * 5]]))

    assert table["polarity"].to_list() == ["charge", "discharge"]
    assert table["end_current_ampere"][0] == pytest.approx(np.exp(-2.5), rel=2e-3)
    assert table["end_voltage_volt"][0] == pytest.approx(4.2)
    assert table["capacity_ah"][1] == pytest.approx(0.5)


def test_a_step_number_that_never_changes_is_cut_by_sign():
    frame = series([[CC_CHARGE, REST, CC_DISCHARGE, REST]] * 2)

    table = summarise(frame.with_columns(step_count=pl.lit(1)))

    assert table["capacity_ah"].to_list() == pytest.approx([1, 1, 1, 1], rel=0.02)


def test_a_record_taken_before_the_relay_closed_costs_no_capacity():
    frame = series([[REST, CC_CHARGE, REST, CC_DISCHARGE, REST]])
    first = (pl.col("step_count") != pl.col("step_count").shift(1)).fill_null(True)
    switching = frame.with_columns(
        current_ampere=pl.when(first).then(0.0).otherwise(pl.col("current_ampere"))
    )

    assert summarise(switching)["capacity_ah"].to_list() == pytest.approx([1, 1])


def test_what_flowed_before_a_steps_first_record_is_counted_when_the_instrument_says_so():
    """Some cyclers take the first record one interval after the step began."""
    frame = series([[REST, Part(1.0, 1.0, rows=61), REST]])
    start = pl.col("test_time_second").first().over("step_count")
    late = frame.with_columns(step_time_second=pl.col("test_time_second") - start).filter(
        pl.col("step_time_second") > 0
    )

    assert summarise(late)["capacity_ah"].to_list() == pytest.approx([1.0])


def test_offset_of_a_named_rest_is_no_half_cycle():
    frame = series([[CC_CHARGE, Part(0.002, 10.0), CC_DISCHARGE, REST]]).with_columns(
        step_type=pl.col("step_count").replace_strict(
            {1: "CC_Chg", 2: "Rest", 3: "CC_DChg", 4: "Rest"}
        )
    )

    assert summarise(frame)["capacity_ah"].to_list() == pytest.approx([1, 1])


def test_unknown_currents_are_rests_and_clocks_that_jump_back_cost_nothing():
    frame = series([[REST, CC_CHARGE, REST, CC_DISCHARGE, REST]])
    damaged = frame.with_columns(
        current_ampere=pl.when(pl.col("current_ampere") == 0)
        .then(None)
        .otherwise("current_ampere"),
        test_time_second=pl.when(pl.col("step_count") >= 4)
        .then(pl.col("test_time_second") - 5000)
        .otherwise("test_time_second"),
    )

    assert summarise(damaged)["capacity_ah"].to_list() == pytest.approx([1, 1])


def test_temperature_is_of_the_sensor_nearest_to_the_cell():
    frame = series([[CC_CHARGE, REST, CC_DISCHARGE, REST]]).with_columns(
        ambient_temperature_celsius=pl.lit(20.0),
        temperature_t1_celsius=pl.when(pl.col("current_ampere") > 0).then(30.0).otherwise(None),
    )

    assert summarise(frame)["mean_temperature_celsius"].to_list() == [30.0, None]


def test_the_columns_are_the_fields_of_the_model():
    from cycling.models import HalfCycle

    fields = {field.name for field in HalfCycle._meta.concrete_fields}
    not_summarised = {"id", "test", "started_at", "group", "superseded_by", "excluded"}
    not_summarised |= {"excluded_reason", "anomaly", "anomaly_sigmas"}

    columns = set(summarise(series([[CC_CHARGE]])).columns)

    assert columns - {"start_unix_second"} == fields - not_summarised


@pytest.mark.parametrize("frame", [series([[REST]]), series([[CC_CHARGE]]).head(0)])
def test_without_current_there_is_no_half_cycle(frame):
    table = summarise(frame)

    assert table.height == 0
    assert "capacity_ah" in table.columns


# -- properties

rates = st.floats(0.2, 1.0)
hours = st.floats(0.5, 1.5)


@st.composite
def cycles(draw) -> list[list[Part]]:
    """One to five cycles of CC or CCCV charge and CC discharge, with or without rests.

    None moves less than a twentieth of another: without marks that would be a pulse.
    """
    found = []
    for _ in range(draw(st.integers(1, 5))):
        upper, lower = draw(st.floats(3.8, 4.5)), draw(st.floats(2.5, 3.4))
        rate = draw(rates)
        parts = [Part(rate, draw(hours), lower, upper, rows=20)]
        if draw(st.booleans()):
            parts.append(Part(rate, 0.5, upper, upper, decay_hours=0.3, rows=20))
        if draw(st.booleans()):
            parts.append(Part(0.0, 0.2, upper, upper, rows=5))
        parts.append(Part(-draw(rates), draw(hours), upper, lower, rows=20))
        if draw(st.booleans()):
            parts.append(Part(0.0, 0.2, lower, lower, rows=5))
        found.append(parts)
    return found


@settings(max_examples=40, deadline=timedelta(seconds=2))
@given(cycles())
def test_signed_capacities_add_up_to_the_integral_of_the_current(plan):
    frame = series(plan)

    table = summarise(frame)

    time, current = (frame[n].to_numpy() for n in ("test_time_second", "current_ampere"))
    same = np.diff(frame["step_count"].to_numpy()) == 0
    whole = np.sum(np.diff(time) * (current[1:] + current[:-1]) / 2 * same) / 3600
    sign = np.where(table["polarity"] == "charge", 1, -1)
    assert np.sum(sign * table["capacity_ah"].to_numpy()) == pytest.approx(whole, abs=1e-9)


@settings(max_examples=40, deadline=timedelta(seconds=2))
@given(cycles(), st.floats(1e-4, 1e3), st.floats(-1e6, 1e6))
def test_currents_scale_and_time_shifts(plan, factor, shift):
    frame = series(plan)

    table = summarise(frame)
    changed = summarise(
        frame.with_columns(pl.col("current_ampere") * factor, pl.col("test_time_second") + shift)
    )

    for name in ("capacity_ah", "energy_wh", "constant_current_ampere", "end_current_ampere"):
        assert changed[name].to_list() == pytest.approx((table[name] * factor).to_list(), rel=1e-6)
    for name in ("mean_voltage_volt", "end_voltage_volt", "duration_second"):
        assert changed[name].to_list() == pytest.approx(table[name].to_list(), rel=1e-6)
    assert changed["polarity"].equals(table["polarity"])


@pytest.mark.parametrize("marked", [True, False])
@settings(max_examples=40, deadline=timedelta(seconds=2))
@given(cycles(), st.data())
def test_complete_half_cycles_do_not_change_when_a_file_grows(marked, plan, data):
    frame = series(plan) if marked else series(plan, cycle_count=False, step_count=False)
    cut = data.draw(st.integers(1, frame.height))

    early = summarise(frame.head(cut)).filter("is_complete")

    late = summarise(frame).head(early.height)
    assert early.equals(late)


@pytest.mark.parametrize("marked", [True, False])
def test_a_file_may_be_read_after_any_of_its_rows(marked):
    plan = [[replace(part, rows=12) for part in (CC_CHARGE, HOLD, REST, CC_DISCHARGE, REST)]] * 2
    frame = series(plan) if marked else series(plan, cycle_count=False, step_count=False)
    whole = summarise(frame)

    for cut in range(1, frame.height):
        early = summarise(frame.head(cut)).filter("is_complete")
        assert early.equals(whole.head(early.height))


@settings(max_examples=30, deadline=timedelta(seconds=2))
@given(cycles())
def test_swapping_the_sign_swaps_the_polarities_and_nothing_else(plan):
    frame = series(plan)

    table = summarise(frame)
    mirrored = summarise(frame.with_columns(-pl.col("current_ampere")))

    assert mirrored.drop("polarity").equals(table.drop("polarity"))
    assert (mirrored["polarity"] != table["polarity"]).all()


def test_a_cycle_as_neware_recorded_it_agrees_with_the_instruments_own_capacity(real_data):
    import fastnda

    found = sorted(real_data.glob("cycling-neware/**/nw4-120-6-1-36.ndax"))
    if not found:
        pytest.skip("nw4-120-6-1-36.ndax is absent")
    read = fastnda.read(found[0])
    frame = read.select(
        pl.col("total_time_s").alias("test_time_second"),
        pl.col("step_time_s").alias("step_time_second"),
        pl.col("voltage_V").alias("voltage_volt"),
        (pl.col("current_mA") / 1000).alias("current_ampere"),
        "cycle_count",
        "step_count",
    )

    table = summarise(frame)

    own = read.group_by("step_count").agg(pl.col("capacity_mAh").abs().max())["capacity_mAh"].sum()
    assert table.height == 10
    assert table["capacity_ah"].sum() * 1000 == pytest.approx(own, rel=1e-4)

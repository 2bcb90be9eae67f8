"""Checks that every series goes through: time, sign, clock, capacity."""

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cycling.formats.base import Reading
from cycling.formats.checks import check
from cycling.formats.step_types import normalise, number_steps
from tests.cycling.formats import files


def codes(reading: Reading) -> list[str]:
    return [finding.code for finding in reading.findings]


def test_a_sound_series_passes_unchanged():
    frame = files.series()

    reading = check(Reading(frame))

    assert reading.findings == ()
    assert reading.frame.equals(frame)


def test_a_stumble_of_the_clock_takes_the_time_before():
    frame = files.series()
    time = frame["test_time_second"].to_list()
    time[50] = 0.0

    reading = check(Reading(frame.with_columns(test_time_second=pl.Series(time))))

    assert codes(reading) == ["time_fell"]
    assert reading.frame["test_time_second"][50] == time[49]
    assert reading.frame["test_time_second"][51] == time[51]


def test_a_clock_that_begins_again_goes_on_from_where_it_was():
    frame = files.series()
    time = frame["test_time_second"].to_list()
    again = time[:60] + [value - time[60] for value in time[60:]]

    reading = check(Reading(frame.with_columns(test_time_second=pl.Series(again))))

    assert codes(reading) == ["time_fell"]
    assert reading.frame["test_time_second"].diff().min() >= 0
    assert reading.frame["test_time_second"].diff()[61:].to_list() == pytest.approx(
        frame["test_time_second"].diff()[61:].to_list()
    )


def test_one_record_far_ahead_does_not_move_the_others():
    frame = files.series()
    time = frame["test_time_second"].to_list()
    time[50] = 1e9

    reading = check(Reading(frame.with_columns(test_time_second=pl.Series(time))))

    assert reading.frame["test_time_second"].max() == frame["test_time_second"].max()


@given(st.lists(st.floats(-1e9, 1e9), min_size=1, max_size=60))
def test_repaired_time_never_falls(times):
    frame = pl.DataFrame({"test_time_second": times}).with_columns(
        voltage_volt=3.7, current_ampere=0.0
    )

    repaired = check(Reading(frame)).frame["test_time_second"]

    assert (repaired.diff().drop_nulls() >= 0).all()


def test_currents_without_sign_are_given_one_by_their_step():
    frame = files.series()

    reading = check(Reading(frame.with_columns(pl.col("current_ampere").abs())))

    assert codes(reading) == ["sign_added"]
    assert reading.frame["current_ampere"].to_list() == frame["current_ampere"].to_list()


def test_a_file_that_counts_discharge_as_positive_is_turned():
    frame = files.series()

    reading = check(Reading(frame.with_columns(-pl.col("current_ampere"))))

    assert codes(reading) == ["sign_reversed"]
    assert (reading.frame["current_ampere"] - frame["current_ampere"]).abs().max() == 0


def test_a_wall_clock_that_was_set_back_is_told_and_left():
    frame = files.series().with_columns(
        unix_time_second=pl.when(pl.col("record_index") > 50)
        .then(pl.col("unix_time_second") - 3600)
        .otherwise(pl.col("unix_time_second"))
    )

    reading = check(Reading(frame))

    assert codes(reading) == ["clock_fell"]
    assert reading.frame.equals(frame)


def test_a_capacity_that_is_not_the_integral_of_the_current_is_told_with_numbers():
    frame = files.series().with_columns(pl.col("step_cumulative_capacity_ah") * 1.02)

    reading = check(Reading(frame))

    assert codes(reading) == ["capacity_mismatch"]
    assert "0.00765 Ah counted, 0.0075 Ah integrated (2.0%)" in reading.findings[0].text


def test_slow_sampling_of_a_falling_current_is_told_as_such_and_not_as_a_mismatch():
    # A CV step: the true charge is that of an exponential, sampled every two time constants.
    time = pl.Series("test_time_second", [0.0, 200.0, 400.0, 600.0])
    current = [1.0, 0.1353, 0.0183, 0.0025]
    charge = [0.0, 0.8647 * 100 / 3600, 0.9817 * 100 / 3600, 0.9975 * 100 / 3600]
    frame = pl.DataFrame(
        {
            "test_time_second": time,
            "voltage_volt": [4.2] * 4,
            "current_ampere": current,
            "step_count": [1] * 4,
            "step_cumulative_capacity_ah": charge,
        }
    )

    (finding,) = check(Reading(frame)).findings

    assert finding.code == "capacity_undersampled"
    assert "the instrument's is the better one" in finding.text


@pytest.mark.parametrize(
    ("column", "current", "volts"),
    [
        ("charging_capacity_ah", 0.1, 1.0),
        ("discharging_capacity_ah", -0.1, 1.0),
        ("charging_energy_wh", 0.1, 4.0),
        ("discharging_energy_wh", -0.1, 4.0),
        ("step_cumulative_energy_wh", -0.1, 4.0),
    ],
)
@pytest.mark.parametrize("error", [1.0, 1.02])
def test_every_counter_is_compared_with_the_integral_of_its_side(column, current, volts, error):
    frame = files.series(1).filter(pl.col("step_count") == 1)
    hours = frame["test_time_second"] / 3600
    frame = frame.drop("step_cumulative_capacity_ah").with_columns(
        pl.lit(current).alias("current_ampere"),
        pl.lit(4.0).alias("voltage_volt"),
        (hours * abs(current) * volts * error).alias(column),
    )

    reading = check(Reading(frame.drop("step_type")))

    kind = "energy" if "energy" in column else "capacity"
    assert codes(reading) == ([] if error == 1.0 else [f"{kind}_mismatch"])


def test_single_records_that_stumble_do_not_move_a_clock_that_began_again():
    # As Novonix writes it: a stale record at the end of a step, and a restarted test.
    first = [0.0, 10.0, 20.0, 5.0, 30.0, 40.0, 50.0, 60.0]
    again = [0.0, 10.0, 20.0, 30.0, 40.0, 50.0, 60.0, 70.0]
    frame = pl.DataFrame(
        {
            "test_time_second": first + again,
            "voltage_volt": [3.7] * 16,
            "current_ampere": [0.0] * 16,
        }
    )

    reading = check(Reading(frame))

    assert codes(reading) == ["time_fell"]
    repaired = [0.0, 10.0, 20.0, 20.0, 30.0, 40.0, 50.0, 60.0]
    assert reading.frame["test_time_second"].to_list() == repaired + [60 + t for t in again]


@pytest.mark.parametrize(
    ("word", "expected"),
    [
        ("CC_Chg", "cc_charge"),
        ("CC DChg", "cc_discharge"),
        ("CCCV_Chg", "cccv_charge"),
        ("CCCV DChg", "cccv_discharge"),
        ("CV_Chg", "cv_charge"),
        ("CP_DChg", "cp_discharge"),
        ("Rest", "rest"),
        ("静置", "rest"),
        ("恒流恒压充电", "cccv_charge"),
        ("恒流放电", "cc_discharge"),
        ("OCV", "ocv"),
        ("Pause", "pause"),
        ("SIM", "simulation"),
        ("Control", "other"),
        ("", "other"),
    ],
)
def test_step_words_are_made_one(word, expected):
    assert normalise(word) == expected


def test_a_step_that_is_repeated_at_once_is_counted_again():
    frame = pl.DataFrame({"step_id": [1, 1, 1, 1], "step_time_second": [0.0, 5.0, 0.0, 5.0]})

    assert number_steps(frame).to_list() == [1, 1, 2, 2]

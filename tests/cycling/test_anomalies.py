"""What stands out within a group is flagged; ageing, other groups and noise are not."""

import numpy as np
import polars as pl
import pytest

from cycling.anomalies import MEASURES, anomalies_of, jumps_of


def cell(
    size: int = 200, *, seed: int = 0, noise: float = 0.001, **changes: dict[int, float]
) -> pl.DataFrame:
    """A discharge per cycle that fades by 20 %, with a check-up group every 20 cycles."""
    rng = np.random.default_rng(seed)
    cycle = np.arange(size)
    checkup = cycle % 20 == 0
    capacity = (1 - 0.2 * cycle / size) * np.where(checkup, 1.1, 1.0)
    capacity = capacity * np.exp(rng.normal(0, noise, size))
    columns = {
        "capacity_ah": capacity,
        "energy_wh": 3.6 * capacity,
        "mean_voltage_volt": 3.6 - 0.05 * cycle / size + rng.normal(0, 0.001, size),
        "end_voltage_volt": np.full(size, 3.0),
        "duration_second": 3600 * capacity,
        "mean_temperature_celsius": 25 + rng.normal(0, 0.2, size),
    }
    for name, values in changes.items():
        for place, value in values.items():
            columns[name][place] = value
    return pl.DataFrame(
        {
            "id": cycle + 1000,
            "cycle": cycle,
            "group_id": np.where(checkup, 2, 1),
            "polarity": ["discharge"] * size,
            "is_complete": [True] * size,
            **columns,
        }
    )


@pytest.mark.parametrize("seed", range(5))
def test_ageing_noise_and_other_groups_are_no_anomaly(seed):
    assert anomalies_of(cell(seed=seed)) == []


@pytest.mark.parametrize(
    ("column", "value", "words"),
    [
        ("capacity_ah", 0.5, "capacity"),
        ("mean_voltage_volt", 3.3, "mean voltage"),
        ("end_voltage_volt", 3.4, "end voltage"),
        ("duration_second", 9000.0, "duration"),
        ("mean_temperature_celsius", 45.0, "temperature"),
    ],
)
def test_what_stands_out_is_flagged_with_what_it_is(column, value, words):
    found = anomalies_of(cell(**{column: {87: value}}))

    assert [(each.cycle, each.half_cycle_id, each.measures) for each in found] == [
        (87, 1087, (words,))
    ]


def test_the_sign_says_where_it_lies():
    low, high = cell(capacity_ah={87: 0.5}), cell(capacity_ah={87: 1.5})

    assert anomalies_of(low)[0].sigmas < 0 < anomalies_of(high)[0].sigmas


def test_a_quiet_group_is_not_flagged_for_less_than_matters():
    """Without any noise a deviation of 0.1 % would be infinitely many deviations."""
    frame = cell(noise=0.0)
    nudged = frame.with_columns(
        pl.when(pl.col("cycle") == 87)
        .then(pl.col("capacity_ah") * 1.001)
        .otherwise(pl.col("capacity_ah"))
        .alias("capacity_ah")
    )

    assert anomalies_of(nudged) == []


def test_what_is_unknown_or_still_runs_is_passed_over():
    frame = cell(capacity_ah={199: 0.1}, mean_temperature_celsius={5: np.nan})
    running = frame.with_columns(is_complete=pl.col("cycle") < 199)

    assert anomalies_of(running) == []
    assert anomalies_of(frame.with_columns(group_id=pl.lit(None, pl.Int64))) == []


def test_a_few_half_cycles_tell_no_scatter():
    assert anomalies_of(cell(6, capacity_ah={3: 0.1})) == []
    assert set(MEASURES) <= set(cell(1).columns)


def test_a_lasting_step_of_capacity_is_one_jump_where_it_happens():
    frame = cell().with_columns(
        pl.when(pl.col("cycle") >= 101)
        .then(pl.col("capacity_ah") * 0.8)
        .otherwise(pl.col("capacity_ah"))
        .alias("capacity_ah")
    )

    jumps = [jump for jump in jumps_of(frame) if jump.polarity == "discharge"]

    assert len(jumps) == 1
    assert abs(jumps[0].cycle - 101) <= 1
    assert jumps[0].after_ah / jumps[0].before_ah == pytest.approx(0.8, abs=0.02)


def test_a_single_low_cycle_and_fading_are_no_jump():
    assert jumps_of(cell(capacity_ah={87: 0.1})) == []

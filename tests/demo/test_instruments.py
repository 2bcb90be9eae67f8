"""Files as the instruments write them: their own layout, units, clock and signs."""

import datetime as dt
import io
from zoneinfo import ZoneInfo

import polars as pl
import pytest

from battery_db.demo.instruments import (
    Recording,
    bdf_csv,
    measure,
    neware_flat_csv,
    neware_nested_csv,
    neware_nested_text,
    neware_separate_text,
)
from battery_db.demo.lab import TIME_ZONE
from simulation.designs import NMC622_GRAPHITE
from simulation.protocols import Protocol, cycling_plan
from simulation.surrogate import simulate_cell


@pytest.fixture(scope="module")
def recording() -> Recording:
    """Two cycles that begin five minutes before the clocks go forward."""
    protocol = Protocol(cycling_plan(1, 1.0, 1.0), 3.0, 4.2, 40.0, 2)
    life = simulate_cell(NMC622_GRAPHITE, protocol, seed=1)
    cycles = life.filter(pl.col("cycle_count") >= 2)
    started = dt.datetime(2025, 3, 30, 1, 55, tzinfo=ZoneInfo(TIME_ZONE)).timestamp()
    return Recording(measure(cycles, (1, 2)), started, TIME_ZONE, 40.0)


def test_nested_text_indents_steps_and_records_below_their_cycle(recording):
    lines = neware_nested_text(recording).split("\r\n")

    depths = [len(line) - len(line.lstrip("\t")) for line in lines[:-1]]

    assert depths[:6] == [0, 1, 2, 0, 1, 2]
    assert lines[0].startswith("Cycle ID\tCap_Chg(mAh)")
    assert sum(depth == 0 for depth in depths[3:]) == 2
    assert sum(depth == 1 for depth in depths[3:]) == 8
    assert sum(depth == 2 for depth in depths[3:]) == recording.frame.height


def test_nested_text_is_in_milli_units_with_negative_discharge(recording):
    lines = neware_nested_text(recording).split("\r\n")

    last = lines[-2].split("\t")

    assert lines[4].split("\t")[2] == "Rest"
    assert float(last[4]) == pytest.approx(3000, abs=2)
    assert float(last[5]) == pytest.approx(-12, abs=0.1)  # C/20 of 240 mAh
    assert 225 < float(last[6]) < 245


def test_separate_text_holds_the_same_numbers_as_nested(recording):
    nested = [
        line for line in neware_nested_text(recording).split("\r\n")[3:] if "\t\t" in line[:2]
    ]
    separate = neware_separate_text(recording).split("\r\n")
    start = separate.index("Record Data") + 2

    records = ["\t\t" + "\t".join(line.split("\t")[2:]) for line in separate[start:-1]]

    assert separate[0] == "Cycle Data"
    assert records == nested


def test_the_clock_is_local_and_skips_the_hour_that_summer_takes(recording):
    table = pl.read_csv(io.StringIO(neware_flat_csv(recording)))

    assert table["Date"][0] == "2025-03-30 01:55:00"
    assert table["Date"][5] == "2025-03-30 03:00:00"
    assert table["Total Time"][5] == "00:05:00"


def test_nested_csv_numbers_steps_and_uses_base_units(recording):
    lines = neware_nested_csv(recording).split("\n")

    steps = [line.split(",") for line in lines[3:] if line.startswith(",") and line[1] != ","]

    assert [step[2] for step in steps] == [str(n) for n in range(1, 9)]
    assert [step[3] for step in steps[:4]] == ["Rest", "CCCV Chg", "Rest", "CC DChg"]
    assert 0.225 < float(steps[3][5]) < 0.245


def test_bdf_has_preferred_labels_and_unix_time(recording):
    table = pl.read_csv(io.StringIO(bdf_csv(recording)))

    assert table.columns[:3] == ["Test Time / s", "Voltage / V", "Current / A"]
    assert table["Unix Time / s"][0] == recording.started
    assert table["Cycle Count / 1"].max() == 2
    assert table["Current / A"].max() > 0 > table["Current / A"].min()


def test_measuring_adds_noise_of_the_instrument_and_nothing_at_rest(recording):
    frame = recording.frame

    resting = frame.filter(pl.col("step_type") == "rest")

    assert (resting["current_ampere"] == 0).all()
    assert frame["test_time_second"][0] == 0
    assert frame["cycle_count"][0] == 1
    assert frame["record_index"].to_list() == list(range(1, frame.height + 1))

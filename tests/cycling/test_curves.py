"""Curves on grids, thinned curves, and the tensors made of them."""

import json

import numpy as np
import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from safetensors.numpy import load

from battery_db.lib.decimate import thin
from cycling.curves import Curve, curves_of, on_current_grid, on_voltage_grid, voltage_curve
from cycling.exports.tensor_schema import TENSORS
from cycling.exports.tensors import (
    Cell,
    CellGroup,
    Component,
    Options,
    TensorCompiler,
    options_for,
    split_of,
)
from cycling.half_cycles import summarise


def series(cycles: int = 3, *, capacity: float = 1.0) -> pl.DataFrame:
    """Charge at 1 A from 3.0 to 4.2 V, hold, rest, discharge at 1 A to 3.0 V."""
    frames, clock, step = [], 0.0, 0
    for number in range(1, cycles + 1):
        hours = capacity * (1 - 0.01 * number)
        for ampere, length, first, last, decay in (
            (1.0, hours, 3.0, 4.2, None),
            (1.0, 0.5, 4.2, 4.2, 0.15),
            (0.0, 0.2, 4.2, 4.15, None),
            (-1.0, hours, 4.2, 3.0, None),
            (0.0, 0.2, 3.0, 3.2, None),
        ):
            step += 1
            share = np.linspace(0, 1, 120)
            current = ampere * (np.exp(-share * length / decay) if decay else np.ones(120))
            frames.append(
                pl.DataFrame(
                    {
                        "test_time_second": clock + share * length * 3600,
                        "voltage_volt": first + share * (last - first),
                        "current_ampere": current,
                        "cycle_count": np.full(120, number),
                        "step_count": np.full(120, step),
                    }
                )
            )
            clock += length * 3600
    return pl.concat(frames)


def rows_of(frame: pl.DataFrame) -> pl.DataFrame:
    return summarise(frame).with_columns(
        cycle=pl.col("cycle_count"),
        group_id=pl.when(polarity="charge").then(71).otherwise(72),
    )


def test_a_curve_ends_at_the_capacity_of_its_half_cycle():
    frame = series()
    rows = rows_of(frame)

    curves = list(curves_of(frame, rows))

    assert [curve.capacity_ah[-1] for curve in curves] == pytest.approx(
        rows["capacity_ah"].to_list()
    )
    for curve in curves:
        assert (np.diff(curve.capacity_ah) >= 0).all()
        assert curve.time_second[0] == 0


def test_one_half_cycle_alone_gives_the_same_curve_as_among_the_others():
    frame = series()
    row = rows_of(frame).row(2, named=True)
    alone = frame.slice(row["first_row"], row["last_row"] - row["first_row"] + 1)

    one = voltage_curve(alone)
    among = list(curves_of(frame, rows_of(frame)))[2]

    assert one.capacity_ah == pytest.approx(among.capacity_ah)
    assert one.voltage_volt == pytest.approx(among.voltage_volt)


def test_a_straight_curve_is_read_off_exactly_on_a_voltage_grid():
    frame = series(1)
    charge, discharge = curves_of(frame, rows_of(frame))
    grid = np.array([2.5, 3.0, 3.3, 3.9, 4.2, 4.4])

    up = on_voltage_grid(charge, grid, "charge")
    down = on_voltage_grid(discharge, grid, "discharge")

    assert up.mask.tolist() == down.mask.tolist() == [False, True, True, True, True, False]
    assert up.capacity_ah[1:5] == pytest.approx([0, 0.2475, 0.7425, 0.99], abs=1e-6)
    assert down.capacity_ah[1:5] == pytest.approx([0.99, 0.7425, 0.2475, 0], abs=1e-6)
    assert up.time_second[1:5] == pytest.approx([0, 891, 2673, 3564], abs=0.01)


def test_a_hold_is_read_off_where_its_current_has_fallen():
    frame = series(1)
    charge, discharge = curves_of(frame, rows_of(frame))
    fractions = np.array([1.0, 0.5, 0.1, 0.01])

    held = on_current_grid(charge, 1.0, fractions)

    assert held.mask.tolist() == [True, True, True, False]
    # An exponential of 0.15 h gives 0.15 (1 - I) Ah until its current is I.
    assert held.capacity_ah[:3] == pytest.approx(0.99 + 0.15 * (1 - fractions[:3]), abs=1e-3)
    assert not on_current_grid(discharge, 1.0, fractions).mask.any()


def test_noise_and_pulses_leave_curves_monotone():
    rng = np.random.default_rng(0)
    volts = np.linspace(3, 4.2, 500) + rng.normal(0, 0.01, 500)
    curve = Curve(np.linspace(0, 1, 500), volts, np.ones(500), np.arange(500.0))

    found = on_voltage_grid(curve, np.linspace(2.9, 4.3, 48), "charge")

    assert (np.diff(found.capacity_ah[found.mask]) >= 0).all()
    assert found.mask.sum() > 35


def test_an_empty_half_cycle_has_no_curve():
    nothing = Curve(*(np.empty(0),) * 4)

    assert not on_voltage_grid(nothing, np.linspace(3, 4, 5), "charge").mask.any()
    assert not on_current_grid(nothing, 1.0, np.array([1.0, 0.5])).mask.any()


@given(st.integers(3, 400), st.integers(3, 50))
def test_thinning_keeps_the_ends_and_at_most_the_asked_points(size, most):
    y = np.random.default_rng(size).normal(size=size)

    kept = thin(np.arange(float(size)), y, most)

    assert kept[0] == 0
    assert kept[-1] == size - 1
    assert len(kept) <= max(most, 0)
    assert (np.diff(kept) > 0).all()


def test_thinning_keeps_a_spike():
    y = np.zeros(100_000)
    y[43_210] = 1.0

    assert 43_210 in thin(np.arange(100_000.0), y, 200)


# -- tensors


def compiled(cells: int = 5, **changes) -> tuple[dict[int, bytes], dict]:
    written: dict[int, bytes] = {}
    compiler = TensorCompiler(
        options_for(3.0, 4.2, cells_per_shard=2, **changes), written.__setitem__
    )
    frame = series()
    rows = rows_of(frame)
    for number in range(cells):
        compiler.add(
            Cell(
                10_001 + number,
                name=f"{number}% VC",
                components=(
                    Component("EC", "solvent", 30.0, "wt%"),
                    Component("VC", "additive", None, "wt%"),
                ),
                theoretical_capacity_ah=2.0,
            ),
            [
                CellGroup(71, "charge", 1, False, {"end_voltage": 4.2}),
                CellGroup(72, "discharge", 1, False),
            ],
            rows,
            curves_of(frame, rows),
        )
    return written, compiler.finish({"dataset": "Demo", "versions": {"summary": 1}})


def test_compiling_again_gives_the_same_bytes():
    first, manifest = compiled()
    second, again = compiled()

    assert first == second
    assert json.dumps(manifest) == json.dumps(again)


def test_a_shard_holds_what_its_manifest_says():
    import hashlib

    written, manifest = compiled()

    assert [shard["cells"] for shard in manifest["shards"]] == [
        [10_001, 10_002],
        [10_003, 10_004],
        [10_005],
    ]
    for shard in manifest["shards"]:
        content = written[shard["number"]]
        tensors = load(content)
        assert hashlib.sha256(content).hexdigest() == shard["sha256"]
        assert len(content) == shard["bytes"]
        assert set(tensors) == set(TENSORS)
        for described in manifest["tensors"]:
            tensor = tensors[described["name"]]
            assert tensor.dtype == described["dtype"]
            assert list(tensor.shape) == [shard["rows"], *described["shape"][1:]]
            assert described["may_be_nan"] or np.isfinite(tensor).all()


def test_numbers_reach_the_tensors():
    written, manifest = compiled()
    shard = load(written[1])

    cell = manifest["cells"][3]
    rows = slice(cell["first_row"], cell["first_row"] + cell["rows"])
    assert cell["cell_id"] == 10_004
    assert cell["shard"] == 1
    assert shard["cell_index"][rows].tolist() == [3] * 6
    assert shard["polarity"][rows].tolist() == [1, -1] * 3
    assert shard["constant_rate"][rows] == pytest.approx([0.5] * 6, rel=1e-6)
    group = manifest["groups"][shard["group_index"][rows][0]]
    assert (group["cell_id"], group["polarity"], group["number"]) == (10_004, "charge", 1)
    grid = np.array(manifest["grids"]["voltage_volt"])
    charge = shard["cc_capacity"][rows][0]
    assert charge == pytest.approx(0.99 * (grid - 3.0) / 1.2, abs=1e-4)
    assert shard["cc_mask"][rows][0].all()


def test_molecules_are_integers_with_names_beside_them():
    _, manifest = compiled(1)

    names = {each["id"]: each["name"] for each in manifest["molecules"]}
    parts = manifest["cells"][0]["components"]
    assert [(names[part["molecule"]], part["amount"]) for part in parts] == [
        ("VC", None),
        ("EC", 30.0),
    ]


def test_a_cell_stays_in_its_split_when_others_come():
    options = Options()
    few = compiled(3)[1]["splits"]
    more = compiled(5)[1]["splits"]

    for name in ("train", "validation", "test"):
        assert set(few[name]) <= set(more[name])
    drawn = [split_of(cell, options) for cell in range(4000)]
    assert drawn.count("test") / 4000 == pytest.approx(0.15, abs=0.02)
    assert drawn.count("validation") / 4000 == pytest.approx(0.15, abs=0.02)


def test_a_cell_without_capacity_or_points_compiles_to_nan_rates_and_empty_masks():
    written: dict[int, bytes] = {}
    compiler = TensorCompiler(Options(), written.__setitem__)
    rows = rows_of(series(1))

    compiler.add(Cell(7), [], rows, [None] * rows.height)
    compiler.finish({})

    tensors = load(written[0])
    assert np.isnan(tensors["constant_rate"]).all()
    assert not tensors["cc_mask"].any()
    assert np.isfinite(tensors["cc_capacity"]).all()
    assert tensors["group_index"].tolist() == [-1, -1]


def test_an_empty_dataset_has_a_manifest_and_no_shard():
    written: dict[int, bytes] = {}

    manifest = TensorCompiler(options_for(None, None), written.__setitem__).finish({"dataset": "x"})

    assert written == {}
    assert manifest["shards"] == manifest["cells"] == []

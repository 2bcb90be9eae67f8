"""What the lab wrote is what the readers find: the demo is honest input, not a fixture."""

from pathlib import Path

import numpy as np
import polars as pl
import pytest

from battery_db.demo import writing
from battery_db.demo.lab import DESIGNS, TIME_ZONE, DemoCell, cast
from battery_db.lib.errors import LabError
from cells import filenames
from cycling import formats
from simulation.surrogate import simulate_cell

CYCLE_NUMBER, SEED = 12, 7
CELLS = cast(4)


@pytest.fixture(scope="module")
def lab(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("lab")
    for cell in CELLS:
        writing.write_cell(cell, root, CYCLE_NUMBER, SEED)
    return root


def segments_of(cell: DemoCell) -> list[writing.Segment]:
    protocol = writing.plan(cell, CYCLE_NUMBER)
    life = simulate_cell(DESIGNS[cell.design].model, protocol, SEED + cell.cell_id, cell.wear)
    return list(writing.split(life, cell, SEED))


def half_cycle_capacities(frame: pl.DataFrame) -> np.ndarray:
    """|∫ I dt| of charge and discharge of each cycle, from the records alone."""
    hours = pl.col("test_time_second").diff() / 3600
    mean = (pl.col("current_ampere") + pl.col("current_ampere").shift()) / 2
    moved = frame.select("cycle_count", moved=(hours * mean).cast(pl.Float64))
    charged = pl.col("moved").filter(pl.col("moved") > 0).sum()
    discharged = -pl.col("moved").filter(pl.col("moved") < 0).sum()
    table = moved.group_by("cycle_count", maintain_order=True).agg(charged=charged, out=discharged)
    return table.select("charged", "out").to_numpy()


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.cell_id))
def test_every_clean_file_is_read_with_the_capacities_that_were_simulated(lab, cell):
    for segment in segments_of(cell):
        if cell.cell_id == writing.TRUNCATED_CELL and segment.first > 2:
            continue
        path = lab / writing.file_path(cell, segment)
        _, reading = formats.read(path, formats.ReadContext(time_zone=TIME_ZONE))

        found, made = half_cycle_capacities(reading.frame), half_cycle_capacities(segment.frame)

        assert not reading.is_partial, path.name
        assert reading.findings == ()
        assert reading.frame.height == segment.frame.height
        # 1 %: noise and rounding of the instrument.
        assert found == pytest.approx(made, rel=0.01, abs=2e-4)


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.cell_id))
def test_names_say_which_cell_and_how_many_cycles_came_before(cell):
    for segment in segments_of(cell):
        parsed = filenames.parse(writing.file_path(cell, segment).rpartition("/")[2])

        assert parsed.is_valid
        assert parsed.fields.cell_id == cell.cell_id
        assert parsed.fields.start_cycle == segment.first
        assert parsed.fields.upper_cutoff_voltage == cell.upper_cutoff_volt
        assert parsed.fields.temperature_celsius == cell.temperature_celsius


@pytest.mark.parametrize("cell", CELLS, ids=lambda cell: str(cell.cell_id))
def test_the_clock_and_the_steps_come_back(lab, cell):
    segment = segments_of(cell)[0]
    path = lab / writing.file_path(cell, segment)

    _, reading = formats.read(path, formats.ReadContext(time_zone=TIME_ZONE))

    # 1 s: the resolution of the clocks.
    assert reading.frame["unix_time_second"][0] == pytest.approx(segment.started, abs=1)
    assert reading.frame["step_count"].n_unique() == segment.frame["step_count"].n_unique()


def test_spectra_are_no_cycling_data(lab):
    for path in [*lab.glob("Impedance/*"), *lab.glob("FTIR/*")]:
        with pytest.raises(LabError):
            formats.read(path, formats.ReadContext(time_zone=TIME_ZONE))


def test_the_export_that_stopped_is_read_in_part(tmp_path):
    (cell,) = [cell for cell in cast(24) if cell.cell_id == writing.TRUNCATED_CELL]
    written = writing.write_cell(cell, tmp_path, CYCLE_NUMBER, SEED)
    whole = segments_of(cell)[-1].frame.height
    last = tmp_path / [file.path for file in written if "_CYC_" in file.path][-1]

    _, reading = formats.read(last, formats.ReadContext(time_zone=TIME_ZONE))

    assert reading.is_partial
    assert 0.5 * whole < reading.frame.height < whole

"""Cells as BatteryML reads them: one file per cell, for ``BatteryData.load``.

BatteryML (https://github.com/microsoft/BatteryML, MIT) keeps a cell as a pickled
dictionary. What is written here holds dictionaries, lists, numbers and text only, so
no code of ours is needed to read it; but whoever opens a pickle trusts its sender.
"""

import pickle
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl

from cycling.steps import Floats

SECONDS_PER_HOUR = 3600.0
PROTOCOL = 4  # Python 3.4 and later


@dataclass(frozen=True, slots=True)
class MLCell:
    """Numbers that are not known are None."""

    cell_id: int
    description: str = ""
    electrolyte: str = ""
    theoretical_capacity_ah: float | None = None
    highest_volt: float | None = None
    lowest_volt: float | None = None


def battery_data(cell: MLCell, cycles: Iterable[tuple[int, pl.DataFrame]]) -> bytes:
    """One cell: ``cycles`` are absolute cycle numbers and their points (standard columns)."""
    content = {
        "cell_id": str(cell.cell_id),
        "cycle_data": [_cycle(number, points) for number, points in cycles],
        "form_factor": None,
        "anode_material": None,
        "cathode_material": None,
        "electrolyte_material": cell.electrolyte or None,
        "nominal_capacity_in_Ah": cell.theoretical_capacity_ah,
        "depth_of_charge": 1.0,
        "depth_of_discharge": 1.0,
        "already_spent_cycles": 0,
        "charge_protocol": [],
        "discharge_protocol": [],
        "max_voltage_limit_in_V": cell.highest_volt,
        "min_voltage_limit_in_V": cell.lowest_volt,
        "max_current_limit_in_A": None,
        "min_current_limit_in_A": None,
        "reference": None,
        "description": cell.description or None,
    }
    return pickle.dumps(content, protocol=PROTOCOL)


def _cycle(number: int, points: pl.DataFrame) -> dict[str, Any]:
    """Current charges the cell when positive; capacities grow from 0 within the cycle (Ah)."""
    time, voltage, current = (
        points[name].to_numpy().astype(np.float64)
        for name in ("test_time_second", "voltage_volt", "current_ampere")
    )
    return {
        "cycle_number": number,
        "current_in_A": current.tolist(),
        "voltage_in_V": voltage.tolist(),
        "charge_capacity_in_Ah": _passed(time, np.maximum(current, 0.0)),
        "discharge_capacity_in_Ah": _passed(time, np.maximum(-current, 0.0)),
        "time_in_s": (time - time[:1]).tolist(),
        "temperature_in_C": None,
        "internal_resistance_in_ohm": None,
    }


def _passed(time: Floats, current: Floats) -> list[float]:
    """Trapezium; a step from rest to full current counts from the record that shows it."""
    mean = np.where((current[1:] > 0) & (current[:-1] > 0), (current[1:] + current[:-1]) / 2, 0.0)
    begun = (current[1:] > 0) & (current[:-1] == 0)
    mean = np.where(begun, current[1:], mean)
    charge = np.concatenate([[0.0], np.cumsum(mean * np.diff(time))]) / SECONDS_PER_HOUR
    result: list[float] = charge[: len(time)].tolist()
    return result

"""What each compiled tensor holds: types, units and meaning, as the manifest says them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True, slots=True)
class Tensor:
    """``width`` names a grid when there is a second dimension. ``may_be_nan`` where a
    half-cycle can lack the number; everything else is finite.
    """

    dtype: str
    unit: str
    meaning: str
    width: str = ""
    may_be_nan: bool = False


_RATE = "1/h"
_RATES = "over the theoretical capacity; NaN where either is unknown"
TENSORS: Mapping[str, Tensor] = {
    "cell_index": Tensor("int32", "1", "place in the manifest's list of cells"),
    "cycle": Tensor("int32", "1", "absolute cycle number: start cycle of the file + its own count"),
    "polarity": Tensor("int8", "1", "+1 charge, -1 discharge"),
    "group_index": Tensor("int32", "1", "place in the manifest's list of groups; -1: in none"),
    "dataset_mask": Tensor(
        "int64", "1", "bit n is set where the manifest's dataset n holds the half-cycle"
    ),
    "is_complete": Tensor("uint8", "1", "0 for the last half-cycle of a file that may still grow"),
    "constant_rate": Tensor(
        "float32", _RATE, f"current of the constant-current part {_RATES}", may_be_nan=True
    ),
    "end_rate": Tensor("float32", _RATE, f"current at the end {_RATES}", may_be_nan=True),
    "previous_end_rate": Tensor(
        "float32", _RATE, f"end current of the half-cycle before {_RATES}", may_be_nan=True
    ),
    "previous_constant_rate": Tensor(
        "float32", _RATE, f"constant current of the half-cycle before {_RATES}", may_be_nan=True
    ),
    "end_voltage": Tensor("float32", "V", "voltage at the end", may_be_nan=True),
    "previous_end_voltage": Tensor(
        "float32", "V", "end voltage of the half-cycle before", may_be_nan=True
    ),
    "constant_current": Tensor(
        "float32", "A", "current of the constant-current part, a magnitude", may_be_nan=True
    ),
    "temperature": Tensor(
        "float32", "degC", "mean temperature; NaN where none was measured", may_be_nan=True
    ),
    "capacity": Tensor("float32", "Ah", "integral of the current, a magnitude"),
    "energy": Tensor("float32", "Wh", "integral of voltage times current, a magnitude"),
    "duration": Tensor("float32", "s", "time with current"),
    "start_time": Tensor("float32", "s", "test time at the start, within its file"),
    "cc_capacity": Tensor(
        "float32", "Ah", "capacity since the start when the voltage is passed", "voltage_volt"
    ),
    "cc_time": Tensor(
        "float32", "s", "time since the start when the voltage is passed", "voltage_volt"
    ),
    "cc_mask": Tensor(
        "uint8",
        "1",
        "1 where the half-cycle passes the voltage; cc_* are 0 elsewhere",
        "voltage_volt",
    ),
    "cv_capacity": Tensor(
        "float32",
        "Ah",
        "capacity since the start when the current of a voltage hold has fallen to the "
        "fraction of constant_current",
        "current_fraction",
    ),
    "cv_time": Tensor("float32", "s", "time since the start at that moment", "current_fraction"),
    "cv_mask": Tensor(
        "uint8",
        "1",
        "1 where the hold passes the fraction; cv_* are 0 elsewhere",
        "current_fraction",
    ),
}


def described(voltage_points: int, current_points: int) -> list[dict[str, Any]]:
    """The manifest's table of tensors. All have one row per half-cycle of a shard."""
    widths = {"voltage_volt": voltage_points, "current_fraction": current_points}
    return [
        {
            "name": name,
            "dtype": tensor.dtype,
            "shape": ["rows", widths[tensor.width]] if tensor.width else ["rows"],
            "unit": tensor.unit,
            "grid": tensor.width or None,
            "may_be_nan": tensor.may_be_nan,
            "meaning": tensor.meaning,
        }
        for name, tensor in TENSORS.items()
    ]

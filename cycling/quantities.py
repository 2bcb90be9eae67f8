"""Numbers of cycles and half-cycles that can be plotted against cycle number."""

from collections.abc import Mapping
from dataclasses import dataclass

import polars as pl


@dataclass(frozen=True, slots=True)
class Quantity:
    """``axis`` is the title with its unit, as it stands at the axis of a plot."""

    name: str
    title: str
    axis: str


def _both(name: str) -> tuple[pl.Expr, pl.Expr]:
    return pl.col(f"charge_{name}"), pl.col(f"discharge_{name}")


_CHARGE_AH, _DISCHARGE_AH = _both("ah")
_CHARGE_WH, _DISCHARGE_WH = _both("wh")
_CHARGE_VOLT, _DISCHARGE_VOLT = _both("volt")
# Of a charge and the discharge of the same cycle.
_PAIRED: Mapping[str, tuple[Quantity, pl.Expr]] = {
    quantity.name: (quantity, expression)
    for quantity, expression in (
        (
            Quantity("coulombic_efficiency", "Coulombic efficiency", "Coulombic efficiency / %"),
            100 * _DISCHARGE_AH / _CHARGE_AH,
        ),
        (
            Quantity("energy_efficiency", "Energy efficiency", "Energy efficiency / %"),
            100 * _DISCHARGE_WH / _CHARGE_WH,
        ),
        (
            Quantity(
                "delta_voltage", "Polarisation (delta V)", "Mean charge - discharge voltage / V"
            ),
            _CHARGE_VOLT - _DISCHARGE_VOLT,
        ),
    )
}
# Of one half-cycle: its polarity and column.
_SINGLE: Mapping[str, tuple[Quantity, str, str]] = {
    quantity.name: (quantity, polarity, column)
    for quantity, polarity, column in (
        (
            Quantity("discharge_capacity", "Discharge capacity", "Discharge capacity / Ah"),
            "discharge",
            "capacity_ah",
        ),
        (
            Quantity("charge_capacity", "Charge capacity", "Charge capacity / Ah"),
            "charge",
            "capacity_ah",
        ),
        (
            Quantity("discharge_energy", "Discharge energy", "Discharge energy / Wh"),
            "discharge",
            "energy_wh",
        ),
        (Quantity("charge_energy", "Charge energy", "Charge energy / Wh"), "charge", "energy_wh"),
        (
            Quantity(
                "discharge_mean_voltage", "Mean discharge voltage", "Mean discharge voltage / V"
            ),
            "discharge",
            "mean_voltage_volt",
        ),
        (
            Quantity("charge_mean_voltage", "Mean charge voltage", "Mean charge voltage / V"),
            "charge",
            "mean_voltage_volt",
        ),
    )
}
QUANTITIES: Mapping[str, Quantity] = {
    **{name: entry[0] for name, entry in _SINGLE.items()},
    **{name: entry[0] for name, entry in _PAIRED.items()},
}
# Numbers that a half-cycle of either polarity has, and the column that holds them.
HALF_CYCLE_QUANTITIES: Mapping[str, tuple[Quantity, str]] = {
    quantity.name: (quantity, column)
    for quantity, column in (
        (Quantity("capacity", "Capacity", "Capacity / Ah"), "capacity_ah"),
        (Quantity("energy", "Energy", "Energy / Wh"), "energy_wh"),
        (Quantity("mean_voltage", "Mean voltage", "Mean voltage / V"), "mean_voltage_volt"),
        (Quantity("end_voltage", "End voltage", "End voltage / V"), "end_voltage_volt"),
        (Quantity("duration", "Duration", "Time with current / s"), "duration_second"),
    )
}


def with_quantity(frame: pl.DataFrame, quantity: Quantity) -> pl.DataFrame:
    """Half-cycles with ``y``; what a pair has is shown at the discharge, beside its charge.

    ``frame`` has the columns of ``HalfCycleQuerySet.as_frame``. Efficiencies are the
    discharge over the charge of the same instrument cycle of the same file, in percent;
    a discharge without a charge has none.
    """
    if quantity.name in _SINGLE:
        _, polarity, column = _SINGLE[quantity.name]
        return frame.filter(polarity=polarity).with_columns(y=pl.col(column))
    _, expression = _PAIRED[quantity.name]
    pairs = paired(frame)
    return pairs.with_columns(y=expression).filter(pl.col("y").is_finite())


def paired(frame: pl.DataFrame) -> pl.DataFrame:
    """Complete discharges, each beside the charge of its cycle.

    Where an instrument gave several cycles one number, the first charge of that number
    goes with its first discharge, the second with the second.
    """
    keys = ["test_id", "cycle_count", "turn"]
    turn = pl.int_range(pl.len()).over("test_id", "cycle_count", "polarity")
    numbered = frame.sort("test_id", "ordinal").with_columns(turn=turn)
    sides = {
        side: numbered.filter(polarity=side).with_columns(
            pl.col("capacity_ah").alias(f"{side}_ah"),
            pl.col("energy_wh").alias(f"{side}_wh"),
            pl.col("mean_voltage_volt").alias(f"{side}_volt"),
        )
        for side in ("charge", "discharge")
    }
    charges = sides["charge"].select(*keys, "charge_ah", "charge_wh", "charge_volt")
    return sides["discharge"].filter("is_complete").join(charges, on=keys, how="inner")

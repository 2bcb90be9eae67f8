"""Fits as tables and curves: of one spectrum, of a cell, of a dataset."""

import io
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from django.db.models import QuerySet

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Dataset
from eis.circuits import parse_circuit
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.plots import Fit
from eis.services.circuits import title_of

MOST_FITS = 50_000
FACTS = {
    "spectrum_id": "spectrum_id",
    "spectrum": "spectrum__name",
    "file": "spectrum__source__file__name",
    "cell_id": "spectrum__source__file__metadata__cell_id",
    "start_cycle": "spectrum__source__file__metadata__start_cycle",
    "cycle_count": "spectrum__cycle_count",
    "voltage_volt": "spectrum__voltage_volt",
    "temperature_celsius": "spectrum__temperature_celsius",
    "review": "spectrum__review",
    "masked_points": "spectrum__masked_points",
    "circuit": "circuit",
    "status": "status",
    "reason": "reason",
    "scaled_error": "scaled_error",
    "start_scaled_error": "start_scaled_error",
    "complexity": "complexity",
}
SCHEMA: dict[str, pl.DataType] = {
    "spectrum_id": pl.Int64(), "spectrum": pl.String(), "file": pl.String(),
    "cell_id": pl.Int64(), "start_cycle": pl.Int64(), "cycle_count": pl.Int64(),
    "voltage_volt": pl.Float64(), "temperature_celsius": pl.Float64(), "review": pl.String(),
    "masked_points": pl.Int64(), "circuit": pl.String(), "status": pl.String(),
    "reason": pl.String(), "scaled_error": pl.Float64(), "start_scaled_error": pl.Float64(),
    "complexity": pl.Float64(),
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One parameter of a fit, for people."""

    name: str
    unit: str
    value: float
    low: float | None
    high: float | None
    start: float | None
    identifiable: bool


def curve_of(fit: CircuitFit) -> Fit | None:
    """The fitted circuit, ready to be evaluated; None where the fit failed."""
    if not fit.parameters:
        return None
    circuit = parse_circuit(fit.circuit)
    values = np.array([fit.parameters[name]["value"] for name in circuit.parameter_names])
    return Fit(circuit, values, title_of(fit.circuit))


def parameter_rows(fit: CircuitFit) -> list[Row]:
    names = ("unit", "value", "low", "high", "start", "identifiable")
    return [
        Row(name, **{key: numbers[key] for key in names})
        for name, numbers in fit.parameters.items()
    ]


def fit_table(fits: QuerySet[CircuitFit]) -> pl.DataFrame:
    """One row per fit: what it is of, how good it is, and three columns per parameter.

    ``R0 / Ω`` is the value, ``R0 initial / Ω`` the initial guess and ``R0 low``, ``R0 high``
    the ends of the 90 % interval.
    """
    found = list(fits.values("parameters").values_list(*FACTS.values(), "parameters")[:MOST_FITS])
    columns: dict[str, list[Any]] = {
        name: [row[i] for row in found] for i, name in enumerate(FACTS)
    }
    columns["masked_points"] = [len(points) for points in columns["masked_points"]]
    frame = pl.DataFrame(columns, schema=SCHEMA, strict=False)
    parameters = [row[-1] for row in found]
    names: dict[str, str] = {}
    for each in parameters:
        names |= {name: numbers["unit"] for name, numbers in each.items()}
    extra = {}
    for name, unit in names.items():
        labels = (("value", _label(name, unit)), ("start", _label(f"{name} initial", unit)),
                  ("low", _label(f"{name} low", unit)), ("high", _label(f"{name} high", unit)))  # fmt: skip
        for key, label in labels:
            extra[label] = pl.Series(
                [each.get(name, {}).get(key) for each in parameters], dtype=pl.Float64, strict=False
            )
    return frame.with_columns(**extra)


def _label(name: str, unit: str) -> str:
    return f"{name} / {unit}" if unit else name


def as_bytes(frame: pl.DataFrame, encoding: str) -> bytes:
    """CSV or Parquet. A cell of text that a spreadsheet would run gets an apostrophe."""
    buffer = io.BytesIO()
    if encoding == "parquet":
        frame.write_parquet(buffer)
    elif encoding == "csv":
        safe = frame.with_columns(
            pl.when(pl.col(pl.String).str.contains(r"^[=+\-@\t\r]"))
            .then(pl.lit("'") + pl.col(pl.String))
            .otherwise(pl.col(pl.String))
            .name.keep()
        )
        safe.write_csv(buffer)
    else:
        raise LabError(f"There is no format {encoding[:20]!r}.", fix="Choose csv or parquet.")
    return buffer.getvalue()


def fits_of_dataset(dataset: Dataset) -> QuerySet[CircuitFit]:
    cells = dataset.memberships.values("wet_cell__cell_id")
    spectra = ImpedanceSpectrum.objects.in_use().filter(source__file__metadata__cell_id__in=cells)
    return chosen_fits(spectra)


def chosen_fits(spectra: QuerySet[ImpedanceSpectrum]) -> QuerySet[CircuitFit]:
    return (
        CircuitFit.objects.filter(is_chosen=True, spectrum__in=spectra)
        .exclude(spectrum__review=ImpedanceSpectrum.Review.REJECTED)
        .order_by(
            "spectrum__source__file__metadata__start_cycle", "spectrum__source", "spectrum__number"
        )
    )


def parameter_names_of_cell(cell_id: int) -> dict[str, str]:
    """Parameter -> unit over the fits in use of a cell."""
    names: dict[str, str] = {}
    spectra = ImpedanceSpectrum.objects.of_cell(cell_id)
    for parameters in chosen_fits(spectra).values_list("parameters", flat=True):
        names |= {name: numbers["unit"] for name, numbers in parameters.items()}
    return names


def request_refresh(cell_id: int, *, by: Any, trigger: str) -> Job:
    """Import what is new of one cell's impedance files and fit it, as a job."""
    return engine.enqueue(
        "eis.refresh_cell",
        {"cell_id": cell_id},
        trigger=trigger,
        by=by,
        title=f"Import and fit impedance of cell {cell_id}",
        key=f"eis.refresh_cell:{cell_id}",
    )

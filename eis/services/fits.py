"""Fits as tables and curves: of one spectrum, of a cell, of a dataset."""

import io
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import polars as pl
from django.db.models import QuerySet

from battery_db.lib.errors import LabError
from battery_db.lib.runs import engine
from battery_db.lib.runs.models import Job
from cells.models import Dataset
from eis.arcs import Arc, arcs
from eis.circuits import parse_circuit
from eis.equivalents import Equivalent, equivalents
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.plots import Fit
from eis.services.circuits import title_of

MOST_FITS = 50_000
FILE = "spectrum__source__file"
# Column -> (where its value is, its type). The cycle and the test are worked out from others.
FACTS: dict[str, tuple[str, pl.DataType]] = {
    "spectrum_id": ("spectrum_id", pl.Int64()),
    "spectrum": ("spectrum__name", pl.String()),
    "file": (f"{FILE}__name", pl.String()),
    "cell_id": (f"{FILE}__metadata__cell_id", pl.Int64()),
    "start_cycle": (f"{FILE}__metadata__start_cycle", pl.Int64()),
    "cycle_count": ("spectrum__cycle_count", pl.Int64()),
    "voltage_volt": ("spectrum__voltage_volt", pl.Float64()),
    "temperature_celsius": ("spectrum__temperature_celsius", pl.Float64()),
    "file_name_temperature_celsius": (f"{FILE}__metadata__temperature_celsius", pl.Float64()),
    "state_of_charge": ("spectrum__state_of_charge", pl.Float64()),
    "review": ("spectrum__review", pl.String()),
    "masked_points": ("spectrum__masked_points", pl.Int64()),
    "circuit": ("circuit", pl.String()),
    "status": ("status", pl.String()),
    "reason": ("reason", pl.String()),
    "scaled_error": ("scaled_error", pl.Float64()),
    "start_scaled_error": ("start_scaled_error", pl.Float64()),
    "start_method": ("start_method", pl.String()),
    "complexity": ("complexity", pl.Float64()),
    "method": ("method", pl.String()),
    "versions": ("versions", pl.String()),
    "fitted_at": ("fitted_at", pl.Datetime("us", "UTC")),
}
PARAMETER: dict[str, tuple[str, pl.DataType]] = {
    "value": ("{}", pl.Float64()),
    "start": ("{} initial", pl.Float64()),
    "low": ("{} low", pl.Float64()),
    "high": ("{} high", pl.Float64()),
    "error": ("{} standard error", pl.Float64()),
}


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


def values_of(fit: CircuitFit) -> dict[str, float]:
    return {name: numbers["value"] for name, numbers in fit.parameters.items()}


def arcs_of(fit: CircuitFit) -> list[Arc]:
    """Arcs of a fit with their time constants and capacitances; none where it failed."""
    return arcs(parse_circuit(fit.circuit), values_of(fit)) if fit.parameters else []


def equivalents_of(fit: CircuitFit) -> list[Equivalent]:
    """Other circuits with the spectrum of this fit; none where it failed."""
    return equivalents(parse_circuit(fit.circuit), values_of(fit)) if fit.parameters else []


def fit_table(fits: QuerySet[CircuitFit]) -> pl.DataFrame:
    """One row per fit: what it is of, how good it is, and six columns per parameter.

    ``R0 / Ω`` is the value, ``R0 initial / Ω`` the initial guess, ``R0 low`` and ``R0 high``
    the ends of the 90 % interval, ``R0 standard error``, and ``R0 identifiable`` whether the
    spectrum alone holds it. LabError above ``MOST_FITS``: nothing is left out unsaid.
    """
    paths = [path for path, _ in FACTS.values()]
    found = list(fits.values_list(*paths, "spectrum__validity", "parameters")[: MOST_FITS + 1])
    if len(found) > MOST_FITS:
        raise LabError(
            f"A table holds at most {MOST_FITS:,} fits; here are more.",
            fix="Divide the dataset, or read the pages of /api/v1/eis/fits/.",
        )
    columns: dict[str, list[Any]] = {
        name: [row[i] for row in found] for i, name in enumerate(FACTS)
    }
    columns["masked_points"] = [len(points) for points in columns["masked_points"]]
    columns["versions"] = [json.dumps(each, sort_keys=True) for each in columns["versions"]]
    frame = pl.DataFrame(
        columns, schema={name: kind for name, (_, kind) in FACTS.items()}, strict=False
    )
    cycles = ImpedanceSpectrum.objects.filter(fits__in=fits).cycles()
    return frame.with_columns(
        pl.Series("cycle", [cycles.get(pk) for pk in frame["spectrum_id"]], dtype=pl.Int64),
        *_validity_columns([row[-2] for row in found]),
        *_parameter_columns([row[-1] for row in found]),
    )


def _validity_columns(tests: Sequence[dict[str, Any]]) -> Iterator[pl.Series]:
    """Verdict, reason, residual and number of outliers of the Kramers-Kronig test."""
    for name, kind in (
        ("verdict", pl.String()),
        ("reason", pl.String()),
        ("root_mean_square", pl.Float64()),
    ):
        yield pl.Series(
            f"kramers_kronig_{name}", [test.get(name) for test in tests], dtype=kind, strict=False
        )
    outliers = [len(test["outliers"]) if "outliers" in test else None for test in tests]
    yield pl.Series("kramers_kronig_outliers", outliers, dtype=pl.Int64)


def _parameter_columns(parameters: Sequence[dict[str, Any]]) -> Iterator[pl.Series]:
    names: dict[str, str] = {}
    for each in parameters:
        names |= {name: numbers["unit"] for name, numbers in each.items()}
    for name, unit in names.items():
        for key, (form, kind) in PARAMETER.items():
            values = [each.get(name, {}).get(key) for each in parameters]
            yield pl.Series(_label(form.format(name), unit), values, dtype=kind, strict=False)
        held = [each.get(name, {}).get("identifiable") for each in parameters]
        yield pl.Series(f"{name} identifiable", held, dtype=pl.Boolean)


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

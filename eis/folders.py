"""Fits of files on disk, written as files: what ``fit_eis`` does, without a database.

1. read every file below the given paths; 2. fit all spectra together; 3. write a table
with a row per spectrum, and a CSV and a PNG of each.
"""

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import FloatArray, Spectrum
from eis import formats
from eis.circuits import Circuit, parse_circuit
from eis.drawing import draw
from eis.elements import TURN
from eis.fitting import FitOptions, fit_spectra
from eis.plots import Fit
from eis.results import FitResult
from eis.validity import Validity, linear_kk

NOT_READ = "not read"
FACTS = (
    "cycle", "voltage_volt", "current_ampere", "temperature_celsius", "state_of_charge",
)  # fmt: skip
TABLE = "parameters.csv"
Report = Callable[[int, int, str], None]


@dataclass(frozen=True, slots=True)
class Options:
    """``radians`` writes characteristic frequencies in rad/s; ``pictures`` writes PNGs.

    ``told`` is about tables without a header.
    """

    radians: bool = False
    pictures: bool = True
    told: formats.Told = formats.NOTHING_TOLD
    report: Report = lambda done, total, text: None


@dataclass(frozen=True, slots=True, eq=False)
class Found:
    """One spectrum of a file, or why a file or a part of it gave none."""

    file: str
    name: str
    spectrum: Spectrum | None
    reason: str = ""
    findings: tuple[str, ...] = ()  # what the reader noticed about the file


def find_files(paths: Sequence[Path]) -> list[Path]:
    """The files named, and all below the folders named, in order, hidden ones left out."""
    found: list[Path] = []
    for path in paths:
        if not path.exists():
            raise LabError(f"There is no {path}.", fix="Name files or folders that exist.")
        below = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
        found += [p for p in below if not p.name.startswith(".")]
    return found


def read_all(
    paths: Sequence[Path], report: Report, told: formats.Told = formats.NOTHING_TOLD
) -> Iterator[Found]:
    """Every spectrum of every file; a bad file says why and the others go on."""
    for place, path in enumerate(paths):
        report(place, len(paths), f"reading {path.name}")
        try:
            _, reading = formats.read(path, told)
        except LabError as error:
            yield Found(str(path), path.name, None, str(error))
        except OSError as error:
            yield Found(str(path), path.name, None, f"The file can not be read: {error}.")
        else:
            noticed = tuple(finding.text for finding in reading.findings)
            for spectrum in reading.spectra:
                yield Found(str(path), spectrum.name, spectrum, findings=noticed)
            for name, why in reading.refused:
                yield Found(str(path), name, None, f"This part of the file is left out: {why}.")


def fit_folder(
    paths: Sequence[Path],
    circuit: Circuit,
    target: Path,
    options: Options = Options(),
) -> dict[str, Any]:
    """Fit everything below ``paths`` and write the results below ``target``.

    Returns counts: files, spectra, and how many fits have each status.
    """
    results = target.resolve()  # of a run before, when they lie below the paths
    files = [path for path in find_files(paths) if results not in path.resolve().parents]
    found = list(read_all(files, options.report, options.told))
    spectra = [each.spectrum for each in found if each.spectrum is not None]
    if not spectra:
        why = f" The first: {found[0].reason}" if found else ""
        raise LabError(
            f"None of {len(files)} files holds a spectrum.{why}",
            fix="Name files that a reader of impedance knows.",
        )
    progress = FitOptions(progress=lambda done, total: options.report(done, total, "fitting"))
    fits = fit_spectra(spectra, circuit, progress)
    tested = zip(fits, linear_kk(spectra), strict=True)
    (target / "spectra").mkdir(parents=True, exist_ok=True)
    rows = []
    for number, each in enumerate(found, 1):
        options.report(number, len(found), f"writing {each.name}")
        if each.spectrum is None:
            rows.append({"file": each.file, "spectrum": each.name, "status": NOT_READ,
                         "reason": each.reason})  # fmt: skip
            continue
        result, validity = next(tested)
        stem = f"{number:05d}_{re.sub(r'[^A-Za-z0-9._-]+', '_', each.name)[:80]}"
        rows.append(_about(each) | _row(result, stem, radians=options.radians) | _tested(validity))
        _write(each.spectrum, result, target / "spectra" / stem, pictures=options.pictures)
    table = _table(rows)
    table.write_csv(target / TABLE)
    counts = dict(table.group_by("status").len().iter_rows())
    return {"files": len(files), "spectra": len(spectra), **counts, "table": str(target / TABLE)}


def _about(each: Found) -> dict[str, Any]:
    """What the file says of a spectrum, and what its reader noticed."""
    assert each.spectrum is not None  # noqa: S101 - for the type checker
    frequency, about = each.spectrum.frequency_hz, each.spectrum.metadata
    own = [finding["text"] for finding in about.get("findings", ())]
    return {
        "file": each.file,
        "spectrum": each.name,
        **{name: about.get(name) for name in FACTS},
        "points": len(each.spectrum),
        "lowest_hertz": float(frequency.min()),
        "highest_hertz": float(frequency.max()),
        "findings": " ".join((*each.findings, *own)),
    }


def _tested(validity: Validity) -> dict[str, Any]:
    """The Kramers-Kronig test; outliers count from 1, as the points of the CSV do."""
    return {
        "kramers_kronig": validity.verdict,
        "kramers_kronig_reason": validity.reason,
        "kramers_kronig_residual": validity.root_mean_square,
        "outliers": " ".join(str(place + 1) for place in validity.outliers.nonzero()[0]),
    }


def _row(result: FitResult, stem: str, *, radians: bool) -> dict[str, Any]:
    """Facts of the fit, and per parameter its inverse, refined and difference columns."""
    row: dict[str, Any] = {
        "circuit": result.circuit,
        "status": result.status,
        "reason": result.reason,
        "scaled_error": result.scaled_error,
        "inverse_scaled_error": result.start_scaled_error,
        "inverse_method": result.start_method,
        "complexity": result.complexity,
        "method": result.method,
        "method_version": result.versions["fitting"],
        "output": stem,
    }
    sizes = np.array([TURN if radians and u == "Hz" else 1.0 for u in result.parameter_units])
    columns: dict[str, FloatArray] = {
        "inverse": result.start_parameters,
        "refined": result.parameters,
        "difference": result.parameters - result.start_parameters,
        "low": result.interval_low,
        "high": result.interval_high,
        "error": result.standard_errors,
    }
    for place, (name, unit) in enumerate(
        zip(result.parameter_names, result.parameter_units, strict=True)
    ):
        shown = "rad/s" if radians and unit == "Hz" else unit
        for word, values in columns.items():
            label = f"{name} {word} / {shown}" if shown else f"{name} {word}"
            row[label] = float(values[place] * sizes[place])
        if result.succeeded:
            row[f"{name} identifiable"] = bool(result.identifiable[place])
    return row


def _table(rows: Sequence[dict[str, Any]]) -> pl.DataFrame:
    names = list(dict.fromkeys(name for row in rows for name in row))
    frame = pl.DataFrame({name: [row.get(name) for row in rows] for name in names}, strict=False)
    return frame.with_columns(pl.col(pl.Float64).fill_nan(None))


def _write(spectrum: Spectrum, result: FitResult, stem: Path, *, pictures: bool) -> None:
    impedance, fitted = spectrum.impedance_ohm, result.fitted_ohm
    pl.DataFrame(
        {
            "frequency_hertz": spectrum.frequency_hz,
            "real_impedance_ohm": impedance.real,
            "imaginary_impedance_ohm": impedance.imag,
            "fitted_real_impedance_ohm": fitted.real,
            "fitted_imaginary_impedance_ohm": fitted.imag,
        }
    ).with_columns(pl.all().fill_nan(None)).write_csv(stem.with_name(f"{stem.name}.csv"))
    if pictures:
        fit = None
        if result.succeeded:
            fit = Fit(parse_circuit(result.circuit), result.parameters)
        error = f", scaled error {result.scaled_error:.3g}" if result.succeeded else ""
        title = f"{spectrum.name[:90]}: {result.status}{error}"
        draw(spectrum, fit, title, stem.with_name(f"{stem.name}.png"))

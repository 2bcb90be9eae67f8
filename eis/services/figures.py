"""The figures of one spectrum's page, made when they are asked for."""

from typing import Any

import numpy as np
import polars as pl

from battery_db.lib.spectra import ComplexArray, Spectrum
from eis import plots
from eis.drt import relaxation_times
from eis.models import CircuitFit, ImpedanceSpectrum
from eis.services.fits import curve_of
from eis.services.spectra import measured, points_of
from eis.validity import NOT_TESTED, Validity, linear_kk

KINDS = {
    "nyquist": "Nyquist",
    "bode": "Bode",
    "residuals": "Residuals of the fit",
    "validity": "Kramers-Kronig residuals",
    "relaxation": "Distribution of relaxation times",
}


def figure_of(spectrum: ImpedanceSpectrum, kind: str) -> dict[str, Any]:
    """One of ``KINDS``; LabError where it can not be made, with why."""
    points = measured([spectrum])[spectrum.pk]
    fit = chosen_fit(spectrum)
    curve = curve_of(fit) if fit else None
    if kind == "residuals":
        if curve is None:
            reason = fit.reason if fit else "The spectrum has not been fitted yet."
            return {"empty": reason}
        return plots.residuals(points, curve.at(points.frequency_hz), "residual")
    if kind == "validity":
        test = linear_kk([points])[0]
        if test.verdict == NOT_TESTED:
            return {"empty": test.reason}
        title = "Kramers-Kronig residual"
        figure = plots.residuals(points, points.impedance_ohm - _ohm(test, points), title)
        return plots.with_outliers(figure, points, test.outliers)
    if kind == "relaxation":
        times = relaxation_times(points)
        return plots.relaxation_times(times.time_constant_s, times.gamma_ohm)
    draw = plots.nyquist if kind == "nyquist" else plots.bode
    return draw(points, [curve] if curve else [])


def _ohm(test: Validity, points: Spectrum) -> ComplexArray:
    """The residuals of the test, which are over |Z|, in ohm."""
    residual: ComplexArray = test.residual * np.abs(points.impedance_ohm)
    return residual


def chosen_fit(spectrum: ImpedanceSpectrum) -> CircuitFit | None:
    return spectrum.fits.filter(is_chosen=True).first()


def table_of(spectrum: ImpedanceSpectrum) -> pl.DataFrame:
    """Points in BDF columns, whether they count, and the fit at each."""
    frame = points_of(spectrum)
    kept = np.ones(frame.height, dtype=bool)
    kept[[place for place in spectrum.masked_points if place < frame.height]] = False
    frame = frame.with_columns(masked=~pl.Series(kept))
    fit = chosen_fit(spectrum)
    curve = curve_of(fit) if fit else None
    if curve is None:
        return frame
    fitted = curve.at(frame["frequency_hertz"].to_numpy())
    return frame.with_columns(
        fitted_real_impedance_ohm=fitted.real, fitted_imaginary_impedance_ohm=fitted.imag
    )


def life_of(spectra: list[ImpedanceSpectrum], most: int) -> dict[str, Spectrum]:
    """The first, the last and some between, by what tells them apart (one read per file)."""
    if not spectra:
        return {}
    places = np.unique(np.linspace(0, len(spectra) - 1, min(most, len(spectra))).round())
    found: dict[str, Spectrum] = {}
    for place in places.astype(int):
        one = spectra[place]
        cycle = getattr(one, "cycle", None)
        name = f"cycle {cycle}" if cycle is not None else one.name
        found[name if name not in found else one.name] = measured([one])[one.pk]
    return found

"""What a fit says: parameters in their own units, how sure they are, and how well they fit."""

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np

from battery_db.lib.spectra import BoolArray, ComplexArray, FloatArray
from eis.circuits import Circuit

METHOD_VERSION = "3"  # raise it when the same spectrum would be fitted to other numbers

FITTED, POOR, FAILED = "fitted", "poor", "failed"


@dataclass(frozen=True, slots=True, eq=False)
class FitResult:
    """The fit of one circuit to one spectrum.

    Arrays are (P,), in the order and units of ``parameter_names`` and ``parameter_units``
    (frequencies in hertz). ``interval_low`` and ``interval_high`` bound 90 %. A parameter is
    ``identifiable`` when the spectrum alone, without the prior, holds it: a positive one
    within a factor of 3, an exponent within ±0.25. ``start_parameters`` are those of the
    initial guess that led to the fit. ``fitted_ohm`` and ``residual_ohm`` (n,) belong to
    the points of the spectrum, and are NaN where a point did not count. ``scaled_error``
    is the root mean square of residuals over the spread of the real and imaginary parts
    (thesis 3.5.10). ``status`` is ``fitted``, ``poor`` or ``failed``, with the reason.
    """

    circuit: str
    parameter_names: tuple[str, ...]
    parameter_units: tuple[str, ...]
    parameters: FloatArray
    standard_errors: FloatArray
    interval_low: FloatArray
    interval_high: FloatArray
    identifiable: BoolArray
    start_parameters: FloatArray
    start_scaled_error: float
    start_method: str
    scaled_error: float
    complexity: float
    fitted_ohm: ComplexArray
    residual_ohm: ComplexArray
    status: str
    reason: str = ""
    method: str = "batched Levenberg-Marquardt"
    versions: Mapping[str, str] = field(default_factory=lambda: {"fitting": METHOD_VERSION})

    @property
    def succeeded(self) -> bool:
        return self.status != FAILED

    def as_dict(self) -> dict[str, float]:
        return dict(zip(self.parameter_names, map(float, self.parameters), strict=True))


def failed(circuit: Circuit, points: int, reason: str) -> FitResult:
    """A result that says why there is no fit."""
    nothing = np.full(len(circuit), np.nan)
    nowhere = np.full(points, complex(np.nan, np.nan))
    return FitResult(
        circuit=circuit.text,
        parameter_names=circuit.parameter_names,
        parameter_units=circuit.parameter_units,
        parameters=nothing,
        standard_errors=nothing,
        interval_low=nothing,
        interval_high=nothing,
        identifiable=np.zeros(len(circuit), dtype=bool),
        start_parameters=nothing,
        start_scaled_error=np.nan,
        start_method="",
        scaled_error=np.nan,
        complexity=np.nan,
        fitted_ohm=nowhere,
        residual_ohm=nowhere,
        status=FAILED,
        reason=reason,
    )


def complexity(resistances: FloatArray) -> FloatArray:
    """(Σ√R)² / ΣR over the last axis: how many arcs share the resistance (thesis 2.7).

    1 for one arc, n for n equal ones; 0 where there is no resistance at all.

    >>> complexity(np.array([[5.0, 0.0, 0.0], [1.0, 1.0, 1.0]]))
    array([1., 3.])
    """
    total = resistances.sum(axis=-1)
    roots = np.sqrt(resistances).sum(axis=-1) ** 2
    measure: FloatArray = np.divide(roots, total, out=np.zeros_like(total), where=total > 0)
    return measure


def arc_columns(circuit: Circuit, parameter: str = "R") -> list[int]:
    """Where a parameter of each electrochemical arc stands in the parameter vector."""
    names = {f"{x.name}_{parameter}" for x in circuit.leaves if x.element.symbol in ARCS}
    return [i for i, name in enumerate(circuit.parameter_names) if name in names]


ARCS = ("ZARC", "ZARCW")

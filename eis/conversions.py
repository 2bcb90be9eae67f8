"""Exact conversions between circuits that give the same spectrum (thesis 2.2, 2.3).

A Voigt circuit (pairs of R and C in series) and a ladder (series resistors, capacitors to
the far end) are two forms of one passive function, Σ rₖ/(s + pₖ). Written as
bᵀ(sI + A)⁻¹b, with A diagonal for Voigt and tridiagonal for the ladder, the conversion is
an orthogonal change of basis: Lanczos one way, eigenvectors the other. That holds digits
where polynomials would lose them. The limits: time constants must differ, since
equal ones are one pair; and what differs by less than rounding can not be brought back.
Figure 2.1 is the case of one pair, as closed formulas.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import FloatArray
from eis.circuits import Circuit, parse_circuit

CLOSEST = 1e-6  # relative difference of time constants below which two pairs are one


class NotConvertible(LabError):
    """Two circuits can not give the same spectrum with these parameters."""


@dataclass(frozen=True, slots=True, eq=False)
class Voigt:
    """``series_ohm``, then pairs of resistor and capacitor (n,), and a capacitor or none."""

    series_ohm: float
    resistance_ohm: FloatArray
    capacitance_f: FloatArray
    series_capacitance_f: float | None = None

    @property
    def circuit(self) -> Circuit:
        pairs = [f"p(R{k},C{k})" for k in range(1, len(self.resistance_ohm) + 1)]
        end = [] if self.series_capacitance_f is None else ["C0"]
        return parse_circuit("-".join(["R0", *pairs, *end]))

    @property
    def parameters(self) -> FloatArray:
        pairs = np.column_stack([self.resistance_ohm, self.capacitance_f]).ravel()
        end = [] if self.series_capacitance_f is None else [self.series_capacitance_f]
        return np.array([self.series_ohm, *pairs, *end])


@dataclass(frozen=True, slots=True, eq=False)
class Ladder:
    """``R0-p(C1,R1-p(C2,R2-…))``: resistors (n,) or (n-1,) and capacitors (n,) from outside in.

    With one resistor fewer than capacitors, the innermost branch is a capacitor alone.
    """

    series_ohm: float
    resistance_ohm: FloatArray
    capacitance_f: FloatArray

    @property
    def circuit(self) -> Circuit:
        count = len(self.capacitance_f)
        open_end = len(self.resistance_ohm) < count
        text = f"C{count}" if open_end else f"p(C{count},R{count})"
        for k in range(count - 1, 0, -1):
            text = f"p(C{k},R{k}-{text})"
        return parse_circuit(f"R0-{text}")

    @property
    def parameters(self) -> FloatArray:
        resistors = list(self.resistance_ohm)
        values = [self.series_ohm]
        for k, capacitance in enumerate(self.capacitance_f):
            values += [capacitance, *resistors[k : k + 1]]
        return np.array(values)


def voigt_to_ladder(voigt: Voigt) -> Ladder:
    """The ladder with the spectrum of ``voigt``; NotConvertible for equal time constants."""
    resistance, capacitance = voigt.resistance_ohm, voigt.capacitance_f
    if (np.concatenate([resistance, capacitance]) <= 0).any():
        raise NotConvertible(
            "A pair has a resistance or a capacitance that is not above zero.",
            fix="Leave out pairs without resistance.",
        )
    poles, residues = 1 / (resistance * capacitance), 1 / capacitance
    if voigt.series_capacitance_f is not None:
        poles, residues = np.append(poles, 0.0), np.append(residues, 1 / voigt.series_capacitance_f)
    ordered = np.sort(poles)
    if (np.diff(ordered) <= CLOSEST * ordered[1:]).any():
        raise NotConvertible(
            "Two pairs have the same time constant, so they are one pair in any other circuit.",
            fix="Add their resistances and give the sum the same time constant.",
        )
    diagonal, beside = _lanczos(poles, np.sqrt(residues))
    capacitors, conductors = [1 / residues.sum()], []
    before = 0.0
    for k in range(len(diagonal)):
        conductor = diagonal[k] * capacitors[k] - before
        conductors.append(conductor)
        if k + 1 < len(diagonal):
            capacitors.append(conductor**2 / (capacitors[k] * beside[k] ** 2))
        before = conductor
    if voigt.series_capacitance_f is not None:
        conductors.pop()  # to the far end: none, which rounding may hide
    return Ladder(voigt.series_ohm, 1 / np.array(conductors), np.array(capacitors))


def ladder_to_voigt(ladder: Ladder) -> Voigt:
    """The Voigt circuit with the spectrum of ``ladder``."""
    values = np.concatenate([ladder.resistance_ohm, ladder.capacitance_f])
    if (values <= 0).any():
        raise NotConvertible(
            "A resistor or a capacitor of the ladder is not above zero.",
            fix="Leave out the rung, which is a connection or a gap.",
        )
    capacitance = ladder.capacitance_f
    count = len(capacitance)
    inner = np.zeros(count)
    inner[: len(ladder.resistance_ohm)] = 1 / ladder.resistance_ohm
    diagonal = (inner + np.concatenate([[0.0], inner[:-1]])) / capacitance
    beside = -inner[:-1] / np.sqrt(capacitance[:-1] * capacitance[1:])
    matrix = np.diag(diagonal) + np.diag(beside, 1) + np.diag(beside, -1)
    poles, vectors = np.linalg.eigh(matrix)
    residues = vectors[0] ** 2 / capacitance[0]
    order = np.argsort(-poles)  # fastest pair first
    poles, residues = poles[order], residues[order]
    if len(ladder.resistance_ohm) < count:  # the slowest is the capacitor in series
        return Voigt(
            ladder.series_ohm,
            residues[:-1] / poles[:-1],
            1 / residues[:-1],
            float(1 / residues[-1]),
        )
    return Voigt(ladder.series_ohm, residues / poles, 1 / residues)


def _lanczos(poles: FloatArray, start: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Diagonal and off-diagonal of diag(``poles``) in the basis that begins with ``start``."""
    count = len(poles)
    basis: NDArray[np.float64] = np.zeros((count, count))
    basis[0] = start / np.linalg.norm(start)
    diagonal, beside = np.zeros(count), np.zeros(max(count - 1, 0))
    for k in range(count):
        vector = poles * basis[k]
        diagonal[k] = basis[k] @ vector
        if k + 1 < count:
            for _ in range(2):  # twice is enough (Kahan, in Parlett, 1980)
                vector = vector - basis[: k + 1].T @ (basis[: k + 1] @ vector)
            beside[k] = np.linalg.norm(vector)
            basis[k + 1] = vector / beside[k]
    return diagonal, beside


def series_to_bridged(R1: float, R2: float, C: float) -> tuple[float, float, float]:
    """``R1-p(R2,C)`` as ``p(R1,R2-C)``, the conversion of Figure 2.1.

    >>> series_to_bridged(1.0, 1.0, 4.0)
    (2.0, 2.0, 1.0)
    """
    if R1 <= 0 or R2 <= 0:
        raise NotConvertible(
            f"Expected resistances above zero, found {R1:g} and {R2:g} ohm: the other circuit "
            "would need a division by zero.",
            fix="Leave the resistor out; the circuits are then the same.",
        )
    total = R1 + R2
    return total, R1 * total / R2, C * (R2 / total) ** 2


def bridged_to_series(R1: float, R2: float, C: float) -> tuple[float, float, float]:
    """``p(R1,R2-C)`` as ``R1-p(R2,C)``: the way back.

    >>> bridged_to_series(2.0, 2.0, 1.0)
    (1.0, 1.0, 4.0)
    """
    if R1 <= 0 or R2 <= 0:
        raise NotConvertible(
            f"Expected resistances above zero, found {R1:g} and {R2:g} ohm.",
            fix="Leave the resistor out; the circuits are then the same.",
        )
    total = R1 + R2
    return R1 * R2 / total, R1**2 / total, C * (total / R1) ** 2


def zarc_to_cpe(R: float, fc: float, phi: float) -> tuple[float, float, float]:
    """``ZARC`` as ``p(R,CPE)``: R in ohm, Q in S s^φ, φ; ``fc`` in hertz."""
    return R, 1 / (R * (2 * np.pi * fc) ** phi), phi


def cpe_to_zarc(R: float, Q: float, phi: float) -> tuple[float, float, float]:
    """``p(R,CPE)`` as ``ZARC``: R in ohm, characteristic frequency in hertz, φ."""
    return R, float((R * Q) ** (-1 / phi) / (2 * np.pi)), phi

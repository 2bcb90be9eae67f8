"""The coordinates in which circuits are fitted: free of constraints, and well conditioned.

Every real vector is a valid circuit (thesis 2.4): positive parameters are exponentials,
exponents are logistic. Unlike in Figure 2.7, the magnitude of a diffusion CPE is ln |Z| at
the lowest frequency of the spectrum, that of an inductive one ln |Z| at the highest: Q is
measured at 1 rad/s, often far outside the window, where it and the exponent can not be
told apart. The exponents of inductive elements are logistic too, which can be inverted.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np

from battery_db.lib.spectra import BoolArray, ComplexArray, FloatArray
from eis.batches import Batch
from eis.circuits import Circuit


@dataclass(frozen=True, slots=True, eq=False)
class Pivot:
    """Where a CPE's Q and exponent stand in the vector, and the end at which |Z| is taken."""

    magnitude: int
    exponent: int
    sign: int  # |Z| is Q^-1 ω^-φ for a CPE and L ω^α for an inductive one
    end: str


@dataclass(frozen=True, slots=True, eq=False)
class Coordinates:
    """Between parameters (B, P) of a circuit and coordinates (B, P), on a normalised batch."""

    circuit: Circuit
    fractions: BoolArray
    pivots: tuple[Pivot, ...]

    def parameters(self, u: Any, batch: Any) -> FloatArray:
        """Parameters, in units of the normalised spectrum, of coordinates ``u``."""
        limited = np.clip(u, -60, 60)
        values: FloatArray = np.where(self.fractions, 1 / (1 + np.exp(-limited)), np.exp(limited))
        for pivot in self.pivots:
            rotation = values[:, pivot.exponent] * getattr(batch, pivot.end)
            values[:, pivot.magnitude] = np.exp(pivot.sign * limited[:, pivot.magnitude] - rotation)
        return values

    def coordinates(self, parameters: Any, batch: Any) -> FloatArray:
        """Coordinates of ``parameters`` in units of the normalised spectrum."""
        values = np.asarray(parameters, dtype=np.float64)
        fraction = np.clip(values, 1e-9, 1 - 1e-9)
        with np.errstate(divide="ignore"):
            u = np.where(self.fractions, np.log(fraction / (1 - fraction)), np.log(values))
        for pivot in self.pivots:
            rotation = values[:, pivot.exponent] * getattr(batch, pivot.end)
            u[:, pivot.magnitude] = pivot.sign * (u[:, pivot.magnitude] + rotation)
        return np.clip(u, -60, 60)

    def slopes(self, u: FloatArray, batch: Batch) -> tuple[ComplexArray, ComplexArray]:
        """Impedance (B, F) and its derivatives by coordinates (B, P, F)."""
        values = self.parameters(u, batch)
        impedance, slopes = self.circuit.slopes(values, batch.log_omega)
        for pivot in self.pivots:
            magnitude = slopes[:, pivot.magnitude]
            end = getattr(batch, pivot.end)[:, None]
            slopes[:, pivot.exponent] -= end * magnitude
            if pivot.sign < 0:
                np.negative(magnitude, out=magnitude)
        for index in np.flatnonzero(self.fractions):
            slopes[:, index] *= (values[:, index] * (1 - values[:, index]))[:, None]
        return impedance, slopes


def coordinates_of(circuit: Circuit) -> Coordinates:
    pivots = []
    chain = {leaf.name for leaf in circuit.chain}
    for leaf in circuit.leaves:
        element = leaf.element
        # A CPE beside a resistance is measured where both matter, not at an end.
        if element.pivot and leaf.name in chain:
            magnitude, exponent = (leaf.start + index for index in element.pivot_at)
            sign = 1 if element.pivot == "high" else -1
            pivots.append(Pivot(magnitude, exponent, sign, element.pivot))
    fractions = np.array([p.fraction for p in circuit.parameters])
    return Coordinates(circuit, fractions, tuple(pivots))


@dataclass(frozen=True, slots=True, eq=False)
class Prior:
    """What is likely before a spectrum is seen: means (B, P) and deviations (P,) of coordinates."""

    mean: FloatArray
    deviation: FloatArray

    def take(self, rows: Any) -> "Prior":
        return Prior(self.mean[rows], self.deviation)


# Mean and deviation of exponents, as logits: ZARCs near 0.8, diffusion near 0.6, coils near 0.95.
EXPONENTS = {
    ("CPE", "phi"): (0.6, 1.0),
    ("ZARCW", "phi_d"): (0.3, 1.0),
    ("La", "alpha"): (2.5, 1.5),
    ("LZARC", "phi"): (2.0, 1.5),
}
ARC_EXPONENT = (1.4, 1.0)


def prior_of(circuit: Circuit, batch: Batch) -> Prior:
    """The prior of ``circuit`` on normalised spectra (thesis 3.5.1, 3.5.2).

    Resistances share the range of the real part; characteristic frequencies are spread
    over the window in the order of their elements, lowest first; magnitudes of CPEs are
    what is seen at their end of the spectrum.
    """
    guess = _Sizes(circuit, batch)
    mean, deviation = np.empty((len(batch), len(circuit))), np.empty(len(circuit))
    for leaf in circuit.leaves:
        for index, parameter in enumerate(leaf.element.parameters, leaf.start):
            if parameter.fraction:
                key = (leaf.element.symbol, parameter.name)
                mean[:, index], deviation[index] = EXPONENTS.get(key, ARC_EXPONENT)
            else:
                mean[:, index] = guess.of(leaf.name, leaf.element.symbol, parameter.name)
                deviation[index] = 3.0
    return Prior(mean, deviation)


class _Sizes:
    """Expected coordinates of the positive parameters of one circuit on one batch."""

    def __init__(self, circuit: Circuit, batch: Batch) -> None:
        rows = np.arange(len(batch))
        last = (batch.weight > 0).sum(axis=1) - 1
        real, there = batch.impedance.real, batch.weight > 0
        smallest = np.where(there, real, np.inf).min(axis=1)
        largest = np.where(there, real, -np.inf).max(axis=1)
        self.series = np.log(np.maximum(smallest, 0.01))
        self.range = np.log(np.maximum(largest - smallest, 0.02))
        self.tail = np.log(np.maximum(-batch.impedance.imag[rows, last], 0.05))
        self.coil = np.log(np.maximum(batch.impedance.imag[rows, 0], 0.01))
        self.low, self.high = batch.low, batch.high
        chain = {leaf.name for leaf in circuit.chain}
        symbols = {leaf.name: leaf.element.symbol for leaf in circuit.leaves}
        inner = [n for n, s in symbols.items() if s == "C" or (s == "CPE" and n not in chain)]
        # Arcs are numbered from the slowest; other circuits are written from the fastest.
        timed = [n for n, s in symbols.items() if s in ("Wo", "Ws")] + inner[::-1]
        timed += [n for n, s in symbols.items() if s in ("ZARC", "ZARCW")]
        self.place = {name: (i + 0.5) / len(timed) for i, name in enumerate(timed)}
        self.arcs = max(len(timed), 1)
        self.beside = set(inner)

    def of(self, name: str, symbol: str, parameter: str) -> FloatArray:
        place = self.place.get(name, 0.5)
        centre = self.low + place * (self.high - self.low)
        resistance = self.range - np.log(self.arcs)
        if symbol == "LZARC":
            above: FloatArray = self.high - np.log(2 * np.pi) + 1.0
            return self.coil if parameter == "R" else above
        if symbol == "CPE" and name in self.beside:
            # |Z| equals the resistance beside it at the centre.
            beside: FloatArray = -resistance - 0.8 * centre
            return beside
        table: dict[tuple[str, str], FloatArray] = {
            ("R", "R"): self.series,
            ("L", "L"): self.coil - self.high,
            ("La", "L"): self.coil,
            ("CPE", "Q"): self.tail,
            ("ZARCW", "Q"): self.tail,
            ("W", "A"): self.tail + self.low / 2,
            ("C", "C"): -resistance - centre,
        }
        by_parameter: dict[str, FloatArray] = {
            "R": resistance,
            "fc": centre - np.log(2 * np.pi),
            "tau": -centre,
        }
        return table[symbol, parameter] if (symbol, parameter) in table else by_parameter[parameter]

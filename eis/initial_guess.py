"""Where fits start: classical guesses for any circuit, behind one small protocol.

The subset guess lays a grid of arcs, each with a fixed characteristic frequency and
exponent, over the window. What remains unknown is linear, so every choice of arcs is one
small least-squares problem from a common Gram matrix, and the best choice is a start.
"""

from dataclasses import dataclass
from functools import lru_cache
from itertools import combinations
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.spectra import ComplexArray, FloatArray
from eis.batches import Batch
from eis.circuits import Circuit, Leaf
from eis.coordinates import Coordinates, coordinates_of, prior_of
from eis.elements import constant_phase, inductive_constant_phase, inductive_zarc, zarc


class InitialGuess(Protocol):
    """Something that guesses where to start a fit."""

    @property
    def name(self) -> str: ...

    def starts(self, circuit: Circuit, batch: Batch) -> list[FloatArray]:
        """Coordinates (B, P), best start first; empty when it does not know the circuit."""


@dataclass(frozen=True, slots=True)
class SpreadGuess:
    """The mean of the prior: arcs spread evenly over the window. Knows every circuit."""

    name: str = "spread"

    def starts(self, circuit: Circuit, batch: Batch) -> list[FloatArray]:
        return [prior_of(circuit, batch).mean.copy()]


@dataclass(frozen=True, slots=True)
class ScatteredGuess:
    """The best of many draws around the prior, the same ones for every spectrum. Knows every circuit."""

    count: int = 2
    draws: int = 96
    seed: int = 1
    name: str = "scattered"

    def starts(self, circuit: Circuit, batch: Batch) -> list[FloatArray]:
        prior = prior_of(circuit, batch)
        rng = np.random.default_rng(self.seed)
        steps = rng.normal(size=(self.draws, 1, len(circuit))) * np.minimum(prior.deviation, 1.5)
        coordinates = coordinates_of(circuit)
        draws = prior.mean + steps
        misfits = np.array([_misfit(coordinates, draw, batch) for draw in draws])
        best = np.argsort(misfits, axis=0)[: self.count]
        return list(draws[best, np.arange(len(batch))])


ARC_PLACES = 9
ARC_PHI = 0.82
TAIL_PHI = (0.5, 0.8)
COIL_ALPHA = 0.95
COIL_ARC_PHI = 0.9
COIL_ARC_ABOVE = 1.0  # ln of its characteristic frequency over the highest measured


def _misfit(coordinates: Coordinates, u: FloatArray, batch: Batch) -> FloatArray:
    """Mean square (B,) of residuals over the spread of each part."""
    values = coordinates.parameters(u, batch)
    omega = np.exp(batch.log_omega)
    away = coordinates.circuit.impedance(values, omega / (2 * np.pi)) - batch.impedance
    square = (away.real / batch.spread[:, :1]) ** 2 + (away.imag / batch.spread[:, 1:]) ** 2
    misfit: FloatArray = (square * batch.weight).sum(axis=1) / (2 * batch.points)
    return misfit


@dataclass(frozen=True, slots=True)
class SubsetGuess:
    """The best choices of arcs on a grid; knows circuits of R, La, LZARC, ZARC, ZARCW and CPE."""

    count: int = 1
    name: str = "subset"

    def starts(self, circuit: Circuit, batch: Batch) -> list[FloatArray]:
        plan = _plan(circuit)
        if plan is None:
            return []
        basis, places = _basis(batch)
        chosen, sizes = _best_subsets(plan, basis, batch, self.count)
        return [
            _assemble(circuit, batch, plan, places, chosen[:, k], sizes[:, k])
            for k in range(self.count)
        ]


@dataclass(frozen=True, slots=True, eq=False)
class _Plan:
    """Columns of the dictionary per candidate (K, n), and which elements they stand for."""

    candidates: NDArray[np.intp]
    roles: tuple[str, ...]
    arcs: tuple[Leaf, ...]


# Dictionary columns: R, La, LZARC, CPEs, then arcs from low to high frequency.
FIRST_TAIL = 3
FIRST_ARC = FIRST_TAIL + len(TAIL_PHI)


@lru_cache(maxsize=64)
def _plan(circuit: Circuit) -> _Plan | None:
    found = {leaf.element.symbol: leaf for leaf in circuit.leaves}
    arcs = tuple(leaf for leaf in circuit.leaves if leaf.element.symbol in ("ZARC", "ZARCW"))
    single = [leaf for leaf in circuit.leaves if leaf not in arcs]
    known = {"R", "La", "LZARC", "ZARC", "ZARCW", "CPE"}
    in_series = "p(" not in circuit.text
    if not in_series or not set(found) <= known or len({x.element for x in single}) < len(single):
        return None
    if not 1 <= len(arcs) <= 4 or "ZARCW" in {leaf.element.symbol for leaf in arcs[1:]}:
        return None
    fixed = [i for i, symbol in enumerate(("R", "La", "LZARC")) if symbol in found]
    roles = [("R", "La", "LZARC")[i] for i in fixed]
    tails: list[list[int]] = [[]]
    if "CPE" in found or "ZARCW" in found:
        tails = [[FIRST_TAIL + i] for i in range(len(TAIL_PHI))]
        roles.append("tail")
    choices = list(combinations(range(FIRST_ARC, FIRST_ARC + ARC_PLACES), len(arcs)))
    rows = [[*fixed, *tail, *choice] for tail in tails for choice in choices]
    return _Plan(np.array(rows), (*roles, *(leaf.name for leaf in arcs)), arcs)


def _basis(batch: Batch) -> tuple[ComplexArray, FloatArray]:
    """Impedance (B, K, F) of every column at unit size, and ln ωc (B, G) of the arcs."""
    share = (np.arange(ARC_PLACES) + 0.25) / (ARC_PLACES - 0.5)
    places = batch.low[:, None] + share * (batch.high - batch.low)[:, None]
    omega = np.exp(batch.log_omega)
    low, high = np.exp(batch.low)[:, None], np.exp(batch.high)[:, None]
    coil_fc = high * np.exp(COIL_ARC_ABOVE) / (2 * np.pi)
    columns = [
        np.ones_like(omega, dtype=np.complex128),
        inductive_constant_phase(omega / high, 1.0, COIL_ALPHA),
        inductive_zarc(omega, 1.0, coil_fc, COIL_ARC_PHI),
        *(constant_phase(omega / low, 1.0, phi) for phi in TAIL_PHI),
    ]
    arcs = zarc(omega[:, None], 1.0, np.exp(places)[:, :, None] / (2 * np.pi), ARC_PHI)
    return np.concatenate([np.stack(columns, axis=1), arcs], axis=1), places


def _best_subsets(
    plan: _Plan, basis: ComplexArray, batch: Batch, count: int
) -> tuple[NDArray[np.intp], FloatArray]:
    """Indices (B, count) of the best candidates, no two with nearly the same arcs; sizes."""
    weight = np.sqrt(batch.weight)
    real, imaginary = weight / batch.spread[:, :1], weight / batch.spread[:, 1:]
    parts = [basis.real * real[:, None], basis.imag * imaginary[:, None]]
    matrix = np.concatenate(parts, axis=2)
    target = np.concatenate([batch.impedance.real * real, batch.impedance.imag * imaginary], axis=1)
    gram = matrix @ matrix.transpose(0, 2, 1)
    gram += 1e-9 * np.trace(gram, axis1=1, axis2=2)[:, None, None] * np.eye(gram.shape[1])
    product = (matrix @ target[:, :, None])[:, :, 0]
    columns = plan.candidates
    small = gram[:, columns[:, :, None], columns[:, None, :]]
    right = product[:, columns]
    sizes = np.maximum(np.linalg.solve(small, right[..., None])[..., 0], 1e-3)
    misfit = np.einsum("bki,bki->bk", sizes, (small @ sizes[..., None])[..., 0] - 2 * right)
    chosen = np.empty((len(batch), count), dtype=np.intp)
    alike = _alike(plan)
    for k in range(count):
        chosen[:, k] = misfit.argmin(axis=1)
        misfit = np.where(alike[chosen[:, k]], np.inf, misfit)
    return chosen, np.take_along_axis(sizes, chosen[:, :, None], axis=1)


def _alike(plan: _Plan) -> NDArray[np.bool_]:
    """Which candidates (K, K) share all but one of their arcs."""
    arcs = len(plan.arcs)
    chosen = plan.candidates[:, -arcs:]
    shared = (chosen[:, None, :, None] == chosen[None, :, None, :]).any(axis=3).sum(axis=2)
    same: NDArray[np.bool_] = shared >= max(arcs - 1, 1)
    return same


def _assemble(
    circuit: Circuit,
    batch: Batch,
    plan: _Plan,
    places: FloatArray,
    chosen: NDArray[np.intp],
    sizes: FloatArray,
) -> FloatArray:
    """Coordinates (B, P) of the chosen candidates."""
    u = prior_of(circuit, batch).mean.copy()
    columns = plan.candidates[chosen]
    size = {role: np.log(sizes[:, i]) for i, role in enumerate(plan.roles)}
    column = {role: columns[:, i] for i, role in enumerate(plan.roles)}
    rows = np.arange(len(batch))
    logit = {phi: np.log(phi / (1 - phi)) for phi in (ARC_PHI, COIL_ALPHA, COIL_ARC_PHI, *TAIL_PHI)}
    tail_phi = np.array([logit[phi] for phi in TAIL_PHI])
    for leaf in circuit.leaves:
        at, symbol = leaf.start, leaf.element.symbol
        if symbol in ("ZARC", "ZARCW"):
            u[:, at] = size[leaf.name]
            u[:, at + 1] = places[rows, column[leaf.name] - FIRST_ARC] - np.log(2 * np.pi)
            u[:, at + 2] = logit[ARC_PHI]
        elif symbol in ("R", "La"):
            u[:, at] = size[symbol]
        elif symbol == "LZARC":
            u[:, at] = size[symbol]
            u[:, at + 1] = batch.high + COIL_ARC_ABOVE - np.log(2 * np.pi)
            u[:, at + 2] = logit[COIL_ARC_PHI]
        if symbol in ("CPE", "ZARCW"):
            first = at + (3 if symbol == "ZARCW" else 0)
            u[:, first] = size["tail"]
            u[:, first + 1] = tail_phi[column["tail"] - FIRST_TAIL]
    return u

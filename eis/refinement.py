"""Batched Levenberg-Marquardt with exact Jacobians: every spectrum of a batch at once.

The objective is the mean square of residuals over the spread of the real and of the
imaginary part (thesis 3.5.10), plus small penalties: distance from the prior, and
characteristic frequencies outside the window (thesis 3.5.4, 3.5.5). Penalties are weighted by the
present misfit, taken as a constant (thesis 3.5.7), so they decide between equals and bend
no good fit. Damping follows Nielsen (1999), IMM-REP-1999-05.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.spectra import BoolArray, FloatArray
from eis.batches import Batch
from eis.coordinates import Coordinates, Prior

LONGEST_STEP = 1.5  # in logarithms: one step changes no parameter by more than a factor of 5
FIRST_DAMPING = 1e-2
SMALL_FALL = 1e-3  # of the misfit; two such steps in a row and a run has settled
TOGETHER = 64  # runs that step together: their Jacobians fit the cache of one core
UNKNOWN = 1e290  # misfit of a start that is not evaluated yet
EDGE = 0.5  # weight of characteristic frequencies outside the window


Rows = NDArray[np.intp]


@dataclass(frozen=True, slots=True, eq=False)
class Objective:
    """What is minimised: ``penalty`` is the weight of the prior, ``edges`` the columns of fc."""

    coordinates: Coordinates
    penalty: float
    edges: tuple[int, ...]


@dataclass(slots=True, eq=False)
class Point:
    """Coordinates (B, P), misfit and penalty (B,), gradients and curvatures of both."""

    u: FloatArray
    misfit: FloatArray
    gradient: FloatArray
    curvature: FloatArray
    penalty: FloatArray
    penalty_gradient: FloatArray
    penalty_curvature: FloatArray

    def replace(self, rows: BoolArray, other: "Point") -> None:
        """Take ``rows`` of ``other``."""
        for name in self.__slots__:
            getattr(self, name)[rows] = getattr(other, name)[rows]


def evaluate(objective: Objective, u: FloatArray, batch: Batch, prior: Prior) -> Point:
    """Misfit, which is the square of the scaled error, and Gauss-Newton terms at ``u``."""
    impedance, slopes = objective.coordinates.slopes(u, batch)
    B, F = impedance.shape
    root = np.sqrt(batch.weight / (2 * batch.points[:, None]))[..., None] / batch.spread[:, None]
    weight = root.reshape(B, 2 * F)
    # Real and imaginary parts are neighbours, as they lie in memory: nothing is copied.
    residual = (impedance - batch.impedance).view(np.float64)
    residual *= weight
    jacobian = slopes.view(np.float64)  # (B, P, 2F)
    jacobian *= weight[:, None]
    penalty, gradient, curvature = _penalties(objective, u, batch, prior)
    return Point(
        u=u,
        misfit=np.einsum("bf,bf->b", residual, residual),
        gradient=(jacobian @ residual[:, :, None])[:, :, 0],
        curvature=jacobian @ jacobian.transpose(0, 2, 1),
        penalty=penalty,
        penalty_gradient=gradient,
        penalty_curvature=curvature,
    )


def _penalties(
    objective: Objective, u: FloatArray, batch: Batch, prior: Prior
) -> tuple[FloatArray, FloatArray, FloatArray]:
    """Penalty (B,), half its gradient and half its (diagonal) curvature (B, P)."""
    away = (u - prior.mean) / prior.deviation
    gradient = away / prior.deviation
    curvature = np.broadcast_to(prior.deviation**-2, u.shape).copy()
    penalty = np.einsum("bp,bp->b", away, away)
    for column in objective.edges:
        log_omega = u[:, column] + np.log(2 * np.pi)
        beyond = np.maximum(log_omega - batch.high, 0) + np.minimum(log_omega - batch.low, 0)
        penalty += EDGE * beyond**2
        gradient[:, column] += EDGE * beyond
        curvature[:, column] += EDGE * (beyond != 0)
    return objective.penalty * penalty, objective.penalty * gradient, objective.penalty * curvature


@dataclass(slots=True, eq=False)
class Runs:
    """Refinements under way: N of them, of the spectra ``rows`` (N,) of a batch.

    Coordinates ``u`` (N, P), their misfit, and the damping (N,) with which they go on.
    """

    rows: Rows
    u: FloatArray
    misfit: FloatArray
    damping: FloatArray

    @classmethod
    def of(cls, rows: Rows, u: FloatArray) -> "Runs":
        return cls(rows, u, np.full(len(u), np.inf), np.full(len(u), FIRST_DAMPING))

    def take(self, chosen: Rows) -> "Runs":
        return Runs(*(getattr(self, name)[chosen] for name in self.__slots__))


def refine(
    objective: Objective, start: FloatArray, batch: Batch, prior: Prior, iterations: int
) -> tuple[FloatArray, FloatArray]:
    """Coordinates (B, P) and misfit (B,) after at most ``iterations`` steps from ``start``."""
    runs = Runs.of(np.arange(len(batch)), start)
    refine_runs(objective, runs, batch, prior, iterations)
    return runs.u, runs.misfit


def refine_runs(
    objective: Objective, runs: Runs, batch: Batch, prior: Prior, iterations: int
) -> None:
    """Take up to ``iterations`` steps in each of ``runs``, ``TOGETHER`` of them at a time.

    A run that has settled gives its place to the next, so arrays stay as long as is quickest.
    """
    active = _Active.none(runs)
    following = 0
    while following < len(runs.u) or len(active.index):
        free = TOGETHER - len(active.index)
        if following < len(runs.u) and (free >= TOGETHER // 8 or not len(active.index)):
            new = np.arange(following, min(following + free, len(runs.u)))
            following += len(new)
            active = active.joined(runs, new)
            rows = runs.rows[active.index]
            some, some_prior = batch.take(rows), prior.take(rows)
        trial_u, predicted = active.step()
        settled = active.judge(evaluate(objective, trial_u, some, some_prior), predicted)
        settled |= active.steps > iterations
        if settled.any():
            active.store(runs, settled)
            stay = ~settled
            active = active.take(stay)
            some, some_prior = some.take(stay), some_prior.take(stay)


@dataclass(slots=True, eq=False)
class _Active:
    """Runs that are stepping now: damping of each (N,), and when it has settled."""

    index: Rows
    point: Point
    damping: FloatArray
    growth: FloatArray
    quiet: Rows
    steps: Rows

    @classmethod
    def none(cls, runs: Runs) -> "_Active":
        return cls._begun(runs, np.arange(0))

    @classmethod
    def _begun(cls, runs: Runs, new: Rows) -> "_Active":
        """Runs before their start is evaluated: the first step goes nowhere and is accepted."""
        u, N, P = runs.u[new], len(new), runs.u.shape[1]
        flat, none = np.zeros((N, P)), np.zeros(N)
        eye = np.broadcast_to(np.eye(P), (N, P, P)).copy()
        point = Point(u, np.full(N, UNKNOWN), flat, eye, none, flat.copy(), flat.copy())
        count = np.zeros(N, dtype=np.intp)
        # An accepted step divides damping by 3.
        return cls(new, point, 3 * runs.damping[new], np.full(N, 2.0), count, count.copy())

    def joined(self, runs: Runs, new: Rows) -> "_Active":
        other = self._begun(runs, new)
        point = Point(*(_both(self.point, other.point, name) for name in Point.__slots__))
        others = ("damping", "growth", "quiet", "steps")
        return _Active(
            _both(self, other, "index"), point, *(_both(self, other, name) for name in others)
        )

    def take(self, chosen: BoolArray) -> "_Active":
        point = Point(*(getattr(self.point, name)[chosen] for name in Point.__slots__))
        others = ("damping", "growth", "quiet", "steps")
        return _Active(self.index[chosen], point, *(getattr(self, n)[chosen] for n in others))

    def store(self, runs: Runs, settled: BoolArray) -> None:
        index, misfit = self.index[settled], self.point.misfit[settled]
        runs.u[index], runs.damping[index] = self.point.u[settled], self.damping[settled]
        runs.misfit[index] = np.where(misfit < UNKNOWN, misfit, np.inf)

    def step(self) -> tuple[FloatArray, FloatArray]:
        """Trial coordinates (N, P) and the predicted fall of the objective (N,)."""
        point = self.point
        weight = point.misfit[:, None]
        gradient = point.gradient + weight * point.penalty_gradient
        matrix = point.curvature.copy()
        diagonal = np.einsum("bpp->bp", matrix)
        diagonal += weight * point.penalty_curvature
        floor = 1e-6 * diagonal.max(axis=1, keepdims=True) + 1e-300
        extra = self.damping[:, None] * np.maximum(diagonal, floor)
        diagonal += extra
        move = -np.linalg.solve(matrix, gradient[:, :, None])[:, :, 0]
        longest = np.abs(move).max(axis=1, keepdims=True)
        short = np.minimum(1, LONGEST_STEP / np.maximum(longest, 1e-300))
        move *= short
        # Fall of the quadratic model along the move; (H + D) m = -g before shortening.
        fall = -np.einsum("bp,bp->b", move, gradient) * (2 - short[:, 0])
        fall += np.einsum("bp,bp->b", move * extra, move)
        return point.u + move, fall

    def judge(self, trial: Point, predicted: FloatArray) -> BoolArray:
        """Accept better trials; return which runs have settled."""
        point = self.point
        weight = np.where(point.misfit < UNKNOWN, point.misfit, 0)
        before = point.misfit + weight * point.penalty
        fall = before - (trial.misfit + weight * trial.penalty)
        better = np.isfinite(fall) & (fall > 0)
        fall = np.where(better, fall, 0.0)
        ratio = fall / np.maximum(np.maximum(predicted, fall), 1e-300)
        shrink = np.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3)
        self.damping = np.where(better, self.damping * shrink, self.damping * self.growth)
        self.damping = np.clip(self.damping, 1e-9, 1e12)
        self.growth = np.where(better, 2.0, self.growth * 2)
        small = better & (fall < SMALL_FALL * before)
        self.quiet = np.where(better, np.where(small, self.quiet + 1, 0), self.quiet)
        self.steps = self.steps + 1
        point.replace(better, trial)
        done: BoolArray = (self.quiet >= 2) | (self.damping > 1e8) | (point.misfit < 1e-20)
        return done


def _both(first: Any, second: Any, name: str) -> Any:
    return np.concatenate([getattr(first, name), getattr(second, name)])

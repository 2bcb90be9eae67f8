"""Batched Levenberg-Marquardt with exact Jacobians: every spectrum of a batch at once.

The objective is the mean square of residuals over the spread of the real and of the
imaginary part (thesis 3.5.10), plus small penalties: distance from the prior, and
characteristic frequencies outside the window (thesis 3.5.4, 3.5.5). Penalties are weighted by the
present misfit, taken as a constant (thesis 3.5.7), so they decide between equals and bend
no good fit. Damping follows Nielsen (1999), IMM-REP-1999-05.
"""

from dataclasses import dataclass

import numpy as np

from battery_db.lib.spectra import BoolArray, FloatArray
from eis.batches import Batch
from eis.coordinates import Coordinates, Prior

LONGEST_STEP = 3.0  # in logarithms: one step changes no parameter by more than a factor of 20
EDGE = 0.5  # weight of characteristic frequencies outside the window


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
    B, P, F = slopes.shape
    root = np.sqrt(batch.weight / (2 * batch.points[:, None]))
    real, imaginary = root / batch.spread[:, :1], root / batch.spread[:, 1:]
    residual = np.empty((B, 2 * F))
    jacobian = np.empty((B, P, 2 * F))
    difference = impedance - batch.impedance
    np.multiply(difference.real, real, out=residual[:, :F])
    np.multiply(difference.imag, imaginary, out=residual[:, F:])
    np.multiply(slopes.real, real[:, None], out=jacobian[:, :, :F])
    np.multiply(slopes.imag, imaginary[:, None], out=jacobian[:, :, F:])
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


def refine(
    objective: Objective, start: FloatArray, batch: Batch, prior: Prior, iterations: int
) -> tuple[FloatArray, FloatArray]:
    """Coordinates (B, P) and misfit (B,) after at most ``iterations`` steps from ``start``.

    Spectra that have settled leave the batch, so the cost is that of the steps needed.
    """
    coordinates, misfit = start.copy(), np.full(len(batch), np.inf)
    rows = np.arange(len(batch))
    point = evaluate(objective, start.copy(), batch, prior)
    state = _Damping(len(batch))
    for _ in range(iterations):
        trial_u, predicted = state.step(point)
        trial = evaluate(objective, trial_u, batch, prior)
        settled = state.judge(point, trial, predicted)
        if settled.any():
            coordinates[rows[settled]] = point.u[settled]
            misfit[rows[settled]] = point.misfit[settled]
            stay = ~settled
            if not stay.any():
                return coordinates, misfit
            rows, batch, prior = rows[stay], batch.take(stay), prior.take(stay)
            point = Point(*(getattr(point, name)[stay] for name in Point.__slots__))
            state.take(stay)
    coordinates[rows], misfit[rows] = point.u, point.misfit
    return coordinates, misfit


class _Damping:
    """Damping of each spectrum, and when it has settled."""

    def __init__(self, size: int) -> None:
        self.damping = np.full(size, 1e-2)
        self.growth = np.full(size, 2.0)
        self.quiet = np.zeros(size, dtype=int)

    def take(self, rows: BoolArray) -> None:
        self.damping, self.growth = self.damping[rows], self.growth[rows]
        self.quiet = self.quiet[rows]

    def step(self, point: Point) -> tuple[FloatArray, FloatArray]:
        """Trial coordinates (B, P) and the predicted fall of the objective (B,)."""
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

    def judge(self, point: Point, trial: Point, predicted: FloatArray) -> BoolArray:
        """Accept better trials into ``point``; return which spectra have settled."""
        weight = point.misfit
        before = point.misfit + weight * point.penalty
        fall = before - (trial.misfit + weight * trial.penalty)
        better = np.isfinite(fall) & (fall > 0)
        ratio = np.where(better, fall / np.maximum(predicted, 1e-300), 0.0)
        shrink = np.maximum(1 / 3, 1 - (2 * ratio - 1) ** 3)
        self.damping = np.where(better, self.damping * shrink, self.damping * self.growth)
        self.damping = np.clip(self.damping, 1e-9, 1e12)
        self.growth = np.where(better, 2.0, self.growth * 2)
        small = np.where(better, fall < 1e-4 * before, False)
        self.quiet = np.where(better, np.where(small, self.quiet + 1, 0), self.quiet)
        point.replace(better, trial)
        done: BoolArray = (self.quiet >= 2) | (self.damping > 1e8) | (point.misfit < 1e-20)
        return done

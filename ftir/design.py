"""Which mixtures to weigh next, so that a calibration learns the most (D-optimal).

The amounts of pairs in a mixture (``ftir.mixtures.pair_amounts``) are the rows of a
linear model in the pair spectra. A set of mixtures is D-optimal when the determinant
of its normal matrix is largest: the confidence ellipsoid of the pair spectra is then
smallest. Mixtures are added greedily and then exchanged (Fedorov 1972, Theory of
Optimal Experiments) over a grid of candidates within the given limits.
"""

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError
from ftir.calibration import VibrationModel
from ftir.mixtures import TINY, pair_amounts, within
from ftir.smoothing import SmoothSystem

Array = NDArray[np.float64]
RIDGE = 1e-3  # prior knowledge: Beer's law holds roughly, so no direction is wholly free
SEVERAL = 3  # components that each mixture holds at least, where there are as many
PRESENT = 0.05  # mass fraction from which a component counts as held
JUDGED_BY = 300  # candidates over which an expected error is averaged
MEAN_OF_HALF_WIDTH = 0.49  # mean |error| of a normal deviate over its 90 % half width
STEP = 20  # candidates lie on twentieths of each component's range


@dataclass(frozen=True, slots=True)
class Design:
    """Mixtures to weigh (n, N) and what is expected of the calibration with them.

    ``expected_error`` is relative to that of the calibration as it is (or of a first
    one): the root mean variance of spectra over the candidates.
    """

    mass_ratio: Array
    expected_error_before: float
    expected_error: float


def propose(
    count: int,
    components: tuple[str, ...],
    largest: Array,
    known: Array | None = None,
    seed: int = 0,
) -> Design:
    """``count`` mixtures to add to the ``known`` ones (k, N).

    ``largest`` (N,) limits each mass fraction (a salt dissolves so far only). Raises
    LabError for limits that allow no mixture.
    """
    if count < 1 or count > 200:
        raise LabError(f"{count} mixtures were asked for.", fix="Ask for 1 to 200.")
    candidates = candidate_mixtures(largest, seed)
    if len(candidates) < 2:
        raise LabError(
            "No mixture satisfies the limits: the largest fractions sum to less than 1.",
            fix="Allow more of at least one of " + ", ".join(components) + ".",
        )
    rows = pair_amounts(candidates)
    start = RIDGE * np.eye(rows.shape[1])
    if known is not None and len(known):
        own = pair_amounts(known)
        start = start + own.T @ own
    chosen = _exchange(rows, _greedy(rows, start, count), start)
    full = start + rows[chosen].T @ rows[chosen]
    order = sorted(chosen, key=lambda index: tuple(-candidates[index]))
    return Design(candidates[order], _expected(rows, start), _expected(rows, full))


def candidate_mixtures(largest: Array, seed: int = 0, count: int = 2000) -> Array:
    """The allowed part of the simplex, (c, N), without mixtures of one or two components.

    Those are optimal for a model that is exact. In a real one they are the mixtures
    that it is furthest from, and users ask for others: with three components or more,
    25 designed mixtures calibrate better than the thesis's 48, without that worse.
    """
    top = np.minimum(largest, 1.0)
    total = len(top)
    found = [row for row in np.eye(total) if (row <= top + 1e-9).all()]
    for j, k in combinations(range(total), 2):
        for share in np.linspace(0, 1, STEP + 1)[1:-1]:
            row = np.zeros(total)
            row[j], row[k] = share * top[j], 1 - share * top[j]
            found.append(row)
            other = np.zeros(total)
            other[k], other[j] = share * top[k], 1 - share * top[k]
            found.append(other)
    rng = np.random.default_rng(seed)
    inner = rng.dirichlet(np.full(total, 0.8), size=count)
    inner = within(inner, top)
    rounded = np.round(np.array([*found, *inner]), 3)
    rounded[:, -1] += 1 - rounded.sum(axis=1)
    allowed = (rounded <= top + 1e-6).all(axis=1) & (rounded >= -1e-9).all(axis=1)
    result: Array = np.unique(np.maximum(rounded[allowed], 0.0), axis=0)
    held = (result >= np.minimum(PRESENT, top / 4)) & (result > 0)
    several = held.sum(axis=1) >= min(SEVERAL, int((top > 0).sum()))
    return result[several] if several.sum() > 1 else result


def _greedy(rows: Array, start: Array, count: int) -> list[int]:
    inverse = np.linalg.inv(start)
    chosen: list[int] = []
    for _ in range(count):
        gain = np.einsum("ij,jk,ik->i", rows, inverse, rows)
        best = int(np.argmax(gain))
        chosen.append(best)
        step = inverse @ rows[best]
        inverse = inverse - np.outer(step, step) / (1 + gain[best])
    return chosen


def _exchange(rows: Array, chosen: list[int], start: Array) -> list[int]:
    """Replace mixtures one by one while the determinant grows."""
    chosen = list(chosen)
    for _ in range(5):
        changed = False
        for place in range(len(chosen)):
            others = chosen[:place] + chosen[place + 1 :]
            inverse = np.linalg.inv(start + rows[others].T @ rows[others])
            gain = np.einsum("ij,jk,ik->i", rows, inverse, rows)
            best = int(np.argmax(gain))
            if gain[best] > gain[chosen[place]] * (1 + 1e-6):
                chosen[place], changed = best, True
        if not changed:
            break
    return chosen


def _expected(rows: Array, normal: Array) -> float:
    variance = np.einsum("ij,jk,ik->i", rows, np.linalg.inv(normal), rows)
    return float(np.sqrt(variance.mean()))


def expected_errors(
    model: VibrationModel, interval_scale: Array, largest: Array, added: Array
) -> tuple[Array, Array]:
    """Mean absolute error (N,) over the simplex now, and with ``added`` mixtures (n, N).

    ``interval_scale`` is that of the calibration's cross-validation. The posterior
    variance of the encoder falls by what spectra of the added mixtures, drawn from A,
    tell (Woodbury's identity).
    """
    spectra = pair_amounts(candidate_mixtures(largest)) @ model.pair_spectra
    spectra = spectra[:: max(1, len(spectra) // JUDGED_BY)]
    new = pair_amounts(added) @ model.pair_spectra
    system = SmoothSystem(spectra.shape[1], *model.leverage_ridge)

    def covariance(first: Array, second: Array) -> Array:
        explained = (first @ model.leverage_rows.T) @ (second @ model.leverage_rows.T).T
        result: Array = first @ system.solve(second.T) - explained
        return result

    shared = covariance(spectra, new)
    inner = np.eye(len(new)) + covariance(new, new)
    before = np.maximum(model.leverage(spectra), TINY)
    after = before - np.einsum("cn,cn->c", shared, np.linalg.solve(inner, shared.T).T)
    scale = MEAN_OF_HALF_WIDTH * interval_scale
    return scale * np.sqrt(before).mean(), scale * np.sqrt(np.maximum(after, TINY)).mean()

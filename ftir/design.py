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
from ftir.mixtures import pair_amounts, pairs, within

Array = NDArray[np.float64]
RIDGE = 1e-3  # prior knowledge: Beer's law holds roughly, so no direction is wholly free
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
    """Corners, edges and interior of the allowed part of the simplex, (c, N)."""
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
    return result


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


def unseen_pairs(
    components: tuple[str, ...], pair_seen: NDArray[np.bool_]
) -> tuple[tuple[str, str], ...]:
    """Pairs of components that no known mixture holds together."""
    return tuple(
        (components[j], components[k])
        for j, k in pairs(len(components))
        if j != k and not pair_seen[j, k]
    )


def expected_composition_error(
    model: VibrationModel, interval_scale: Array, mass_ratio: Array, level_factor: float = 0.6
) -> Array:
    """Expected mean absolute error (N,) over ``mass_ratio`` mixtures, by leverage.

    ``interval_scale`` is that of the calibration's cross-validation. The mean absolute
    error of a normal deviate is 0.49 of its 90 % half width; 0.6 allows for tails.
    """
    spectra = pair_amounts(mass_ratio) @ model.pair_spectra
    result: Array = level_factor * interval_scale * np.sqrt(model.leverage(spectra)).mean()
    return result

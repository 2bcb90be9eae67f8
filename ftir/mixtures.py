"""The vibration-mode models: from mass ratios to a spectrum, and its parts.

Thesis, sections 4.2.2-4.2.4. A mixture with concentrations ``c`` (arbitrary units, their
sum is the optical path ``p``; mass ratios ``m = c / p``) absorbs

    s_i = sum_jk c_j A_ijk m_k = p sum_jk m_j A_ijk m_k          (Linear-VM)

with A symmetric in j and k: the spectrum of a component depends linearly on what it is
mixed with. Constant-VM (Beer's law) is the special case A_jk = (A_jj + A_kk) / 2. Only
pairs j <= k are kept, as rows of ``pair_spectra``; the order is that of ``pairs``.
"""

from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError

Array = NDArray[np.float64]
TINY = 1e-12


@lru_cache
def pairs(count: int) -> tuple[tuple[int, int], ...]:
    """All (j, k) with j <= k: first the ``count`` components themselves, then the mixed pairs."""
    own = [(j, j) for j in range(count)]
    mixed = [(j, k) for j in range(count) for k in range(j + 1, count)]
    return (*own, *mixed)


def pair_amounts(mass_ratio: Array) -> Array:
    """How much each pair counts in a mixture: m_j^2, and 2 m_j m_k; (n, N) -> (n, P).

    Rows of mass ratios that sum to 1 give amounts that sum to 1.
    """
    columns = [
        mass_ratio[:, j] * mass_ratio[:, k] * (1.0 if j == k else 2.0)
        for j, k in pairs(mass_ratio.shape[1])
    ]
    return np.stack(columns, axis=1)


def excess_operator(count: int) -> Array:
    """Rows that give A_jk - (A_jj + A_kk) / 2 for each mixed pair, 0 when Beer's law holds."""
    rows = []
    for index, (j, k) in enumerate(pairs(count)):
        if j != k:
            row = np.zeros(len(pairs(count)))
            row[index], row[j], row[k] = 1.0, -0.5, -0.5
            rows.append(row)
    return np.array(rows).reshape(-1, len(pairs(count)))


def thesis_operator(count: int) -> Array:
    """Rows whose squares sum to L_linear of section 4.2.4: A_jk must not depend on k."""
    index = {pair: i for i, pair in enumerate(pairs(count))}
    rows = []
    for j in range(count):
        for k in range(count):
            row = np.zeros(len(index))
            for other in range(count):
                row[index[min(j, other), max(j, other)]] -= 1.0 / count
            row[index[min(j, k), max(j, k)]] += 1.0
            rows.append(row)
    return np.array(rows)


def beer_pairs(own: Array) -> Array:
    """Pair spectra of Constant-VM from the spectra of the components, (N, M) -> (P, M)."""
    return np.stack([(own[j] + own[k]) / 2 for j, k in pairs(len(own))])


def mass_ratios(concentration: Array) -> Array:
    """Concentrations as mass ratios; negative ones count as nothing (relu of 4.2.4), (n, N)."""
    positive = np.maximum(concentration, 0.0)
    result: Array = positive / (positive.sum(axis=1, keepdims=True) + TINY)
    return result


def mix(pair_spectra: Array, concentration: Array) -> Array:
    """Spectra of mixtures, (P, M) and (n, N) -> (n, M), in the unit of ``pair_spectra``."""
    positive = np.maximum(concentration, 0.0)
    path = positive.sum(axis=1, keepdims=True)
    result: Array = path * (pair_amounts(mass_ratios(concentration)) @ pair_spectra)
    return result


def partial_spectra(pair_spectra: Array, concentration: Array) -> Array:
    """What each component adds to one reconstructed spectrum, (N, M); they sum to ``mix``.

    Component j adds c_j sum_k A_jk m_k (figure 4.5 of the thesis).
    """
    positive = np.maximum(concentration, 0.0)
    ratio = mass_ratios(concentration[None])[0]
    parts = np.zeros((len(positive), pair_spectra.shape[1]))
    for spectrum, (j, k) in zip(pair_spectra, pairs(len(positive)), strict=True):
        parts[j] += positive[j] * ratio[k] * spectrum
        if j != k:
            parts[k] += positive[k] * ratio[j] * spectrum
    return parts


def normalised(mass_ratio: Array, components: tuple[str, ...], tolerance: float = 0.02) -> Array:
    """Rows of known mass ratios, brought to a sum of 1 exactly.

    Raises LabError, naming the row, where one is negative or the sum is off by more
    than ``tolerance``: that is a typing error and no rounding.
    """
    total = mass_ratio.sum(axis=1)
    bad = (np.abs(total - 1) > tolerance) | (mass_ratio < 0).any(axis=1)
    if not np.isfinite(mass_ratio).all() or bad.any():
        row = int(np.argmax(bad | ~np.isfinite(mass_ratio).all(axis=1)))
        given = ", ".join(
            f"{name} {value:g}" for name, value in zip(components, mass_ratio[row], strict=True)
        )
        raise LabError(
            f"The mass ratios of row {row + 1} must be 0 or more and sum to 1; found {given}"
            f" (sum {total[row]:g}).",
            fix="Correct that row; ratios are fractions of the total mass, not percent.",
        )
    result: Array = mass_ratio / total[:, None]
    return result


def within(mass_ratio: Array, largest: Array) -> Array:
    """Rows brought below ``largest`` (N,); what is cut off goes to the unlimited components.

    Where every component is limited, the row keeps its ratios instead.
    """
    free = largest >= 1 - 1e-9
    if not free.any():
        return mass_ratio
    result = np.where(free, mass_ratio, np.minimum(mass_ratio, largest))
    rest = 1 - result[:, ~free].sum(axis=1, keepdims=True)
    share = result[:, free] + TINY
    result[:, free] = rest * share / share.sum(axis=1, keepdims=True)
    return result

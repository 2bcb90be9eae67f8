"""Fit a vibration-mode model to spectra of known and unknown mixtures, in closed form.

The thesis (4.2.3, 4.2.4) minimises its penalties with Adam. Most of them are quadratic
once the optical paths are known, so alternating a few linear solves reaches the same
place thousands of times faster, always the same one, and cannot collapse to zero:

1. Path of each known mixture: a scalar least-squares fit of its spectrum. Two rounds,
   because with more the paths take up what is misfit of the model: compositions get
   worse while reconstructions get better.
2. Pair spectra A: for fixed mixtures a ridge problem. Eigenvectors of its P x P normal
   matrix decouple it into P smoothing problems of five diagonals each.
3. Encoder X (spectrum -> concentrations): ridge with a smoothness penalty.
4. Unknown mixtures join step 2 once, with the concentrations X gives them. Left free,
   they drift away from the truth; tied to X they fill pairs that no known mixture has.
5. X is fitted once more to the known mixtures and to virtual ones drawn from A, with
   shifted axes, baselines and departures of A, so that it ignores what instruments differ
   in and what A is unsure of.
"""

from dataclasses import dataclass, field, replace

import numpy as np
from numpy.typing import NDArray
from scipy.linalg import cho_solve, solve_triangular

from battery_db.lib.errors import LabError
from ftir.mixtures import (
    TINY,
    beer_pairs,
    excess_operator,
    mass_ratios,
    mix,
    normalised,
    pair_amounts,
    thesis_operator,
    within,
)
from ftir.penalties import Kind, Penalties
from ftir.smoothing import SmoothSystem

Array = NDArray[np.float64]
# Disturbances of virtual mixtures, standard deviations. Baselines are larger than any
# instrument's: X becomes blind to them, and is the same for everything above 5 %.
AXIS_SHIFT_PER_CM = 0.3
BASELINE = 0.1  # of the mean absorbance, each for an offset, a slope and a slow wave
EXCESS = 0.5  # of what A_jk differs from Beer's law by


@dataclass(frozen=True, slots=True)
class Samples:
    """Spectra on one grid: known mixtures (n, M) with mass ratios (n, N), unknown ones (u, M)."""

    components: tuple[str, ...]
    wavenumber_per_cm: Array
    absorbance: Array
    mass_ratio: Array
    unknown_absorbance: Array = field(default_factory=lambda: np.zeros((0, 0)))

    def checked(self) -> "Samples":
        """With ratios that sum to 1; raises LabError where they cannot be calibrated."""
        known, count = len(self.absorbance), len(self.components)
        if known < count:
            raise LabError(
                f"{known} known mixtures cannot calibrate {count} components.",
                fix=f"Weigh at least {count} mixtures, better five per component.",
            )
        ratio = normalised(self.mass_ratio, self.components)
        absent = [n for n, m in zip(self.components, ratio.max(axis=0), strict=True) if m <= 0]
        if absent:
            raise LabError(
                f"No known mixture holds {', '.join(absent)}.",
                fix="Add mixtures that hold it, or leave the component out.",
            )
        unknown = self.unknown_absorbance
        if not len(unknown):
            unknown = np.zeros((0, len(self.wavenumber_per_cm)))
        return replace(self, mass_ratio=ratio, unknown_absorbance=unknown)

    def subset(self, known: NDArray[np.intp], unknown: NDArray[np.intp]) -> "Samples":
        return replace(
            self,
            absorbance=self.absorbance[known],
            mass_ratio=self.mass_ratio[known],
            unknown_absorbance=self.unknown_absorbance[unknown],
        )


@dataclass(frozen=True, slots=True)
class VibrationModel:
    """A fitted model.

    ``pair_spectra`` (P, M) is A, scaled to a mean square of 1; ``encoder`` (N, M) is X.
    ``known_encoder`` is X without virtual mixtures; ``leverage_rows`` (n, M) and
    ``leverage_ridge`` give the posterior variance of what it predicts.
    """

    components: tuple[str, ...]
    wavenumber_per_cm: Array
    pair_spectra: Array
    encoder: Array
    leverage_rows: Array
    leverage_ridge: tuple[float, float]
    known_encoder: Array
    kind: Kind = "linear"

    def concentrations(self, absorbance: Array) -> Array:
        """Spectra (n, M) as concentrations (n, N), negative ones kept.

        Their ratios are those of X s. Their sum is the path at which the mixture explains
        the spectrum best: X is blind to baselines and a worse judge of the path.
        """
        raw: Array = absorbance @ self.encoder.T
        sum_of_raw = np.maximum(raw, 0.0).sum(axis=1)
        path = _paths(absorbance, pair_amounts(mass_ratios(raw)) @ self.pair_spectra)
        result: Array = raw * (path / np.maximum(sum_of_raw, TINY))[:, None]
        return result

    def predict(self, absorbance: Array) -> Array:
        """Spectra (n, M) as mass ratios (n, N) that sum to 1 (4.2.4: relu, then normalise)."""
        return mass_ratios(self.concentrations(absorbance))

    def predict_from_known(self, absorbance: Array) -> Array:
        """As ``predict``, by the encoder that saw no virtual mixtures (wider errors)."""
        return mass_ratios(absorbance @ self.known_encoder.T)

    def unclamped(self, absorbance: Array) -> Array:
        """Mass ratios before the relu: below 0 or above 1 where the spectrum asks for it."""
        concentration = self.concentrations(absorbance)
        total = np.maximum(concentration.sum(axis=1, keepdims=True), TINY)
        result: Array = concentration / total
        return result

    def reconstruct(self, absorbance: Array) -> Array:
        """The spectra that the predicted concentrations should have, (n, M)."""
        return mix(self.pair_spectra, self.concentrations(absorbance))

    def leverage(self, absorbance: Array) -> Array:
        """Posterior variance of X s for spectra scaled to path 1, relative; (n,)."""
        path = np.maximum(np.maximum(self.concentrations(absorbance), 0.0).sum(axis=1), TINY)
        unit = absorbance / path[:, None]
        system = SmoothSystem(unit.shape[1], *self.leverage_ridge)
        own = np.einsum("nm,mn->n", unit, system.solve(unit.T))
        explained = np.square(unit @ self.leverage_rows.T).sum(axis=1)
        result: Array = np.maximum(own - explained, TINY)
        return result


def fit(
    samples: Samples,
    penalties: Penalties = Penalties(),  # noqa: B008 - frozen
    kind: Kind = "linear",
) -> VibrationModel:
    """Fit the model; deterministic. Costs about 0.1 s for 48 known and 300 unknown spectra.

    Raises LabError where the samples cannot determine the components.
    """
    samples = samples.checked()
    path = np.abs(samples.absorbance).mean(axis=1)
    path = path / max(float(path.mean()), TINY)
    spectra, path = _alternate(samples, path, penalties, kind)
    model = _with_encoders(samples, spectra, path, penalties, kind)
    if len(samples.unknown_absorbance):
        spectra, path = _with_unknown(model, samples, path, penalties)
        model = _with_encoders(samples, spectra, path, penalties, kind)
    return model


def _with_encoders(
    samples: Samples, spectra: Array, path: Array, penalties: Penalties, kind: Kind
) -> VibrationModel:
    encoder, rows, ridge = _encoder(samples.absorbance, samples.mass_ratio, path, penalties)
    model = VibrationModel(
        samples.components,
        samples.wavenumber_per_cm,
        spectra,
        encoder,
        rows,
        ridge,
        encoder,
        kind,
    )
    if not penalties.virtual_mixtures:
        return model
    return _refit_on_virtual(model, samples, path, penalties)


def _alternate(
    samples: Samples, path: Array, penalties: Penalties, kind: Kind
) -> tuple[Array, Array]:
    weight = np.ones(len(path))
    amounts = _amounts(samples.mass_ratio, kind)
    spectra = _solve_spectra(samples.absorbance, amounts, path, weight, (penalties, kind))
    for _ in range(penalties.rounds):
        path = _paths(samples.absorbance, amounts @ _own(spectra, kind))
        spectra = _solve_spectra(samples.absorbance, amounts, path, weight, (penalties, kind))
        spectra, path = _gauge(spectra, path)
    return spectra, path


def _with_unknown(
    model: VibrationModel, samples: Samples, path: Array, penalties: Penalties
) -> tuple[Array, Array]:
    """A from known and unknown mixtures, and the paths of the known ones.

    What an unknown mixture holds is the mean of what both encoders say: the one errs
    where spectra are disturbed, the other where A is wrong.
    """
    kind, unknown = model.kind, samples.unknown_absorbance
    guessed = (model.predict(unknown) + model.predict_from_known(unknown)) / 2
    amounts = _amounts(np.concatenate([samples.mass_ratio, guessed]), kind)
    absorbance = np.concatenate([samples.absorbance, unknown])
    weight = np.ones(len(absorbance))
    weight[len(path) :] = penalties.unknown_weight
    spectra = model.pair_spectra
    paths = np.concatenate([path, _paths(unknown, amounts[len(path) :] @ _own(spectra, kind))])
    for _ in range(2):
        spectra = _solve_spectra(absorbance, amounts, paths, weight, (penalties, kind))
        paths = _paths(absorbance, amounts @ _own(spectra, kind))
        spectra, paths = _gauge(spectra, paths)
    return spectra, paths[: len(path)]


def _amounts(ratio: Array, kind: Kind) -> Array:
    return ratio if kind == "constant" else pair_amounts(ratio)


def _own(spectra: Array, kind: Kind) -> Array:
    """Rows that ``_amounts`` multiplies: with Beer's law, the components' own spectra."""
    if kind == "linear":
        return spectra
    count = int((np.sqrt(8 * len(spectra) + 1) - 1) / 2)
    return spectra[:count]


def _solve_spectra(
    absorbance: Array, amounts: Array, path: Array, weight: Array, how: tuple[Penalties, Kind]
) -> Array:
    """Pair spectra (P, M), never negative, for known amounts and paths."""
    penalties, kind = how
    design = amounts * (path * np.sqrt(weight))[:, None]
    normal = design.T @ design
    scale = float(np.trace(normal)) / len(normal)
    if kind == "linear":
        count = int((np.sqrt(8 * len(normal) + 1) - 1) / 2)
        form = excess_operator if penalties.mixing_form == "excess" else thesis_operator
        operator = form(count)
        normal = normal + penalties.mixing * scale * operator.T @ operator
    right = design.T @ (absorbance * np.sqrt(weight)[:, None])
    value, vector = np.linalg.eigh(normal)
    rotated = vector.T @ right
    floor = 1e-6 * scale
    for index, strength in enumerate(value):
        system = SmoothSystem(
            rotated.shape[1], max(float(strength), floor), penalties.smooth_spectra * scale
        )
        rotated[index] = system.solve(rotated[index])
    spectra = np.maximum(vector @ rotated, 0.0)
    return spectra if kind == "linear" else beer_pairs(spectra)


def _paths(absorbance: Array, unit_spectra: Array) -> Array:
    power = np.square(unit_spectra).sum(axis=1)
    result: Array = np.maximum((absorbance * unit_spectra).sum(axis=1) / (power + TINY), TINY)
    return result


def _gauge(spectra: Array, path: Array) -> tuple[Array, Array]:
    """Scale A to a mean square of 1 (L_normalization of 4.2.4); paths take the rest."""
    size = np.sqrt(np.square(spectra).mean()) + TINY
    return spectra / size, path * size


def _encoder(
    absorbance: Array, ratio: Array, path: Array, penalties: Penalties
) -> tuple[Array, Array, tuple[float, float]]:
    """X, and what its posterior variance needs.

    Every mixture is scaled to path 1 first, so that all count alike. With
    K = ridge + smoothness (five diagonals) the n x n system of Woodbury's identity
    replaces the M x M one.
    """
    unit = absorbance / path[:, None]
    ridge, solved, factor = _woodbury(unit, penalties)
    rows = solve_triangular(factor, solved.T, lower=True, check_finite=False)
    encoder = (solved @ cho_solve((factor, True), ratio, check_finite=False)).T
    return encoder, rows, ridge


def _woodbury(unit: Array, penalties: Penalties) -> tuple[tuple[float, float], Array, Array]:
    """The two weights of K, K^-1 S^T (M, n) and the Cholesky factor of 1 + S K^-1 S^T."""
    scale = float(np.square(unit).sum()) / unit.shape[1]
    ridge = (penalties.encoder * scale, penalties.smooth_encoder * scale)
    solved = SmoothSystem(unit.shape[1], *ridge).solve(unit.T)
    factor = np.linalg.cholesky(unit @ solved + np.eye(len(unit))).astype(np.float64)
    return ridge, solved, factor


def _refit_on_virtual(
    model: VibrationModel, samples: Samples, path: Array, penalties: Penalties
) -> VibrationModel:
    # A fixed seed: the same samples always give the same model.
    rng = np.random.default_rng(20190806)
    ratio, spectra = virtual_mixtures(model, samples.mass_ratio, penalties.virtual_mixtures, rng)
    weight = np.sqrt(penalties.virtual_weight)
    unit = np.concatenate([samples.absorbance / path[:, None], weight * spectra])
    target = np.concatenate([samples.mass_ratio, weight * ratio])
    _, solved, factor = _woodbury(unit, penalties)
    encoder = (solved @ cho_solve((factor, True), target, check_finite=False)).T
    return replace(model, encoder=encoder)


def virtual_mixtures(
    model: VibrationModel, known_ratio: Array, count: int, rng: np.random.Generator
) -> tuple[Array, Array]:
    """Mixtures (count, N) within the known maxima and their spectra of path 1 (count, M).

    Each has its own departure from A, shift of the axis, and baseline (offset, slope, a
    slow wave).
    """
    top = known_ratio.max(axis=0)
    share = rng.dirichlet(np.full(len(top), 0.7), size=count) * top
    ratio = within(share / share.sum(axis=1, keepdims=True), top)
    own = beer_pairs(model.pair_spectra[: len(top)])
    amounts = pair_amounts(ratio)
    departure = rng.normal(0, EXCESS, amounts.shape)
    spectra = amounts @ model.pair_spectra
    spectra += (amounts * departure) @ (model.pair_spectra - own)
    axis = model.wavenumber_per_cm
    slope = np.gradient(spectra, axis=1) / np.gradient(axis)
    level = np.abs(spectra).mean(axis=1, keepdims=True)
    position = np.linspace(-1, 1, len(axis))
    wave = np.pi * np.outer(rng.uniform(1, 6, count), position)
    spectra += slope * rng.normal(0, AXIS_SHIFT_PER_CM, (count, 1))
    for shape in (1.0, position, np.sin(wave + rng.uniform(0, 2 * np.pi, (count, 1)))):
        spectra += level * rng.normal(0, BASELINE, (count, 1)) * shape
    return ratio, spectra

"""How far a composition can be trusted, and which wavenumbers speak against it.

Everything here comes from spectra that a calibration had not seen (cross-validation by
composition): the typical residual at each wavenumber, the largest local deviation that
a good spectrum shows, and how wrong compositions were for the leverage they had.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter1d

from ftir.calibration import Samples, VibrationModel
from ftir.mixtures import TINY, mass_ratios
from ftir.validation import HeldOut, folds, hold_out, join, predict_held_out

Array = NDArray[np.float64]
WINDOW_PER_CM = 10.0  # residuals are averaged over this width before they are judged
PRESENT = 0.02  # a component below this mass fraction counts as absent
COMPONENTS_OF_Q = 25


@dataclass(frozen=True, slots=True)
class Confidence:
    """What a calibration knows of its own errors.

    ``sigma`` (M,) is the typical held-out residual of a spectrum of path 1;
    ``local_limit`` bounds the largest |residual| / sigma of good spectra at the stated
    ``false_alarm`` rate; ``interval_scale`` (N,) times sqrt(leverage) is the half width
    of an interval that held ``level`` of the held-out compositions.
    """

    sigma: Array
    local_limit: float
    false_alarm: float
    interval_scale: Array
    level: float
    q_mean: Array
    q_axes: Array
    q_limit: float
    q_sigma: Array  # (M,) typical residual of the PCA
    pair_seen: NDArray[np.bool_]  # (N, N)
    largest: Array  # (N,) largest known mass ratio
    leverage_limit: float


@dataclass(frozen=True, slots=True)
class Region:
    """Wavenumbers where a residual leaves its band; ``peak`` is where it does most."""

    start_per_cm: float
    end_per_cm: float
    peak_per_cm: float
    times_typical: float

    def __str__(self) -> str:
        return f"{self.start_per_cm:.0f}-{self.end_per_cm:.0f} 1/cm"


@dataclass(frozen=True, slots=True)
class Assessment:
    """The judgement of one spectrum; ``concerns`` are for people, most important first."""

    in_calibration: bool
    local_peak: float
    q_ratio: float
    regions: tuple[Region, ...]
    half_width: Array  # (N,) mass fraction
    concerns: tuple[str, ...]


def cross_validate(
    samples: Samples,
    make: Callable[[Samples], VibrationModel],
    count: int = 12,
    each: Callable[[VibrationModel], None] = lambda model: None,
) -> tuple[HeldOut, HeldOut]:
    """Every known and every unknown spectrum predicted by a model without it.

    The second result holds the unknown ones; their ``mass_ratio`` is what was predicted.
    """
    samples = samples.checked()
    parts = folds(samples.mass_ratio, count)
    unknown = np.arange(len(samples.unknown_absorbance))
    if not len(unknown):
        held = hold_out(samples, parts, make, each)
        return held, _rows(held, np.array([], dtype=np.intp))
    known_held, unknown_held = [], []
    for index, (kept, out) in enumerate(parts):
        others = unknown[unknown % len(parts) != index]
        model = make(samples.subset(kept, others))
        each(model)
        known_held.append(predict_held_out(model, samples, out))
        unknown_held.append(
            _predict_unknown(model, samples, unknown[unknown % len(parts) == index])
        )
    return join(known_held), join(unknown_held)


def _predict_unknown(model: VibrationModel, samples: Samples, rows: NDArray[np.intp]) -> HeldOut:
    spectra = samples.unknown_absorbance[rows]
    path = np.maximum(model.concentrations(spectra), 0.0).sum(axis=1)
    predicted = model.predict(spectra)
    rebuilt = model.reconstruct(spectra)
    return HeldOut(predicted, predicted, spectra, rebuilt, model.leverage(spectra), path, rows)


def _rows(held: HeldOut, rows: NDArray[np.intp]) -> HeldOut:
    return HeldOut(*(getattr(held, field.name)[rows] for field in fields(HeldOut)))


def learn(
    samples: Samples,
    known: HeldOut,
    unknown: HeldOut,
    *,
    false_alarm: float = 0.05,
    level: float = 0.9,
) -> Confidence:
    """Limits from held-out predictions of known mixtures and, where there are, unknown ones."""
    both = join([known, unknown])
    axis = samples.wavenumber_per_cm
    residual = _local(unit_residual(both), axis)
    sigma = _typical(residual, axis)
    peaks = np.abs(residual / sigma).max(axis=1)
    spectra = both.absorbance / np.linalg.norm(both.absorbance, axis=1, keepdims=True)
    mean, axes, left_over = _principal_axes(spectra)
    powers = np.square(left_over).sum(axis=1)
    local_limit, q_limit = _joint_limits(peaks, powers, 1 - false_alarm)
    error = np.abs(known.predicted - known.mass_ratio)
    score = error / np.sqrt(known.leverage)[:, None]
    return Confidence(
        sigma=sigma,
        local_limit=local_limit,
        false_alarm=false_alarm,
        interval_scale=np.array([_upper_quantile(column, level) for column in score.T]),
        level=level,
        q_mean=mean,
        q_axes=axes,
        q_limit=q_limit,
        q_sigma=_typical(_local(left_over, axis), axis),
        pair_seen=_pairs_seen(samples.mass_ratio),
        largest=samples.mass_ratio.max(axis=0),
        leverage_limit=float(both.leverage.max()) * 2,
    )


def unit_residual(held: HeldOut) -> Array:
    """Residuals of spectra scaled to path 1, (n, M)."""
    result: Array = (held.absorbance - held.reconstructed) / np.maximum(held.path, TINY)[:, None]
    return result


def _local(residual: Array, axis: Array) -> Array:
    width = max(1, round(WINDOW_PER_CM / float(np.median(np.diff(axis)))))
    result: Array = uniform_filter1d(residual, width, axis=-1, mode="nearest")
    return result


def _typical(residual: Array, axis: Array) -> Array:
    """Root mean square over spectra, never below a third of its median along the axis."""
    sigma = np.sqrt(np.square(residual).mean(axis=0))
    result: Array = np.maximum(_local(sigma, axis), np.median(sigma) / 3)
    return result


def _upper_quantile(values: Array, level: float) -> float:
    """The conformal quantile: the ceil((n + 1) level)-th smallest value."""
    rank = min(len(values), int(np.ceil((len(values) + 1) * level)))
    return float(np.sort(values)[rank - 1])


def _joint_limits(first: Array, second: Array, level: float) -> tuple[float, float]:
    """Limits of two statistics that ``level`` of the good spectra keep to together."""
    limits = _upper_quantile(first, level), _upper_quantile(second, level)
    factor = _upper_quantile(np.maximum(first / limits[0], second / limits[1]), level)
    return limits[0] * factor, limits[1] * factor


def _principal_axes(spectra: Array) -> tuple[Array, Array, Array]:
    """Mean and principal axes of a PCA, and its residuals of held-out spectra, (n, M)."""

    def axes_of(part: Array) -> tuple[Array, Array]:
        mean = part.mean(axis=0)
        _, _, right = np.linalg.svd(part - mean, full_matrices=False)
        return mean, right[: min(COMPONENTS_OF_Q, len(part) // 3)]

    held = np.zeros_like(spectra)
    for fold in range(8):
        out = np.arange(len(spectra)) % 8 == fold
        held[out] = _left_over(spectra[out], *axes_of(spectra[~out]))
    return *axes_of(spectra), held


def _left_over(spectra: Array, mean: Array, axes: Array) -> Array:
    centred = spectra - mean
    result: Array = centred - (centred @ axes.T) @ axes
    return result


def _pairs_seen(ratio: Array) -> NDArray[np.bool_]:
    present = (ratio > PRESENT).astype(np.intp)
    return (present.T @ present) > 0


def local_deviation(model: VibrationModel, confidence: Confidence, absorbance: Array) -> Array:
    """Locally averaged residual over its typical size, signed, (n, M)."""
    concentration = model.concentrations(absorbance)
    path = np.maximum(np.maximum(concentration, 0.0).sum(axis=1, keepdims=True), TINY)
    residual = (absorbance - model.reconstruct(absorbance)) / path
    result: Array = _local(residual, model.wavenumber_per_cm) / confidence.sigma
    return result


def power_ratio(confidence: Confidence, absorbance: Array) -> Array:
    """Q (residual power of a PCA) of each spectrum over the limit for good ones, (n,)."""
    result: Array = np.square(_shape_residual(confidence, absorbance)).sum(axis=1)
    return result / confidence.q_limit


def _shape_residual(confidence: Confidence, absorbance: Array) -> Array:
    unit = absorbance / (np.linalg.norm(absorbance, axis=1, keepdims=True) + TINY)
    return _left_over(unit, confidence.q_mean, confidence.q_axes)


def _strangest(confidence: Confidence, absorbance: Array, axis: Array) -> Region:
    """Where the shape of a spectrum is least like those of the calibration."""
    local = _local(_shape_residual(confidence, absorbance)[0], axis) / confidence.q_sigma
    at = int(np.argmax(np.abs(local)))
    beyond = np.abs(local) > abs(local[at]) / 2
    start, end = at, at
    while start > 0 and beyond[start - 1]:
        start -= 1
    while end < len(axis) - 1 and beyond[end + 1]:
        end += 1
    return Region(float(axis[start]), float(axis[end]), float(axis[at]), float(abs(local[at])))


def regions_beyond(deviation: Array, axis: Array, limit: float) -> tuple[Region, ...]:
    """Runs of wavenumbers with |deviation| above ``limit``, the strongest first."""
    beyond = np.concatenate([[False], np.abs(deviation) > limit, [False]])
    edges = np.flatnonzero(np.diff(beyond.astype(np.intp)))
    found = []
    for start, stop in zip(edges[::2], edges[1::2], strict=True):
        peak = start + int(np.argmax(np.abs(deviation[start:stop])))
        found.append(
            Region(
                float(axis[start]),
                float(axis[stop - 1]),
                float(axis[peak]),
                float(abs(deviation[peak])),
            )
        )
    return tuple(sorted(found, key=lambda region: -region.times_typical))


def assess(model: VibrationModel, confidence: Confidence, absorbance: Array) -> Assessment:
    """Judge one spectrum (M,) on the calibration's grid."""
    spectrum = absorbance[None]
    deviation = local_deviation(model, confidence, spectrum)[0]
    regions = regions_beyond(deviation, model.wavenumber_per_cm, confidence.local_limit)
    q_ratio = float(power_ratio(confidence, spectrum)[0])
    if not regions and q_ratio > 1:
        regions = (_strangest(confidence, spectrum, model.wavenumber_per_cm),)
    leverage = float(model.leverage(spectrum)[0])
    concerns = (
        *_residual_concerns(regions),
        *_composition_concerns(model, confidence, spectrum, leverage),
    )
    return Assessment(
        in_calibration=not regions and q_ratio <= 1 and not concerns,
        local_peak=float(np.abs(deviation).max()),
        q_ratio=q_ratio,
        regions=regions,
        half_width=confidence.interval_scale * np.sqrt(leverage),
        concerns=concerns,
    )


def _residual_concerns(regions: tuple[Region, ...]) -> list[str]:
    if not regions:
        return []
    named = ", ".join(f"{region.peak_per_cm:.0f}" for region in regions[:4])
    text = (
        f"The spectrum is not explained near {named} 1/cm: an unknown species, a bad"
        " measurement or another instrument."
    )
    return [text]


def _composition_concerns(
    model: VibrationModel, confidence: Confidence, spectrum: Array, leverage: float
) -> list[str]:
    names = model.components
    concentration = model.concentrations(spectrum)
    raw = model.unclamped(spectrum)[0]
    ratio = mass_ratios(concentration)[0]
    half = confidence.interval_scale * np.sqrt(leverage)
    concerns = [
        f"{name} comes out negative ({100 * value:.1f} wt%) beyond its uncertainty."
        for name, value, width in zip(names, raw, half, strict=True)
        if value < -max(width, 0.005)
    ]
    concerns += [
        f"{name} ({100 * value:.1f} wt%) is beyond the calibrated {100 * top:.1f} wt%."
        for name, value, top, width in zip(names, raw, confidence.largest, half, strict=True)
        if value > top + max(width, 0.005)
    ]
    for j, first in enumerate(names):
        for k in range(j + 1, len(names)):
            if min(ratio[j], ratio[k]) > PRESENT and not confidence.pair_seen[j, k]:
                concerns.append(
                    f"{first} and {names[k]} never occurred together in a known mixture of this"
                    " calibration."
                )
    if leverage > confidence.leverage_limit:
        concerns.append("The composition is far from every mixture of the calibration.")
    return concerns


def covered(
    model: VibrationModel, confidence: Confidence, absorbance: Array, truth: Array
) -> NDArray[np.bool_]:
    """Which intervals hold the truth, (n, N)."""
    half = confidence.interval_scale * np.sqrt(model.leverage(absorbance))[:, None]
    result: NDArray[np.bool_] = np.abs(model.predict(absorbance) - truth) <= half
    return result


def strangeness(model: VibrationModel, confidence: Confidence, absorbance: Array) -> Array:
    """The statistic that refuses a spectrum above 1, (n,)."""
    local = np.abs(local_deviation(model, confidence, absorbance)).max(axis=1)
    result: Array = np.maximum(local / confidence.local_limit, power_ratio(confidence, absorbance))
    return result


@dataclass(frozen=True, slots=True)
class TriedOut:
    """Good spectra that neither a model nor its limits had seen; u of unknown mixtures."""

    inside: NDArray[np.bool_]  # (n, N) whose interval holds the truth
    refused: NDArray[np.bool_]  # (n,) not explained, though nothing is wrong
    unknown_refused: NDArray[np.bool_]  # (u,)


def try_out(
    samples: Samples,
    make: Callable[[Samples], VibrationModel],
    parts: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]],
) -> TriedOut:
    """Learn model, intervals and limits without each part, and try them on it.

    Unknown mixtures are dealt out to the parts. Raises LabError where what is kept can
    not calibrate.
    """
    inside, refused, unknown_refused = [], [], []
    place = np.arange(len(samples.unknown_absorbance)) % len(parts)
    for index, (kept, out) in enumerate(parts):
        part = samples.subset(kept, np.flatnonzero(place != index))
        learnt = learn(part, *cross_validate(part, make))
        model, spectra = make(part), samples.absorbance[out]
        inside.append(covered(model, learnt, spectra, samples.mass_ratio[out]))
        refused.append(strangeness(model, learnt, spectra) > 1)
        others = samples.unknown_absorbance[place == index]
        unknown_refused.append(strangeness(model, learnt, others) > 1)
    return TriedOut(*map(np.concatenate, (inside, refused, unknown_refused)))

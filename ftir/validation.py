"""Cross-validation by composition: replicates of a mixture are never on both sides."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, fields

import numpy as np
from numpy.typing import NDArray

from ftir.calibration import Samples, VibrationModel, fit
from ftir.mixtures import TINY
from ftir.penalties import Kind, Penalties

Array = NDArray[np.float64]
Indices = NDArray[np.intp]
SAME = 0.002  # mass ratios closer than this in every component are one composition


def clusters(mass_ratio: Array) -> Indices:
    """A number per row, the same for rows of (nearly) the same composition."""
    label = np.full(len(mass_ratio), -1, dtype=np.intp)
    for row in range(len(mass_ratio)):
        if label[row] < 0:
            near = (np.abs(mass_ratio - mass_ratio[row]) < SAME).all(axis=1)
            label[near & (label < 0)] = label.max() + 1
    return label


def splits(
    mass_ratio: Array, share: float, repeats: int, seed: int = 0
) -> Iterator[tuple[Indices, Indices]]:
    """``repeats`` random (kept, held out) rows with about ``share`` of compositions held out.

    At least one composition is held out, and never so many that a component is lost.
    """
    label = clusters(mass_ratio)
    rng = np.random.default_rng(seed)
    for _ in range(repeats):
        for _attempt in range(200):
            order = rng.permutation(label.max() + 1)
            out = np.isin(label, order[: max(1, round(share * len(order)))])
            kept = mass_ratio[~out]
            if len(kept) >= mass_ratio.shape[1] and (kept.max(axis=0) > 0).all():
                break
        yield np.flatnonzero(~out), np.flatnonzero(out)


def folds(mass_ratio: Array, count: int, seed: int = 0) -> list[tuple[Indices, Indices]]:
    """Every row held out exactly once, compositions kept together."""
    label = clusters(mass_ratio)
    order = np.random.default_rng(seed).permutation(label.max() + 1)
    count = min(count, len(order))
    place = np.empty(len(order), dtype=np.intp)
    place[order] = np.arange(len(order)) % count
    fold = place[label]
    return [(np.flatnonzero(fold != f), np.flatnonzero(fold == f)) for f in range(count)]


@dataclass(frozen=True, slots=True)
class HeldOut:
    """Predictions for spectra that the model had not seen; rows of all repeats together."""

    mass_ratio: Array  # (n, N) as prepared
    predicted: Array  # (n, N)
    absorbance: Array  # (n, M)
    reconstructed: Array  # (n, M)
    leverage: Array  # (n,)
    path: Array  # (n,)
    row: Indices  # (n,) row among the known samples

    @property
    def error(self) -> Array:
        """Mean absolute error per component, mass fraction."""
        result: Array = np.abs(self.predicted - self.mass_ratio).mean(axis=0)
        return result

    @property
    def reconstruction_error(self) -> float:
        """mean |s - s'| / mean |s|, as figure 4.1 of the thesis."""
        gap = np.abs(self.absorbance - self.reconstructed).mean()
        return float(gap / (np.abs(self.absorbance).mean() + TINY))


def hold_out(
    samples: Samples,
    parts: Iterator[tuple[Indices, Indices]] | list[tuple[Indices, Indices]],
    make: Callable[[Samples], VibrationModel],
    each: Callable[[VibrationModel], None] = lambda model: None,
) -> HeldOut:
    """Fit without each part and predict it; ``each`` sees every model."""
    everything = np.arange(len(samples.unknown_absorbance))
    gathered = []
    for kept, out in parts:
        model = make(samples.subset(kept, everything))
        each(model)
        gathered.append(predict_held_out(model, samples, out))
    return join(gathered)


def predict_held_out(model: VibrationModel, samples: Samples, rows: Indices) -> HeldOut:
    absorbance = samples.absorbance[rows]
    path = np.maximum(model.concentrations(absorbance), 0.0).sum(axis=1)
    return HeldOut(
        samples.mass_ratio[rows],
        model.predict(absorbance),
        absorbance,
        model.reconstruct(absorbance),
        model.leverage(absorbance),
        path,
        rows,
    )


def join(parts: list[HeldOut]) -> HeldOut:
    return HeldOut(
        *(
            np.concatenate([getattr(part, field.name) for part in parts])
            for field in fields(HeldOut)
        )
    )


@dataclass(frozen=True, slots=True)
class ShareResult:
    """Errors at one held-out share (figure 4.1)."""

    share: float
    error: Array  # (N,) mass fraction
    percent_of_max: Array  # (N,)
    reconstruction_error: float


def by_share(
    samples: Samples,
    shares: tuple[float, ...],
    repeats: int = 8,
    penalties: Penalties = Penalties(),  # noqa: B008 - frozen
    kind: Kind = "linear",
) -> list[ShareResult]:
    """Held-out errors against the share of compositions held out."""
    samples = samples.checked()
    top = samples.mass_ratio.max(axis=0)
    results = []
    for share in shares:
        parts = splits(samples.mass_ratio, share, repeats)
        held = hold_out(samples, parts, lambda part: fit(part, penalties, kind))
        results.append(
            ShareResult(share, held.error, 100 * held.error / top, held.reconstruction_error)
        )
    return results

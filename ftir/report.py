"""The report of a calibration: errors by held-out share, and what the model has learnt."""

import io
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from battery_db.lib.errors import LabError
from ftir import baselines, confidence, validation
from ftir.archive import Fitted
from ftir.calibration import Samples, VibrationModel, fit
from ftir.penalties import Kind, Penalties

Array = NDArray[np.float64]
SHARES = (0.1, 0.3, 0.5, 0.7, 0.9)
REPEATS = 8
COMPARED_SHARE = 0.3
TRIED = 5  # parts, each tried with intervals and limits learnt without it
Progress = Callable[[int, int, str], None]
NOTHING = np.array([], dtype=np.intp)


@dataclass(frozen=True, slots=True)
class Report:
    """``summary`` is plain JSON; ``arrays`` are what the figures draw."""

    fitted: Fitted
    summary: dict[str, Any]
    arrays: Mapping[str, Array]


def calibrate(
    samples: Samples,
    penalties: Penalties,
    kind: Kind,
    progress: Progress = lambda done, total, text: None,
) -> Report:
    """Fit a model and measure its errors; some seconds for 48 known spectra.

    Raises LabError where the samples cannot calibrate their components.
    """
    samples = samples.checked()
    steps = 4 + len(SHARES)
    progress(0, steps, "Fitting the model")
    model = fit(samples, penalties, kind)
    progress(1, steps, "Cross-validating")
    models: list[VibrationModel] = []
    known, unknown = confidence.cross_validate(
        samples, lambda part: fit(part, penalties, kind), each=models.append
    )
    fitted = Fitted(model, confidence.learn(samples, known, unknown))
    shares = []
    for index, share in enumerate(SHARES):
        progress(2 + index, steps, f"Holding out {100 * share:.0f} %")
        shares += validation.by_share(samples, (share,), REPEATS, penalties, kind)
    progress(steps - 2, steps, "Trying intervals and limits")
    tried = _tried(samples, penalties, kind)
    progress(steps - 1, steps, "Comparing with other methods")
    summary = {
        "known": len(samples.absorbance),
        "compositions": int(validation.clusters(samples.mass_ratio).max()) + 1,
        "unknown": len(samples.unknown_absorbance),
        "error": known.error.tolist(),
        "error_95": np.percentile(np.abs(known.predicted - known.mass_ratio), 95, axis=0).tolist(),
        "reconstruction_error": known.reconstruction_error,
        "interval_level": fitted.confidence.level,
        "false_alarm": fitted.confidence.false_alarm,
        **tried,
        "shares": [_share(result) for result in shares],
        "methods": compare(samples, penalties),
        "largest": samples.mass_ratio.max(axis=0).tolist(),
        "unseen_pairs": _unseen(samples, fitted),
    }
    return Report(fitted, summary, _arrays(samples, known, models))


def _tried(samples: Samples, penalties: Penalties, kind: Kind) -> dict[str, Any]:
    """How often intervals hold and good spectra are refused, of rows that nothing had seen.

    Nothing where a calibration is too small to be split twice; its levels are nominal then.
    """
    parts = validation.folds(samples.mass_ratio, TRIED)
    try:
        found = confidence.try_out(samples, lambda part: fit(part, penalties, kind), parts)
    except LabError:
        return {"tried": 0}
    has_unknown = len(found.unknown_refused) > 0
    return {
        "tried": len(found.refused),
        "interval_held": float(found.inside.mean()),
        "refused": float(found.refused.mean()),
        "tried_unknown": len(found.unknown_refused),
        "refused_unknown": float(found.unknown_refused.mean()) if has_unknown else None,
    }


def _share(result: validation.ShareResult) -> dict[str, Any]:
    return {
        "share": result.share,
        "error": result.error.tolist(),
        "percent_of_max": result.percent_of_max.tolist(),
        "reconstruction_error": result.reconstruction_error,
    }


def _unseen(samples: Samples, fitted: Fitted) -> list[list[str]]:
    names, seen = samples.components, fitted.confidence.pair_seen
    return [
        [names[j], names[k]]
        for j in range(len(names))
        for k in range(j + 1, len(names))
        if not seen[j, k]
    ]


def compare(samples: Samples, penalties: Penalties, repeats: int = 4) -> list[dict[str, Any]]:
    """Each method on the same splits: error (mass fraction) per component at 30 % held out."""
    parts = list(validation.splits(samples.mass_ratio, COMPARED_SHARE, repeats))
    rows: list[dict[str, Any]] = []
    kinds: tuple[tuple[Kind, str], ...] = (("linear", "Linear-VM"), ("constant", "Constant-VM"))
    for kind, title in kinds:
        held = validation.hold_out(
            samples,
            parts,
            lambda part, kind=kind: fit(part, penalties, kind),  # type: ignore[misc]
        )
        rows.append(
            {
                "method": title,
                "error": held.error.tolist(),
                "reconstruction_error": held.reconstruction_error,
            }
        )
    others: dict[str, Callable[[Samples], Callable[[Array], Array]]] = {
        "PLS (area)": baselines.fit_pls,
        "ridge (SNV)": baselines.fit_ridge,
        "classical least squares": lambda part: baselines.fit_classical(part).predict,
    }
    for title, make in others.items():
        errors = []
        for kept, out in parts:
            predict = make(samples.subset(kept, NOTHING))
            errors.append(np.abs(predict(samples.absorbance[out]) - samples.mass_ratio[out]))
        rows.append({"method": title, "error": np.concatenate(errors).mean(axis=0).tolist()})
    return rows


def _arrays(
    samples: Samples, known: validation.HeldOut, models: list[VibrationModel]
) -> dict[str, Array]:
    encoders = np.stack([model.encoder for model in models])
    spectra = np.stack([model.pair_spectra for model in models])
    return {
        "wavenumber_per_cm": samples.wavenumber_per_cm,
        "prepared": known.mass_ratio,
        "predicted": known.predicted,
        "mean_spectrum": known.absorbance.mean(axis=0),
        "mean_error": np.abs(known.absorbance - known.reconstructed).mean(axis=0),
        "encoder_mean": encoders.mean(axis=0),
        "encoder_spread": encoders.std(axis=0),
        "spectra_mean": spectra.mean(axis=0),
        "spectra_spread": spectra.std(axis=0),
    }


def dump_arrays(arrays: Mapping[str, Array]) -> bytes:
    target = io.BytesIO()
    packed: dict[str, Any] = {name: value.astype(np.float32) for name, value in arrays.items()}
    np.savez_compressed(target, **packed)
    return target.getvalue()


def load_arrays(content: bytes) -> dict[str, Array]:
    with np.load(io.BytesIO(content), allow_pickle=False) as file:
        return {name: file[name].astype(np.float64) for name in file.files}

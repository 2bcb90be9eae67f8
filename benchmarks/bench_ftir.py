"""Compositions from infrared spectra: errors, unknown species, time; all on synthetic sets.

Ratios are against PLS and Adam in the same run. Needs ``../shared/data/bench``
(or ``BATTERY_DB_REAL_DATA``); without it the demonstration's mixtures are used.
"""

import os
import statistics
import time
import tracemalloc
from collections.abc import Callable
from pathlib import Path

import numpy as np

from ftir import demonstration, reference, scorecard, validation
from ftir.baselines import fit_classical, fit_pls, fit_ridge
from ftir.calibration import Samples, VibrationModel, fit
from ml.networks.vibration_modes import train

DATA = Path(os.environ.get("BATTERY_DB_REAL_DATA", Path(__file__).parents[2] / "shared" / "data"))
NOTHING = np.array([], dtype=np.intp)
REPEATS = 8
ADAM_STEPS = 300


def timed(function: Callable[[], object], repeats: int = 5) -> float:
    """Median CPU seconds."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        function()
        seconds.append(time.process_time() - start)
    return statistics.median(seconds)


def errors(samples: Samples, level: str) -> None:
    top = samples.mass_ratio.max(axis=0)
    parts = list(validation.splits(samples.mass_ratio, 0.3, REPEATS))
    methods: dict[str, Callable[[Samples], VibrationModel]] = {
        "Linear-VM": fit,
        "Constant-VM": lambda part: fit(part, kind="constant"),
    }
    print(f"\n{level}: 30 % held out, {REPEATS} splits by composition, % of maximum")
    print(f"{'':<14}" + "".join(f"{name:>8}" for name in samples.components) + "    mean   recon")
    for title, make in methods.items():
        held = validation.hold_out(samples, parts, make)
        line(title, 100 * held.error / top, 100 * held.reconstruction_error)
        if title == "Linear-VM":
            far = np.percentile(np.abs(held.predicted - held.mass_ratio), 95, axis=0)
            print("  wt%: mean", np.round(100 * held.error, 2), "95 %", np.round(100 * far, 2))
    others: dict[str, Callable[[Samples], Callable[..., np.ndarray]]] = {
        "PLS (area)": fit_pls,
        "ridge (SNV)": fit_ridge,
        "CLS": lambda part: fit_classical(part).predict,
    }
    for title, make_other in others.items():
        gaps = []
        for kept, out in parts:
            predict = make_other(samples.subset(kept, NOTHING))
            gaps.append(np.abs(predict(samples.absorbance[out]) - samples.mass_ratio[out]))
        line(title, 100 * np.concatenate(gaps).mean(axis=0) / top, None)


def line(title: str, values: np.ndarray, recon: float | None) -> None:
    last = "       –" if recon is None else f"{recon:8.1f}"
    print(f"{title:<14}" + "".join(f"{v:8.2f}" for v in values) + f"{values.mean():8.2f}{last}")


def targets(path: Path, samples: Samples) -> None:
    """Every measure beside its target."""
    print(f"\n{'':<54}{'others':<38}{'target':>14}{'ours':>10}")
    for score in scorecard.measure(samples, reference.load_unseen(path), REPEATS):
        mark = "" if score.met else "  missed"
        print(
            f"{score.measure:<54}{score.others:<38}{score.target:>14}"
            f"{score.ours:>10.{score.decimals}f}{mark}"
        )


def speed(samples: Samples) -> None:
    tracemalloc.start()
    fit(samples)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    ours = timed(lambda: fit(samples))
    model = fit(samples)
    spectrum = samples.absorbance[:1]
    one = timed(lambda: [model.reconstruct(spectrum) for _ in range(200)]) / 200
    start = time.process_time()
    train(samples, steps=ADAM_STEPS)
    adam = (time.process_time() - start) / ADAM_STEPS
    print(
        f"\nfit {ours:.3f} s CPU, {peak / 2**20:.0f} MiB; Adam {1e3 * adam:.1f} ms a step, so"
        f" 30000 steps take {30000 * adam:.0f} s: {30000 * adam / ours:.0f} times as long."
        f" Predict and reconstruct {1e3 * one:.2f} ms, {1 / one:.0f} spectra a second."
    )


def main() -> None:
    for level in ("hard", "real"):
        path = DATA / "bench" / f"ftir_{level}.npz"
        if path.is_file():
            samples = reference.load_samples(path)
            errors(samples, level)
            targets(path, samples)
        else:
            samples = demonstration.samples().checked()
            errors(samples, "demonstration")
    speed(samples)


if __name__ == "__main__":
    main()

"""Fits of every real spectrum at hand, and of generated ones under one condition at a time.

python -m benchmarks.bench_eis_real [SPECTRA] [ADAM STEPS]

Real: every file below ../shared/data/eis that a reader knows, by the repository it comes
from; at most SPECTRA of each, evenly picked. Conditions: noise, windows cropped at either
end, number of points, size. Best known is the better of twelve long starts and whatever
else the run found; near-optimal is within 5 % + 0.001 of it. CPU time, one thread.
"""

import sys
import time
from collections import defaultdict
from pathlib import Path

import numpy as np

from battery_db.lib.spectra import Spectrum
from benchmarks.bench_eis import CIRCUIT, adam
from eis.elements import TURN
from eis.fitting import FitOptions, fit_spectra, why_not
from eis.folders import find_files, read_all
from eis.generated import generate_spectra
from eis.initial_guess import ScatteredGuess, SpreadGuess, SubsetGuess
from eis.network_guess import NetworkGuess

ROOT = Path(__file__).parents[2] / "shared" / "data" / "eis"
FEW = 8  # smaller sets are one set of many instruments
LONG = FitOptions(
    guesses=[SpreadGuess(), SubsetGuess(count=3), ScatteredGuess(4), ScatteredGuess(4, seed=7)],
    starts=12,
    retries=0,
    iterations=150,
    first_steps=150,
)


def real_sets(most: int) -> dict[str, list[Spectrum]]:
    """Spectra by the folder they come from; says what could not be read."""
    sets, parts, refused = defaultdict(list), 0, 0
    for found in read_all(find_files([ROOT]), lambda *_: None):
        parts += 1
        if found.spectrum is None:
            refused += 1
        else:
            sets[Path(found.file).relative_to(ROOT).parts[0]].append(found.spectrum)
    print(f"{parts} spectra and files: {parts - refused} read, {refused} say why not")
    small = [name for name, spectra in sets.items() if len(spectra) < FEW]
    sets["mixed"] = [spectrum for name in small for spectrum in sets.pop(name)]
    return {
        name: [spectra[i] for i in np.unique(np.linspace(0, len(spectra) - 1, most).astype(int))]
        for name, spectra in sorted(sets.items())
    }


def conditions(count: int) -> dict[str, list[Spectrum]]:
    """The same generated cells, seen differently."""

    def seen(noise=0.002, points=60, top=5.5, bottom=-2.0, size=1.0) -> list[Spectrum]:
        rng, out = np.random.default_rng(99), []
        frequency = np.geomspace(10**top, 10**bottom, points)
        for truth in truths(count):
            exact = size * CIRCUIT.impedance(truth, frequency)
            error = rng.normal(size=(2, points)) * noise * np.abs(exact)
            out.append(Spectrum(frequency, exact + error[0] + 1j * error[1]))
        return out

    return {
        "no noise": seen(noise=0.0),
        "noise 0.2 %": seen(),
        "noise 1 %": seen(noise=0.01),
        "noise 2 %": seen(noise=0.02),
        "high end cropped": seen(top=3.5),
        "low end cropped": seen(bottom=0.0),
        "20 points": seen(points=20),
        "80 points": seen(points=80),
        "milliohm": seen(size=1e-3),
        "kiloohm": seen(size=1e3),
        "generated": generate_spectra(count, np.random.default_rng(31)).spectra(),
    }


def truths(count: int) -> np.ndarray:
    """Parameters (count, 17) of the thesis circuit, arcs between 0.1 Hz and 100 kHz."""
    rng, out = np.random.default_rng(98), np.empty((count, len(CIRCUIT)))
    for row in range(count):
        value = {
            "R0": rng.uniform(0.05, 0.5), "La0_L": 0.0, "La0_alpha": rng.uniform(0.85, 0.99),
            "LZARC0_R": rng.uniform(0.02, 0.1), "LZARC0_fc": 10 ** rng.uniform(5.5, 6.5),
            "LZARC0_phi": rng.uniform(0.85, 0.98), "CPE0_phi": rng.uniform(0.4, 0.8),
        }  # fmt: skip
        value["La0_L"] = rng.uniform(0.02, 0.2) / (TURN * 10**5.5) ** value["La0_alpha"]
        value["CPE0_Q"] = 1 / (rng.uniform(0.2, 2) * (TURN * 0.01) ** value["CPE0_phi"])
        for arc, decade in zip(("ZARC1", "ZARC2", "ZARC3"), (-1.0, 1.0, 3.0), strict=True):
            value[f"{arc}_R"] = np.exp(rng.uniform(-2.3, 0.5))
            value[f"{arc}_fc"] = 10 ** (decade + rng.uniform(0, 2))
            value[f"{arc}_phi"] = rng.uniform(0.6, 0.98)
        out[row] = [value[name] for name in CIRCUIT.parameter_names]
    return out


def errors_of(spectra: list[Spectrum], options: FitOptions) -> tuple[np.ndarray, float]:
    start = time.process_time()
    errors = np.array([result.scaled_error for result in fit_spectra(spectra, CIRCUIT, options)])
    return errors, (time.process_time() - start) / len(spectra) * 1e3


def compare(title: str, sets: dict[str, list[Spectrum]], steps: int) -> None:
    print(f"\n{title:42}    n  near-opt.     p50  Adam near   Adam p50  no fit  ms CPU  Adam ms")
    for name, spectra in sets.items():
        fitted, cost = errors_of(spectra, FitOptions())
        best = np.minimum(errors_of(spectra, LONG)[0], fitted)
        there = np.isfinite(fitted)
        some = [i for i in np.flatnonzero(there) if not why_not(spectra[i], CIRCUIT)][::4][:48]
        start = time.process_time()
        slow = adam(NetworkGuess(), steps)([spectra[i] for i in some])
        adam_cost = (time.process_time() - start) / max(len(some), 1) * 1e3
        best[some] = np.fmin(best[some], slow)
        near = np.mean(fitted[there] <= 1.05 * best[there] + 0.001)
        adam_near = np.mean(slow <= 1.05 * best[some] + 0.001)
        print(
            f"{name:42} {len(spectra):4} {near:9.1%}  {np.median(fitted[there]):7.4f}"
            f" {adam_near:9.1%}  {np.nanmedian(slow):9.4f} {np.mean(~there):7.1%}"
            f" {cost:7.2f} {adam_cost:8.1f}",
            flush=True,
        )


def main() -> None:
    most = int(sys.argv[1]) if len(sys.argv) > 1 else 200
    steps = int(sys.argv[2]) if len(sys.argv) > 2 else 1000
    fit_spectra(generate_spectra(2, np.random.default_rng(0)).spectra(), CIRCUIT)
    if ROOT.exists():
        compare("real spectra", real_sets(most), steps)
    else:
        print(f"skipped: real spectra, no {ROOT}")
    compare("one condition at a time", conditions(min(most, 100)), steps)


if __name__ == "__main__":
    main()

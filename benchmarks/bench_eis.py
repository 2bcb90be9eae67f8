"""Fits of impedance spectra: quality and CPU time, side by side in one run.

python -m benchmarks.bench_eis [SPECTRA]

Sets: the synthetic bench of ../shared/data/bench, where it is there, and generated spectra
of a seed that training never used. Peers that are not installed are skipped by name
(impedance.py, pyimpspec); 1000 Adam steps and SciPy's curve_fit are our own baselines.
Success is a scaled error of at most 0.02 or 1.5 times the noise; near-optimal is within
5 % + 0.001 of the best that any method of the run found, twelve long starts among them.
Curves of error percentiles, as in Figure 3.2 of the thesis, go to docs/images.
"""

import importlib.util
import resource
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from battery_db.lib.spectra import Spectrum
from eis.batches import Batch, make_batch
from eis.circuits import NAMED_CIRCUITS
from eis.coordinates import coordinates_of, prior_of
from eis.fitting import CHUNK, FitOptions, fit_spectra, objective_of
from eis.generated import generate_spectra
from eis.initial_guess import ScatteredGuess, SpreadGuess, SubsetGuess
from eis.network_guess import NetworkGuess
from eis.refinement import evaluate
from eis.series import fit_series
from eis.validity import linear_kk

CIRCUIT = NAMED_CIRCUITS["thesis"]
BENCH = Path(__file__).parents[2] / "shared" / "data" / "bench" / "eis_2000.npz"
PLOT = Path(__file__).parents[1] / "docs" / "images" / "eis-error-percentiles.svg"
GUESSES = [NetworkGuess(), SubsetGuess(count=3), SpreadGuess(), ScatteredGuess(count=4)]


@dataclass
class Set:
    """Spectra, and the scaled error of the truth itself."""

    name: str
    spectra: list[Spectrum]
    noise: np.ndarray


def scaled(measured: np.ndarray, other: np.ndarray) -> float:
    away = other - measured
    parts = [np.mean(p(away) ** 2) / np.var(p(measured)) for p in (np.real, np.imag)]
    return float(np.sqrt(np.mean(parts)))


def bench_set(count: int) -> Set | None:
    if not BENCH.exists():
        print(f"skipped: the synthetic bench, no {BENCH}")
        return None
    data = np.load(BENCH)
    picks = np.linspace(0, 1999, count).astype(int)
    spectra = [Spectrum(data[f"f{i}"], data[f"Z{i}"]) for i in picks]
    return Set(
        "synthetic bench", spectra, np.array([scaled(data[f"Z{i}"], data[f"T{i}"]) for i in picks])
    )


def generated_set(count: int) -> Set:
    made = generate_spectra(count, np.random.default_rng(20_261_124))
    there = made.weight > 0
    noise = [
        scaled(z[t], e[t])
        for z, e, t in zip(made.impedance_ohm, made.exact_ohm, there, strict=True)
    ]
    return Set("generated, seed never trained on", made.spectra(), np.array(noise))


def chunks(spectra: list[Spectrum]):
    order = np.argsort([len(s) for s in spectra], kind="stable")
    for first in range(0, len(order), CHUNK):
        rows = order[first : first + CHUNK]
        yield rows, make_batch([spectra[i] for i in rows])


def guess_alone(guess) -> Callable[[list[Spectrum]], np.ndarray]:
    def run(spectra: list[Spectrum]) -> np.ndarray:
        errors = np.empty(len(spectra))
        for rows, batch in chunks(spectra):
            start = guess.starts(CIRCUIT, batch)[0]
            errors[rows] = error_of(start, batch)
        return errors

    return run


def error_of(u: np.ndarray, batch: Batch) -> np.ndarray:
    objective = objective_of(CIRCUIT, 0.0)
    return np.sqrt(evaluate(objective, u, batch, prior_of(CIRCUIT, batch)).misfit)


def fits(**options) -> Callable[[list[Spectrum]], np.ndarray]:
    def run(spectra: list[Spectrum]) -> np.ndarray:
        results = fit_spectra(spectra, CIRCUIT, FitOptions(**options))
        return np.array([result.scaled_error for result in results])

    return run


def adam(guess, steps: int = 1000, rate: float = 0.02) -> Callable[[list[Spectrum]], np.ndarray]:
    """First-order refinement as the original does it, on our exact gradients."""

    def run(spectra: list[Spectrum]) -> np.ndarray:
        errors = np.empty(len(spectra))
        objective = objective_of(CIRCUIT, 0.0)
        for rows, batch in chunks(spectra):
            prior, u = prior_of(CIRCUIT, batch), guess.starts(CIRCUIT, batch)[0]
            mean, square = np.zeros_like(u), np.zeros_like(u)
            for step in range(1, steps + 1):
                gradient = evaluate(objective, u, batch, prior).gradient
                mean = 0.9 * mean + 0.1 * gradient
                square = 0.999 * square + 0.001 * gradient**2
                root = np.sqrt(square / (1 - 0.999**step)) + 1e-8
                u = u - rate * mean / (1 - 0.9**step) / root
            errors[rows] = error_of(u, batch)
        return errors

    return run


def curve_fit(spectra: list[Spectrum]) -> np.ndarray:
    """SciPy's trust region on log parameters, one spectrum at a time, differences for slopes."""
    from scipy.optimize import least_squares

    coordinates = coordinates_of(CIRCUIT)
    errors = np.empty(len(spectra))
    for row, spectrum in enumerate(spectra):
        batch = make_batch([spectrum])
        omega = np.exp(batch.log_omega)

        def residual(u, batch=batch, omega=omega):
            values = coordinates.parameters(u[None], batch)
            away = (CIRCUIT.impedance(values, omega / (2 * np.pi)) - batch.impedance)[0]
            return np.concatenate([away.real / batch.spread[0, 0], away.imag / batch.spread[0, 1]])

        start = prior_of(CIRCUIT, batch).mean[0]
        found = least_squares(residual, start, method="trf", max_nfev=200)
        errors[row] = np.sqrt(np.mean(found.fun**2))
    return errors


def impedance_py(spectra: list[Spectrum]) -> np.ndarray:
    """impedance.py's own fit of its nearest circuit, from naive guesses."""
    from impedance.models.circuits import CustomCircuit

    errors = np.full(len(spectra), np.inf)
    text = "R0-La_0-p(R1,CPE_1)-p(R2,CPE_2)-p(R3,CPE_3)-CPE_4".replace("_", "")
    for row, spectrum in enumerate(spectra):
        size = np.abs(spectrum.impedance_ohm).mean()
        arc = [size / 3, 1 / size, 0.8]
        start = [size / 3, 1e-6 * size, 0.9, *arc, *arc, *arc, 10 / size, 0.5]
        try:
            circuit = CustomCircuit(text, initial_guess=start)
            circuit.fit(spectrum.frequency_hz, spectrum.impedance_ohm)
            found = circuit.predict(spectrum.frequency_hz)
        except Exception as error:  # noqa: BLE001
            print(f"  impedance.py: {type(error).__name__}")
            continue
        errors[row] = scaled(spectrum.impedance_ohm, found)
    return errors


METHODS: list[tuple[str, Callable[[list[Spectrum]], np.ndarray], int]] = [
    ("subset guess alone", guess_alone(SubsetGuess()), 10_000),
    ("network guess alone", guess_alone(NetworkGuess()), 10_000),
    ("spread guess + LM", fits(guesses=[SpreadGuess()], retries=0), 10_000),
    ("network guess + LM", fits(guesses=[NetworkGuess()], retries=0), 10_000),
    ("two starts + LM", fits(guesses=GUESSES, retries=0), 10_000),
    ("fit_spectra as it comes", fits(), 10_000),
    ("network guess + 1000 Adam", adam(NetworkGuess()), 192),
    ("SciPy least_squares (trf)", curve_fit, 24),
    (
        "twelve starts, long",
        fits(
            guesses=[*GUESSES, ScatteredGuess(4, seed=7)],
            starts=12,
            retries=0,
            iterations=150,
            first_steps=150,
        ),
        10_000,
    ),
]


def peers() -> list[tuple[str, Callable[[list[Spectrum]], np.ndarray], int]]:
    found = []
    if importlib.util.find_spec("impedance"):
        found.append(("impedance.py, naive start", impedance_py, 6))
    else:
        print("skipped: impedance.py is not installed")
    if not importlib.util.find_spec("pyimpspec"):
        print("skipped: pyimpspec is not installed")
    return found


def compare(bench: Set) -> dict[str, np.ndarray]:
    errors: dict[str, np.ndarray] = {}
    cost: dict[str, float] = {}
    fit_spectra(bench.spectra[:2], CIRCUIT)
    for name, run, most in [*METHODS, *peers()]:
        some = bench.spectra[:: max(1, -(-len(bench.spectra) // most))]
        start = time.process_time()
        found = run(some)
        cost[name] = (time.process_time() - start) / len(some) * 1e3
        errors[name] = np.full(len(bench.spectra), np.nan)
        errors[name][:: max(1, -(-len(bench.spectra) // most))] = found
    best = np.nanmin(list(errors.values()), axis=0)
    print(f"\n{bench.name}: {len(bench.spectra)} spectra, thesis circuit, 17 parameters")
    print(f"{'method':28} success  near-opt.     p50     p90     p99   ms CPU")
    for name, found in errors.items():
        there = np.isfinite(found)
        good = found[there] <= np.maximum(0.02, 1.5 * bench.noise[there])
        near = found[there] <= 1.05 * best[there] + 0.001
        p50, p90, p99 = np.percentile(found[there], [50, 90, 99])
        print(
            f"{name:28} {good.mean():6.1%}  {near.mean():8.1%}  {p50:7.4f} {p90:7.4f} {p99:7.4f} {cost[name]:8.2f}"
        )
    return errors


def cover() -> None:
    """Share of 90 % intervals of identifiable parameters that hold the truth."""
    rng = np.random.default_rng(5)
    circuit = NAMED_CIRCUITS["zarc3-series"]
    frequency = np.geomspace(1e5, 1e-2, 50)
    inside, said = [], []
    for _ in range(150):
        fc = np.exp(rng.uniform(np.log([0.3, 30.0, 1000.0]), np.log([3.0, 200.0, 8000.0])))
        arcs = np.column_stack([rng.uniform(0.3, 1, 3), fc, rng.uniform(0.7, 0.95, 3)]).ravel()
        truth = np.array([0.3, *arcs, 10.0, 0.6])
        exact = circuit.impedance(truth, frequency)
        error = rng.normal(size=(2, 50)) * np.abs(exact) * 10 ** rng.uniform(-3.5, -2)
        result = fit_spectra([Spectrum(frequency, exact + error[0] + 1j * error[1])], circuit)[0]
        held = (result.interval_low <= truth) & (truth <= result.interval_high)
        inside += list(held[result.identifiable])
        said.append(result.identifiable.mean())
    print(f"\n90 % intervals of identifiable parameters hold the truth: {np.mean(inside):.1%}")
    print(f"parameters said to be identifiable: {np.mean(said):.1%}")


def jitter() -> None:
    """Spread of parameters over 50 repeats at 1 % noise: coordinated over independent."""
    circuit = NAMED_CIRCUITS["zarc3-series"]
    truth = np.array([0.05, 0.1, 1.0, 0.85, 0.05, 50.0, 0.8, 0.03, 3000.0, 0.8, 80.0, 0.5])
    frequency = np.geomspace(1e5, 1e-2, 50)
    exact = circuit.impedance(truth, frequency)
    rng = np.random.default_rng(6)
    error = 0.01 * np.abs(exact) * rng.normal(size=(2, 50, 50))
    spectra = [Spectrum(frequency, exact + a + 1j * b) for a, b in zip(*error, strict=True)]
    alone = fit_spectra(spectra, circuit, FitOptions(starts=4, retries=0))
    together = fit_series(spectra, circuit)
    spread = [
        np.std([np.log(result.parameters) for result in results], axis=0)
        for results in (alone, together)
    ]
    seen = np.mean([result.identifiable for result in alone], axis=0) > 0.5
    ratio = (spread[1] / spread[0])[seen]
    print(
        f"\nspread of a constant series over independent fits: median {np.median(ratio):.2f}, worst {ratio.max():.2f}"
    )


def kramers_kronig(sets: list[Set]) -> None:
    for bench in sets:
        start = time.process_time()
        found = linear_kk(bench.spectra)
        seconds = (time.process_time() - start) / len(bench.spectra) * 1000
        accepted = np.mean([validity.verdict == "valid" for validity in found])
        print(
            f"\nKramers-Kronig, {bench.name}: {seconds:.2f} CPU s per 1000, accepted {accepted:.1%}"
        )


def draw(errors: dict[str, np.ndarray], names: list[str]) -> None:
    """Percentile curves as an SVG that takes the page's text colour."""
    width, height, left, bottom = 640, 360, 60, 50
    colours = ["#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00"]

    def x(share):
        return left + share * (width - left - 20)

    def y(error):
        return 20 + (np.log10(2) - np.log10(error)) / (np.log10(2) + 4) * (height - 20 - bottom)

    lines = []
    for exponent in range(-4, 1):
        level = y(10.0**exponent)
        lines.append(f'<path d="M{left} {level:.1f}H{width - 20}" stroke="#8888" />')
        lines.append(
            f'<text x="{left - 6}" y="{level + 4:.1f}" text-anchor="end">{10.0**exponent:g}</text>'
        )
    lines += [
        f'<text x="{x(percent / 100):.0f}" y="{height - 30}" text-anchor="middle">{percent}</text>'
        for percent in range(0, 101, 20)
    ]
    for k, name in enumerate(names):
        found = np.sort(errors[name][np.isfinite(errors[name])])[::-1]
        share = (np.arange(len(found)) + 0.5) / len(found)
        points = " ".join(
            f"{x(s):.1f},{y(np.clip(e, 1e-4, 2)):.1f}" for s, e in zip(share, found, strict=True)
        )
        dash = ["", "6 3", "2 3", "8 3 2 3", "1 4"][k % 5]
        lines.append(
            f'<polyline points="{points}" fill="none" stroke="{colours[k]}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        row = 34 + 18 * k
        lines.append(
            f'<path d="M{width - 225} {row - 4}h26" stroke="{colours[k]}" stroke-width="2" stroke-dasharray="{dash}"/>'
        )
        lines.append(f'<text x="{width - 192}" y="{row}">{name}</text>')
    lines.append(
        f'<text x="{(left + width) / 2}" y="{height - 8}" text-anchor="middle">percentile (1 is worse than 99 % of fits)</text>'
    )
    lines.append(
        f'<text transform="translate(14 {height / 2}) rotate(-90)" text-anchor="middle">scaled error</text>'
    )
    PLOT.parent.mkdir(exist_ok=True)
    PLOT.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" '
        f'font-size="12" fill="#444">\n<rect width="{width}" height="{height}" fill="#fff"/>\n'
        + "\n".join(lines)
        + "\n</svg>\n"
    )


def main() -> None:
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 400
    sets = [s for s in (bench_set(count), generated_set(count)) if s]
    errors = [compare(bench) for bench in sets]
    draw(
        errors[0],
        [
            "subset guess alone",
            "network guess alone",
            "network guess + 1000 Adam",
            "network guess + LM",
            "fit_spectra as it comes",
        ],
    )
    kramers_kronig(sets)
    cover()
    jitter()
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    print(f"\npeak memory {peak:.0f} MB")


if __name__ == "__main__":
    main()

"""The distribution of relaxation times: a second view that needs no circuit.

Z(ω) = R∞ + jωL + 1/(jωC) + ∫ γ(ln τ) / (1 + jωτ) d ln τ, with γ ≥ 0, on a grid of τ. The
problem has no unique solution; what is shown is the one with the least misfit plus
``regularisation`` times the squared second derivative of γ (Tikhonov), found by
non-negative least squares (Lawson & Hanson). Residuals are over |Z|. Maintained packages were
refused: pyDRTtools and hybrid-drt bring a graphical toolkit and a convex solver with them.
"""

from dataclasses import dataclass

import numpy as np

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import FloatArray, Spectrum
from eis.fitting import thinned

REGULARISATION = 1e-4
PER_DECADE = 10
BEYOND = 1.0  # decades past either end of the window
FEWEST_POINTS = 5


@dataclass(frozen=True, slots=True, eq=False)
class RelaxationTimes:
    """``gamma_ohm`` (n,) at ``time_constant_s`` (n,); its integral over ln τ is a resistance.

    ``root_mean_square`` of residuals over |Z|; ``series_ohm`` is R∞; ``peaks`` are indices
    of local maxima above 2 % of the largest.
    """

    time_constant_s: FloatArray
    gamma_ohm: FloatArray
    series_ohm: float
    inductance_h: float
    root_mean_square: float
    regularisation: float
    peaks: tuple[int, ...]

    @property
    def polarisation_ohm(self) -> float:
        """The resistance under the whole distribution."""
        step = np.log(self.time_constant_s[1] / self.time_constant_s[0])
        return float(self.gamma_ohm.sum() * step)


def relaxation_times(
    spectrum: Spectrum, *, regularisation: float = REGULARISATION
) -> RelaxationTimes:
    """The distribution of one spectrum; LabError where it has too few points."""
    from scipy.optimize import nnls

    short = thinned(spectrum)
    usable = short.usable
    if usable.sum() < FEWEST_POINTS:
        raise LabError(
            f"Expected at least {FEWEST_POINTS} points for relaxation times, found {usable.sum()}.",
            fix="Unmask points, or measure more frequencies.",
        )
    omega = 2 * np.pi * short.frequency_hz[usable]
    impedance = short.impedance_ohm[usable]
    tau, step = _grid(omega)
    matrix, target = _system(omega, impedance, tau, step)
    rough = _roughness(len(tau), step) * np.sqrt(regularisation * len(omega))
    # Roughness is measured on γ over the size of the spectrum, so λ means the same for all.
    size = float(np.abs(impedance).mean())
    lower = np.hstack([np.zeros((len(rough), 3)), rough])
    values, _ = nnls(
        np.vstack([matrix * size, lower]), np.concatenate([target, np.zeros(len(rough))])
    )
    left = matrix @ (values * size) - target
    gamma = values[3:] * size
    return RelaxationTimes(
        time_constant_s=tau,
        gamma_ohm=gamma,
        series_ohm=float(values[0] * size),
        inductance_h=float(values[1] * size / omega.max()),
        root_mean_square=float(np.sqrt(np.mean(left**2))),
        regularisation=regularisation,
        peaks=_peaks(gamma),
    )


def _grid(omega: FloatArray) -> tuple[FloatArray, float]:
    low, high = -np.log10(omega.max()) - BEYOND, -np.log10(omega.min()) + BEYOND
    count = int(np.ceil((high - low) * PER_DECADE)) + 1
    tau = np.logspace(low, high, count)
    return tau, float(np.log(tau[1] / tau[0]))


def _system(
    omega: FloatArray, impedance: np.ndarray, tau: FloatArray, step: float
) -> tuple[FloatArray, FloatArray]:
    """Rows of real and imaginary parts over |Z|; columns R∞, L, 1/C and γ."""
    columns = np.column_stack(
        [
            np.ones_like(omega),
            1j * omega / omega.max(),
            omega.min() / (1j * omega),
            step / (1 + 1j * omega[:, None] * tau),
        ]
    )
    weight = 1 / np.abs(impedance)
    scaled = columns * weight[:, None]
    target = impedance * weight
    return np.vstack([scaled.real, scaled.imag]), np.concatenate([target.real, target.imag])


def _roughness(count: int, step: float) -> FloatArray:
    """Second derivative by ln τ, times the root of the step: its square sums to an integral."""
    matrix: FloatArray = np.diff(np.eye(count), n=2, axis=0) / step**1.5
    return matrix


def _peaks(gamma: FloatArray) -> tuple[int, ...]:
    inner = gamma[1:-1]
    top = (inner > gamma[:-2]) & (inner >= gamma[2:]) & (inner > 0.02 * gamma.max())
    return tuple(int(i) + 1 for i in np.flatnonzero(top))

"""Circuits and spectra with known truth."""

import numpy as np
import pytest

from battery_db.lib.spectra import Spectrum
from eis.circuits import Circuit, parse_circuit

FREQUENCIES = np.geomspace(1e5, 1e-2, 50)
TWO_ARCS = parse_circuit("R0-ZARC1-ZARC2-CPE0")
TWO_ARCS_TRUTH = np.array([0.05, 0.12, 2.0, 0.85, 0.08, 800.0, 0.8, 60.0, 0.55])


def noisy(
    circuit: Circuit, parameters: np.ndarray, *, noise: float = 0.001, seed: int = 0
) -> Spectrum:
    """A spectrum with normal noise of ``noise`` times |Z| in both parts."""
    rng = np.random.default_rng(seed)
    impedance = circuit.impedance(np.asarray(parameters, float), FREQUENCIES)
    error = rng.normal(size=(2, len(FREQUENCIES)))
    return Spectrum(FREQUENCIES, impedance + noise * np.abs(impedance) * (error[0] + 1j * error[1]))


@pytest.fixture
def spectrum() -> Spectrum:
    return noisy(TWO_ARCS, TWO_ARCS_TRUTH)

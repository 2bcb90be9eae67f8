"""Of several circuits, the simplest one that explains the spectrum is chosen."""

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import Spectrum
from eis.circuits import NAMED_CIRCUITS
from eis.selection import effective_numbers, select_circuit
from tests.eis.conftest import noisy

FAMILY = {arcs: NAMED_CIRCUITS[f"zarc{arcs}-series"] for arcs in (1, 2, 3)}
ARCS = [0.1, 1.0, 0.85], [0.05, 60.0, 0.85], [0.04, 5000.0, 0.85]


@pytest.mark.parametrize("arcs", [1, 2, 3])
def test_the_number_of_arcs_that_made_the_spectrum_is_chosen(arcs):
    truth = [0.05, *np.concatenate(ARCS[:arcs]), 80.0, 0.5]
    spectra = [noisy(FAMILY[arcs], truth, noise=2e-3, seed=seed) for seed in range(10)]

    chosen = [selection.chosen + 1 for selection in select_circuit(spectra, FAMILY)]

    # One in fifty was chosen wrongly among 240 such spectra, so one in ten may be.
    assert np.mean([count == arcs for count in chosen]) >= 0.9


def test_points_that_are_far_less_noisy_than_others_hardly_count():
    frequency = np.geomspace(1e4, 1, 40)
    even = Spectrum(frequency, np.exp(1j * np.linspace(0, 2 * np.pi, 40, endpoint=False)))
    tail = Spectrum(frequency, np.where(np.arange(40) < 36, 1, 100) * even.impedance_ohm)

    # Variances are alike in the first; in the second, four points have 10⁴ times the others'.
    assert effective_numbers(even) == pytest.approx(80)
    assert effective_numbers(tail) < 9


def test_a_spectrum_too_short_for_large_circuits_gets_a_small_one():
    spectrum = noisy(FAMILY[1], [0.05, *ARCS[0], 80.0, 0.5])
    few = Spectrum(spectrum.frequency_hz[::10], spectrum.impedance_ohm[::10])

    selection = select_circuit([few], FAMILY)[0]

    assert selection.chosen == 0
    assert np.isinf(selection.criterion[2])


def test_a_family_without_circuits_is_refused():
    with pytest.raises(LabError, match="at least one circuit"):
        select_circuit([], {})

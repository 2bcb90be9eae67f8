"""Relaxation times, features and drawings: views that people look at beside a fit."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import Spectrum
from eis.circuit_svg import circuit_svg
from eis.circuits import NAMED_CIRCUITS, parse_circuit
from eis.drt import relaxation_times
from eis.features import arcs, features
from eis.fitting import fit_spectra
from tests.eis.conftest import FREQUENCIES, noisy

ARCS = parse_circuit("R0-ZARC1-ZARC2")
TRUTH = [0.05, 0.12, 2.0, 0.9, 0.08, 800.0, 0.9]


@pytest.mark.parametrize("size", [1e-3, 1.0, 1e3])
def test_relaxation_times_find_the_arcs_and_their_resistance(size):
    spectrum = noisy(ARCS, TRUTH, noise=1e-3)
    spectrum = Spectrum(spectrum.frequency_hz, spectrum.impedance_ohm * size)

    found = relaxation_times(spectrum)

    peaks = 1 / (2 * np.pi * found.time_constant_s[list(found.peaks)])
    # The grid has 10 points a decade, so a peak is within one step, 26 %.
    assert any(np.isclose(peaks, 2.0, rtol=0.3))
    assert any(np.isclose(peaks, 800.0, rtol=0.3))
    assert found.polarisation_ohm == pytest.approx(0.2 * size, rel=0.03)
    assert found.series_ohm == pytest.approx(0.05 * size, rel=0.05)
    assert found.root_mean_square < 0.01


def test_more_regularisation_is_smoother_and_fits_less():
    spectrum = noisy(ARCS, TRUTH, noise=1e-3)

    sharp, smooth = (relaxation_times(spectrum, regularisation=r) for r in (1e-5, 1e-1))

    roughness = [np.square(np.diff(d.gamma_ohm, n=2)).sum() for d in (sharp, smooth)]
    assert roughness[0] > roughness[1]
    assert sharp.root_mean_square < smooth.root_mean_square


def test_relaxation_times_of_too_few_points_say_so():
    with pytest.raises(LabError, match="found 2"):
        relaxation_times(Spectrum([1.0, 2.0], [1.0, 2.0]))


def test_arcs_name_the_point_nearest_to_their_top():
    spectrum = noisy(ARCS, TRUTH)
    found = arcs(fit_spectra([spectrum], ARCS)[0], spectrum)

    assert [arc.name for arc in found] == ["ZARC1", "ZARC2"]
    for arc in found:
        distance = np.abs(np.log(FREQUENCIES / arc.frequency_hz))
        assert arc.nearest == distance.argmin()
        assert arc.time_constant_s * 2 * np.pi * arc.frequency_hz == pytest.approx(1)


def test_a_failed_fit_has_no_arcs():
    spectrum = Spectrum([1.0], [1.0])

    assert arcs(fit_spectra([spectrum], ARCS)[0], spectrum) == []


def test_the_intercept_is_where_the_spectrum_turns_capacitive():
    circuit = parse_circuit("L0-R0-p(R1,C1)")
    spectrum = noisy(circuit, [1e-7, 0.05, 0.1, 0.01], noise=0)

    found = features(spectrum)

    # The imaginary part of L cancels that of the arc near 36 kHz, where the arc adds 2 mΩ or less.
    assert found.intercept_ohm == pytest.approx(0.05, abs=2e-3)
    assert found.inductive_points == (spectrum.impedance_ohm.imag > 0).sum() > 0
    assert (found.points, found.lowest_hz) == (50, pytest.approx(0.01))


def test_a_spectrum_without_points_has_no_features():
    assert features(Spectrum([0.0], [1.0])) is None


@pytest.mark.parametrize(
    "text", [*(c.text for c in NAMED_CIRCUITS.values()), "p(R1-Ws1,C1)-L0-p(R2-p(R3,CPE2),W3)-Wo4"]
)
def test_a_drawing_shows_every_element_once_inside_its_frame(text):
    circuit = parse_circuit(text)

    root = ET.fromstring(circuit_svg(circuit))

    space = "{http://www.w3.org/2000/svg}"
    labels = [element.text for element in root.iter(f"{space}text")]
    assert sorted(labels) == sorted(leaf.name for leaf in circuit.leaves)
    assert root.find(f"{space}title").text == text
    width = float(root.get("width"))
    assert all(0 <= float(e.get("x")) <= width for e in root.iter(f"{space}text"))

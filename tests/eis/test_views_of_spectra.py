"""Relaxation times, arcs and drawings: views that people look at beside a fit."""

from xml.etree import ElementTree as ET

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from battery_db.lib.spectra import Spectrum
from eis.arcs import arcs
from eis.circuit_svg import circuit_svg
from eis.circuits import NAMED_CIRCUITS, parse_circuit
from eis.drt import relaxation_times
from eis.plots import bode, nyquist
from tests.eis.conftest import noisy

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


@pytest.mark.parametrize("draw", [nyquist, bode])
def test_inductive_negative_and_masked_points_have_words_and_markers_of_their_own(draw):
    impedance = [1 + 2j, 1 - 1j, -1 - 1j, -1 + 1j, 2 - 1j]
    spectrum = Spectrum([1e4, 1e3, 1e2, 10, 1], impedance, [True, True, True, True, False])

    traces = draw(spectrum)["data"]

    places = {trace["name"]: trace["customdata"] for trace in traces}
    assert places == {
        "measured": [1], "inductive": [0], "negative real part": [2, 3], "masked": [4]
    }  # fmt: skip
    assert len({trace["marker"]["symbol"] for trace in traces}) == 4
    assert all(trace["name"] in trace["hovertemplate"] for trace in traces)


def arcs_of(text: str, *values: float):
    circuit = parse_circuit(text)
    return arcs(circuit, dict(zip(circuit.parameter_names, values, strict=True)))


def test_arcs_have_time_constant_and_capacitance_fastest_first():
    slow, fast = reversed(arcs_of("R0-ZARC1-ZARC2", 0.05, 0.12, 2.0, 0.9, 0.08, 800.0, 0.8))

    assert (fast.name, slow.name) == ("ZARC2", "ZARC1")
    assert fast.time_constant_s == pytest.approx(1 / (2 * np.pi * 800))
    assert fast.capacitance_f * fast.resistance_ohm == pytest.approx(fast.time_constant_s)


def test_a_resistor_beside_a_capacitor_or_a_cpe_is_an_arc_anywhere_in_the_circuit():
    inner, outer = arcs_of("R0-p(C1,R1-p(R2,C2))-p(CPE3,R3)", 1, 1, 1, 2, 0.25, 10, 0.8, 4)

    assert (inner.name, inner.capacitance_f) == ("R2, C2", pytest.approx(0.25))
    assert inner.time_constant_s == pytest.approx(0.5)
    # (R Q)^(1/φ), the time constant of Figure 2.1's arc
    assert (outer.name, outer.time_constant_s) == ("R3, CPE3", pytest.approx(40 ** (1 / 0.8)))


@pytest.mark.parametrize(
    ("text", "values"),
    [("R0-C1", (1, 1)), ("R0-LZARC1", (1, 1, 1, 0.9)), ("p(R1,C1)", (0, 1)), ("p(R1,L1)", (1, 1)),
     ("p(R1,C1,R2)", (1, 1, 1)), ("R0-ZARC1", (1, float("nan"), 1, 1))],
)  # fmt: skip
def test_what_is_no_arc_is_not_called_one(text, values):
    assert arcs_of(text, *values) == []


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

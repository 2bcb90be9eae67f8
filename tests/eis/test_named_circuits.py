"""Each of the 24 circuits of EISFitting, and that of the thesis: formula, drawing, fit, order."""

import numpy as np
import pytest

from battery_db.lib.spectra import Spectrum
from eis.circuit_svg import circuit_svg
from eis.circuits import NAMED_CIRCUITS, Circuit
from eis.fitting import fit_spectra
from eis.universal import place_of

FREQUENCY = np.geomspace(1e5, 1e-2, 60)
VALUES = {
    "R0": 0.05, "La0_L": 2e-7, "La0_alpha": 0.97,
    "LZARC0_R": 0.04, "LZARC0_fc": 3e4, "LZARC0_phi": 0.92,
    # From the fastest to the slowest, the other way round than fits number them.
    "ZARC1_R": 0.10, "ZARC1_fc": 2000.0, "ZARC1_phi": 0.88,
    "ZARC2_R": 0.15, "ZARC2_fc": 40.0, "ZARC2_phi": 0.86,
    "ZARC3_R": 0.20, "ZARC3_fc": 0.8, "ZARC3_phi": 0.9,
    "CPE0_Q": 60.0, "CPE0_phi": 0.55,
    "ZARCW1_R": 0.20, "ZARCW1_fc": 0.8, "ZARCW1_phi": 0.9, "ZARCW1_Q": 60.0, "ZARCW1_phi_d": 0.55,
}  # fmt: skip


def truth(circuit: Circuit) -> np.ndarray:
    return np.array([VALUES[name] for name in circuit.parameter_names])


def by_hand(name: str) -> np.ndarray:
    """What the words of a name say, written out once more (thesis Figure 2.5)."""
    v, s = VALUES, 2j * np.pi * FREQUENCY
    words = ["zarc3", "l", "lzarc", "series"] if name == "thesis" else name.split("-")
    tail = 1 / (v["CPE0_Q"] * s ** v["CPE0_phi"])
    total = v["R0"] + 0 * s
    first = 1
    if words[-1] == "nested":
        first = 2
        branch = v["ZARCW1_R"] + tail
        cpe = (s / (2 * np.pi * v["ZARCW1_fc"])) ** v["ZARCW1_phi"] / v["ZARCW1_R"]
        total = total + 1 / (1 / branch + cpe)
    else:
        total = total + tail
    for i in range(first, int(words[0][-1]) + 1):
        R, fc, phi = (v[f"ZARC{i}_{key}"] for key in ("R", "fc", "phi"))
        total = total + R / (1 + (s / (2 * np.pi * fc)) ** phi)
    if "l" in words:
        total = total + v["La0_L"] * s ** v["La0_alpha"]
    if "lzarc" in words:
        R, fc, phi = (v[f"LZARC0_{key}"] for key in ("R", "fc", "phi"))
        total = total + R / (1 + (s / (2 * np.pi * fc)) ** -phi)
    return total


@pytest.mark.parametrize("name", NAMED_CIRCUITS)
def test_a_named_circuit_is_what_its_name_says(name):
    circuit = NAMED_CIRCUITS[name]

    impedance = circuit.impedance(truth(circuit), FREQUENCY)

    # A few roundings of complex powers apart.
    assert np.allclose(impedance, by_hand(name), rtol=1e-12)


@pytest.mark.parametrize("name", NAMED_CIRCUITS)
def test_a_named_circuit_fits_its_own_spectrum_with_its_arcs_in_order(name):
    circuit = NAMED_CIRCUITS[name]
    rng = np.random.default_rng(5)
    impedance = circuit.impedance(truth(circuit), FREQUENCY)
    error = rng.normal(size=(2, len(FREQUENCY))) * 1e-3 * np.abs(impedance)

    (result,) = fit_spectra([Spectrum(FREQUENCY, impedance + error[0] + 1j * error[1])], circuit)

    assert result.status == "fitted"
    assert result.scaled_error < 0.01  # noise of 0.1 % of |Z|, seen over the spread of each part
    found = result.as_dict()
    frequencies = [found[key] for key in found if key.startswith("ZARC") and key.endswith("_fc")]
    plain = [found[key] for key in found if key in ("ZARC1_fc", "ZARC2_fc", "ZARC3_fc")]
    assert plain == sorted(plain)
    assert len(frequencies) == (3 if name == "thesis" else int(name[4]))


@pytest.mark.parametrize("name", NAMED_CIRCUITS)
def test_a_named_circuit_is_drawn_with_every_element_and_known_to_the_network(name):
    circuit = NAMED_CIRCUITS[name]

    drawing = circuit_svg(circuit)

    assert [drawing.count(f">{leaf.name}</text>") for leaf in circuit.leaves] == [1] * len(
        circuit.leaves
    )
    assert len(set(place_of(circuit).columns.tolist())) == len(circuit)

"""What a fitted circuit can be written as gives the very same spectrum."""

import numpy as np
import pytest

from eis.circuits import parse_circuit
from eis.equivalents import equivalents

FREQUENCY = np.geomspace(1e-3, 1e5, 41)


def forms_of(text: str, numbers):
    circuit = parse_circuit(text)
    values = dict(zip(circuit.parameter_names, numbers, strict=True))
    return circuit, equivalents(circuit, values)


@pytest.mark.parametrize(
    ("text", "numbers", "title", "other"),
    [
        ("R0-p(R1,C1)-p(C2,R2)", (1, 2, 3, 0.1, 5), "ladder", "R0-p(C1,R1-p(C2,R2))"),
        ("p(R1,C1)-C3-R0", (1, 2, 3, 4), "ladder", "R0-p(C1,R1-C2)"),
        ("R0-p(C1,R1-p(C2,R2))", (1, 2, 3, 0.1, 5), "Voigt circuit", "R0-p(R1,C1)-p(R2,C2)"),
        ("R0-p(C1,R1-C2)", (1, 2, 3, 4), "Voigt circuit", "R0-p(R1,C1)-C0"),
        ("R0-p(R1,C1)", (1, 1, 4), "bridged", "p(R1,R2-C1)"),
        ("p(R1,R2-C1)", (2, 2, 1), "series", "R0-p(R1,C1)"),
        ("R1-ZARC1-CPE1", (1, 2, 3, 0.8, 9, 0.5), "with constant phase elements",
         "R1-p(R2,CPE2)-CPE1"),
        ("L0-R0-p(CPE1,R1-W1)-p(CPE2,R2)", (1e-6, 1, 2, 0.8, 3, 1, 9, 0.5, 4), "with ZARCs",
         "L0-R0-p(CPE1,R1-W1)-ZARC1"),
    ],
)  # fmt: skip
def test_the_other_circuit_has_the_same_spectrum(text, numbers, title, other):
    circuit, (form,) = forms_of(text, numbers)

    assert (form.title, form.circuit.text) == (title, other)
    expected = circuit.impedance(np.array(numbers, dtype=float), FREQUENCY)
    found = form.circuit.impedance(form.parameters, FREQUENCY)
    assert np.allclose(found, expected, rtol=1e-9, atol=0)
    assert [value for _, _, value in form.rows()] == form.parameters.tolist()


@pytest.mark.parametrize(
    ("text", "numbers", "words"),
    [
        ("R0-p(R1,C1)-p(R2,C2)", (1, 2, 3, 2, 3), "same time constant"),
        ("R0-p(R1,C1)", (0, 1, 4), "above zero"),
        ("R0-ZARC1", (1, 0, 4, 0.8), "ZARC1 has a parameter that is not above zero"),
    ],
)
def test_numbers_that_do_not_let_it_be_say_why(text, numbers, words):
    _, (form,) = forms_of(text, numbers)

    assert form.circuit is None
    assert form.rows() == []
    assert words in form.limit


@pytest.mark.parametrize(
    "text", ["R0", "R0-C1", "R0-Wo1-p(R1,C1)", "R0-p(C1,R1-L1)", "p(R1,L1)", "R0-p(R1,R2)"]
)
def test_a_circuit_of_another_form_has_none(text):
    circuit = parse_circuit(text)

    assert forms_of(text, np.ones(len(circuit)))[1] == []

"""The notation of circuits: read, printed back, refused with a reason; one formula, two libraries."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eis.circuits import NAMED_CIRCUITS, CircuitError, parse_circuit
from eis.elements import ELEMENTS

SYMBOLS = sorted(ELEMENTS)
# A coil beside a capacitor resonates without loss, where differences are no measure of slopes.
DAMPED = [symbol for symbol in SYMBOLS if symbol != "L"]


def circuit_texts(symbols=SYMBOLS) -> st.SearchStrategy[str]:
    """Texts of valid circuits; each element is numbered in order, so names never repeat."""
    leaf = st.sampled_from(symbols)
    tree = st.recursive(
        leaf,
        lambda inner: st.one_of(
            st.lists(inner, min_size=2, max_size=3).map("-".join),
            st.lists(inner, min_size=2, max_size=3).map(lambda parts: f"p({','.join(parts)})"),
        ),
        max_leaves=6,
    )
    return tree.map(numbered)


def numbered(text: str) -> str:
    out, count, word = [], 0, ""
    for character in text + " ":
        if character.isalpha():
            word += character
            continue
        if word and not (word == "p" and character == "("):
            word += str(count)
            count += 1
        out.append(word + character)
        word = ""
    return "".join(out).strip()


def random_parameters(circuit, rng, rows=3):
    parameters = np.exp(rng.normal(size=(rows, len(circuit))))
    fractions = [i for i, p in enumerate(circuit.parameters) if p.fraction]
    parameters[:, fractions] = rng.uniform(0.3, 0.95, (rows, len(fractions)))
    return parameters


@given(circuit_texts())
def test_a_circuit_is_printed_as_it_was_read(text):
    assert parse_circuit(text).text == text


@settings(deadline=None)
@given(circuit_texts(DAMPED), st.integers(0, 100))
def test_slopes_are_the_derivatives_of_the_impedance(text, seed):
    circuit = parse_circuit(text)
    rng = np.random.default_rng(seed)
    parameters = random_parameters(circuit, rng)
    frequency = np.broadcast_to(np.geomspace(1e-2, 1e3, 9), (3, 9))

    impedance, slopes = circuit.slopes(parameters, np.log(2 * np.pi * frequency))

    assert np.allclose(impedance, circuit.impedance(parameters, frequency), rtol=1e-12)
    step = 1e-5
    for index, parameter in enumerate(circuit.parameters):
        moved = [parameters.copy(), parameters.copy()]
        for sign, array in zip((1, -1), moved, strict=True):
            if parameter.fraction:
                array[:, index] += sign * step
            else:
                array[:, index] *= np.exp(sign * step)
        ahead, behind = (circuit.impedance(array, frequency) for array in moved)
        # Central differences: truncation near step², cancellation near eps / step.
        error = np.abs((ahead - behind) / (2 * step) - slopes[:, index])
        assert (error <= 1e-7 * np.abs(impedance).max()).all()


@settings(deadline=None)
@given(circuit_texts(), st.integers(0, 100))
def test_numpy_and_torch_evaluate_the_same_formula(text, seed):
    torch = pytest.importorskip("torch")
    circuit = parse_circuit(text)
    parameters = random_parameters(circuit, np.random.default_rng(seed))
    frequency = np.geomspace(1e-2, 1e4, 11)

    tensor = circuit.impedance(torch.from_numpy(parameters), torch.from_numpy(frequency))

    # A few roundings of double precision apart.
    assert np.allclose(tensor.numpy(), circuit.impedance(parameters, frequency), rtol=1e-12)


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("", "expected an element, found 'the end'"),
        ("R0-", "expected an element, found 'the end'"),
        ("R0--C1", "expected an element, found '-'"),
        ("R0-p(R1", "expected ',' or ')', found 'the end'"),
        ("p(R1)", "at least two branches"),
        ("R0)", "where the circuit should end"),
        ("R0-X1", "'X1' is no element"),
        ("R0-R0", "'R0' is there twice"),
        ("R0+C1", "'+' has no meaning"),
        ("__import__('os')", "has no meaning"),
        ("-".join(f"R{i}" for i in range(31)), "more than 30 elements"),
    ],
)
def test_a_circuit_that_can_not_be_read_says_where(text, found):
    with pytest.raises(CircuitError) as caught:
        parse_circuit(text)

    assert found in caught.value.message
    assert "p(a,b)" in caught.value.fix


def test_a_deep_circuit_is_refused_and_not_a_crash():
    names = iter(range(1000))
    text = "".join(f"p(R{next(names)}," for _ in range(400)) + "C0" + ")" * 400

    with pytest.raises(CircuitError, match="levels deep"):
        parse_circuit(text)


def test_the_named_circuits_are_the_thesis_one_and_the_24_of_the_original():
    assert len(NAMED_CIRCUITS) == 25
    assert NAMED_CIRCUITS["thesis"] == NAMED_CIRCUITS["zarc3-l-lzarc-series"]
    assert len({circuit.text for circuit in NAMED_CIRCUITS.values()}) == 24
    assert NAMED_CIRCUITS["zarc2-l-nested"].text == "R0-La0-ZARCW1-ZARC2"


def test_parameters_have_names_and_units():
    circuit = parse_circuit("R0-p(ZARC1,C1)")

    assert circuit.parameter_names == ("R0", "ZARC1_R", "ZARC1_fc", "ZARC1_phi", "C1")
    assert circuit.parameter_units == ("Ω", "Ω", "Hz", "", "F")

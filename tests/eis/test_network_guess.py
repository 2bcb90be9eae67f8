"""The shipped network: it helps where it is known, is refused where it does not fit, and is small."""

import numpy as np
import pytest

from battery_db.lib.errors import LabError
from eis.batches import make_batch
from eis.circuits import NAMED_CIRCUITS, parse_circuit
from eis.coordinates import prior_of
from eis.fitting import objective_of
from eis.generated import generate_spectra
from eis.initial_guess import SubsetGuess
from eis.network_guess import INPUTS, SHIPPED, NetworkGuess, header
from eis.refinement import evaluate
from eis.universal import GLOBAL_FEATURES, POINT_FEATURES


@pytest.fixture(scope="module")
def batch():
    return make_batch(generate_spectra(128, np.random.default_rng(77)).spectra())


def median_error(circuit, u, batch) -> float:
    objective, prior = objective_of(circuit, 0.0), prior_of(circuit, batch)
    return float(np.sqrt(np.median(evaluate(objective, u, batch, prior).misfit)))


def test_the_network_is_far_nearer_than_the_best_classical_guess(batch):
    circuit = NAMED_CIRCUITS["thesis"]

    network = NetworkGuess().starts(circuit, batch)[0]
    classical = SubsetGuess().starts(circuit, batch)[0]

    assert median_error(circuit, network, batch) < 0.4 * median_error(circuit, classical, batch)


@pytest.mark.parametrize("name", NAMED_CIRCUITS)
def test_one_network_serves_every_named_circuit(name, batch):
    circuit = NAMED_CIRCUITS[name]

    (start,) = NetworkGuess().starts(circuit, batch)

    assert start.shape == (128, len(circuit))
    assert np.isfinite(start).all()


def test_padding_does_not_matter(batch):
    alone = batch.take(np.arange(1))
    count = int(alone.points[0])
    short = type(alone)(
        alone.log_omega[:, :count], alone.impedance[:, :count], alone.weight[:, :count],
        alone.scale, alone.shift, alone.low, alone.high, alone.spread,
    )  # fmt: skip
    circuit = NAMED_CIRCUITS["thesis"]

    first, second = (NetworkGuess().starts(circuit, b)[0] for b in (batch, short))

    # What differs is rounding in single precision.
    assert np.allclose(first[0], second[0], atol=1e-3)


def test_a_circuit_of_ones_own_is_left_to_the_other_guesses(batch):
    assert NetworkGuess().starts(parse_circuit("R0-p(R1,C1)"), batch) == []


def test_the_shipped_file_is_small_and_says_what_it_is():
    assert SHIPPED.stat().st_size <= 4_000_000
    assert header()["inputs"] == INPUTS
    assert {"architecture", "seed", "steps"} <= set(header())


def test_a_missing_file_says_how_to_make_one(batch, tmp_path):
    guess = NetworkGuess(tmp_path / "none.onnx")

    with pytest.raises(LabError, match="train_inverse_model"):
        guess.starts(NAMED_CIRCUITS["thesis"], batch)


def test_a_file_for_other_inputs_is_refused(batch, tmp_path):
    onnx = pytest.importorskip("onnx")
    model = onnx.load(SHIPPED)
    next(p for p in model.metadata_props if p.key == "inputs").value = "impedance-inputs/0"
    other = tmp_path / "other.onnx"
    onnx.save(model, other)

    with pytest.raises(LabError, match="impedance-inputs/0"):
        NetworkGuess(other).starts(NAMED_CIRCUITS["thesis"], batch)


def test_the_model_card_names_the_sizes_of_the_inputs():
    card = (SHIPPED.parent / "README.md").read_text()

    assert f"{POINT_FEATURES} numbers per frequency" in card
    assert f"{GLOBAL_FEATURES} per spectrum" in card

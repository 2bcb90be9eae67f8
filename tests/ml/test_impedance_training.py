"""Training of the impedance network: the circuit is the same one, and learning happens."""

import json
from dataclasses import replace

import numpy as np
import pytest
from django.core.management import call_command

from battery_db.lib.spectra import Spectrum
from eis.batches import make_batch
from eis.circuits import NAMED_CIRCUITS
from eis.coordinates import coordinates_of, prior_of
from eis.generated import generate_spectra
from eis.network_guess import NetworkGuess, header
from eis.universal import corrected, first_guess, network_inputs

torch = pytest.importorskip("torch")

from ml.impedance_training import (  # noqa: E402
    Example,
    TrainingOptions,
    augmented,
    reconstruction_loss,
    train,
)
from ml.networks.impedance import ARCHITECTURES, random_mask  # noqa: E402

SHORT = {"steps": 3, "batch": 8}


@pytest.fixture(scope="module")
def batch():
    return make_batch(generate_spectra(6, np.random.default_rng(3)).spectra())


@pytest.mark.parametrize("name", NAMED_CIRCUITS)
def test_the_gradient_of_the_loss_is_that_of_differences(name, batch):
    circuit = NAMED_CIRCUITS[name]
    prior = prior_of(circuit, batch)
    u = prior.mean + np.random.default_rng(1).normal(0, 0.3, prior.mean.shape)
    example = Example(circuit, batch, u)
    tensor = torch.from_numpy(u).requires_grad_()

    reconstruction_loss(tensor, example).sum().backward()

    step = np.random.default_rng(2).normal(size=u.shape)
    ahead, behind = (
        reconstruction_loss(torch.from_numpy(u + h * step), example).double() for h in (1e-2, -1e-2)
    )
    # Losses are of single precision, about 1e-6 over a step of 0.02; curvature adds h².
    found = (tensor.grad.numpy() * step).sum(axis=1)
    assert np.allclose(found, (ahead - behind).numpy() / 2e-2, rtol=0.02, atol=0.02)


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_an_untrained_network_gives_back_the_guess(name, batch):
    circuit = NAMED_CIRCUITS["thesis"]
    base = prior_of(circuit, batch).mean
    inputs = [torch.from_numpy(a) for a in network_inputs(circuit, base, batch)]

    assert (ARCHITECTURES[name]()(*inputs) == 0).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_what_stands_in_the_padding_does_not_matter(name, batch):
    circuit = NAMED_CIRCUITS["thesis"]
    torch.manual_seed(0)
    network = ARCHITECTURES[name]().eval()
    torch.nn.init.normal_(network.head.last.weight, std=0.1)
    points, whole, mask = (
        torch.from_numpy(a) for a in network_inputs(circuit, prior_of(circuit, batch).mean, batch)
    )

    first = network(points, whole, mask)
    count = int(mask[0].sum())
    second = network(points[:1, :count], whole[:1], mask[:1, :count])

    assert torch.allclose(first[:1], second, atol=1e-5)


def test_a_perfect_reconstruction_has_a_lower_loss_than_a_guess(batch):
    circuit = NAMED_CIRCUITS["thesis"]
    u = prior_of(circuit, batch).mean
    values = circuit.impedance(
        coordinates_of(circuit).parameters(u, batch), np.exp(batch.log_omega) / (2 * np.pi)
    )
    exact = Example(circuit, replace(batch, impedance=np.where(batch.weight > 0, values, 1)), u)
    tensor = torch.from_numpy(u.astype(np.float32))

    there, away = (reconstruction_loss(tensor + step, exact) for step in (0, 0.3))

    assert (there < away - 1).all()


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_the_same_seed_trains_the_same_weights(name):
    options = TrainingOptions(architecture=name, **SHORT)

    first, second = (train(options).state_dict() for _ in range(2))

    assert all(torch.equal(first[key], second[key]) for key in first)


def test_training_lowers_the_loss_on_spectra_it_never_saw():
    circuit = NAMED_CIRCUITS["thesis"]
    unseen = make_batch(generate_spectra(96, np.random.default_rng(4)).spectra())
    base = first_guess(circuit, unseen)
    example = Example(circuit, unseen, base)
    points, whole, mask = (torch.from_numpy(a) for a in network_inputs(circuit, base, unseen))

    network = train(TrainingOptions(steps=40, batch=32, learning_rate=3e-3))

    with torch.no_grad():
        better = corrected(circuit, base, network(points, whole, mask).numpy())
        before, after = (
            reconstruction_loss(torch.from_numpy(u), example).mean() for u in (base, better)
        )
    assert after < before - 0.2


def test_own_spectra_are_cropped_only_above_where_they_turn_capacitive():
    frequency = np.geomspace(1e5, 1e-1, 20)
    impedance = 1 + 1j * np.linspace(1, -3, 20)
    crossing = int(np.argmax(impedance.imag <= 0))
    rng = np.random.default_rng(0)

    lengths = {len(augmented(Spectrum(frequency, impedance), rng)) for _ in range(200)}

    assert min(lengths) == 20 - crossing
    assert max(lengths) == 20


def test_own_spectra_take_part_in_training():
    own = generate_spectra(3, np.random.default_rng(9)).spectra()

    trained, other = train(TrainingOptions(**SHORT), own), train(TrainingOptions(**SHORT))

    assert not torch.equal(trained.head.last.weight, other.head.last.weight)


def test_random_masks_hide_points_of_some_spectra_and_never_add_any():
    mask = torch.ones(400, 40)
    mask[:, 30:] = 0

    seen = random_mask(mask, torch.Generator().manual_seed(0))

    assert (seen <= mask).all()
    assert 0.15 < ((seen < mask).any(dim=1)).float().mean() < 0.35
    assert seen.sum(dim=1).min() >= 10


def test_the_command_writes_a_file_that_fits_start_from(tmp_path, capsys, batch):
    path = tmp_path / "small.onnx"

    call_command("train_inverse_model", "--steps", "2", "--to", str(path), "--json")

    result = json.loads(capsys.readouterr().out.strip().splitlines()[-1])
    assert (result["file"], result["steps"]) == (str(path), 2)
    assert header(path)["seed"] == "1"
    assert len(NetworkGuess(path).starts(NAMED_CIRCUITS["thesis"], batch)) == 1

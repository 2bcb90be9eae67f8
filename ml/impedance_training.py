"""Training of the impedance network: no parameters are ever given to it, only spectra.

The loss is how well the spectrum is reconstructed through the circuit (thesis 3.3.4),
measured as in 3.5.10, with the penalties of 3.5.4 to 3.5.6. The thesis weighs penalties by
the present loss, held constant under differentiation (3.5.7); here the loss of each
spectrum is divided by its own present value as well, so a good fit learns as much as a bad
one. Its gradient comes from the exact slopes that fits use, so the circuit has one formula.
Each spectrum meets a random circuit, told by switches (3.6), and the network learns to
correct the prior's mean, and then what its own corrections leave.
"""

import logging
import math
import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from battery_db.lib.spectra import FloatArray, Spectrum
from eis.batches import Batch, make_batch
from eis.circuits import NAMED_CIRCUITS, Circuit
from eis.coordinates import coordinates_of, prior_of
from eis.generated import generate_spectra
from eis.network_guess import CORRECTIONS, INPUTS
from eis.refinement import Objective, evaluate
from eis.universal import (
    GLOBAL_FEATURES,
    LARGEST_COORDINATE,
    POINT_FEATURES,
    UNIVERSAL,
    first_guess,
    network_inputs,
    place_of,
)
from ml.networks.impedance import ARCHITECTURES, random_mask

FLOOR = 1e-6  # misfits below are as good as any: a scaled error of 0.001
SPARSE = 5e-4  # weight of small complexity
STEEPEST = 5.0  # length of one spectrum's gradient: a hopeless one drowns no other
TOGETHER = 128  # spectra of like length that pass the network together: they fit the cache


@dataclass(frozen=True, slots=True)
class TrainingOptions:
    """One training: the same options and seed give the same weights on the same machine."""

    architecture: str = "convolutional"
    steps: int = 11_000
    batch: int = 256
    circuits_per_batch: int = 4
    learning_rate: float = 2e-3
    seed: int = 1
    own_share: float = 0.5  # of each batch from the lab's own spectra, where there are any
    progress: Callable[[int, int, float], None] | None = field(default=None, compare=False)
    keep: Callable[[torch.nn.Module], None] | None = field(default=None, compare=False)
    keep_every: int = 1000


@dataclass(frozen=True, slots=True, eq=False)
class Example:
    """Spectra that meet one circuit, with the guess that the network corrects."""

    circuit: Circuit
    batch: Batch
    base: FloatArray


def train(
    options: TrainingOptions,
    own: Sequence[Spectrum] = (),
    *,
    losses: list[float] | None = None,
) -> torch.nn.Module:
    """A trained network; ``own`` spectra are mixed with generated ones (thesis 3.7.6).

    The running mean of the loss is appended to ``losses`` after every step.
    """
    torch.manual_seed(options.seed)
    rng = np.random.default_rng(options.seed)
    masks = torch.Generator().manual_seed(options.seed)
    network = ARCHITECTURES[options.architecture]()
    optimiser = torch.optim.AdamW(network.parameters(), lr=1.0, weight_decay=1e-4)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda step: _rate(step, options))
    smooth = math.nan
    for step in range(options.steps):
        optimiser.zero_grad()
        value = 0.0
        for circuit in _circuits(options.circuits_per_batch, rng):
            size = options.batch // options.circuits_per_batch
            for example in _examples(circuit, size, own, options, rng):
                value += _learn(network, example, masks, 1 / options.batch)
        torch.nn.utils.clip_grad_norm_(network.parameters(), 1.0)
        optimiser.step()
        schedule.step()
        smooth = value if math.isnan(smooth) else 0.98 * smooth + 0.02 * value
        if losses is not None:
            losses.append(smooth)
        if options.progress:
            options.progress(step + 1, options.steps, smooth)
        if options.keep and (step + 1) % options.keep_every == 0:
            options.keep(network)
    return network.eval()


def _rate(step: int, options: TrainingOptions) -> float:
    """A warm-up of a twentieth, then half a cosine down to a hundredth."""
    warm = max(options.steps // 20, 1)
    if step < warm:
        return options.learning_rate * (step + 1) / warm
    share = (step - warm) / max(options.steps - warm, 1)
    return options.learning_rate * (0.01 + 0.99 * 0.5 * (1 + math.cos(math.pi * share)))


def _circuits(count: int, rng: np.random.Generator) -> list[Circuit]:
    """The thesis circuit for half of the examples, and any of the 24 for the others."""
    names = list(NAMED_CIRCUITS)
    half = count // 2
    return [UNIVERSAL] * half + [
        NAMED_CIRCUITS[names[i]] for i in rng.integers(0, len(names), count - half)
    ]


def _examples(
    circuit: Circuit,
    size: int,
    own: Sequence[Spectrum],
    options: TrainingOptions,
    rng: np.random.Generator,
) -> Iterator[Example]:
    kept = [own[i] for i in rng.integers(0, len(own), int(size * options.own_share))] if own else []
    spectra = generate_spectra(size - len(kept), rng).spectra()
    spectra += [augmented(spectrum, rng) for spectrum in kept]
    spectra.sort(key=len)
    for first in range(0, size, TOGETHER):
        batch = make_batch(spectra[first : first + TOGETHER])
        yield Example(circuit, batch, first_guess(circuit, batch))


def augmented(spectrum: Spectrum, rng: np.random.Generator) -> Spectrum:
    """A measured spectrum, cropped at high frequency and a little scaled and shifted (3.5.9).

    Only points above the one where the spectrum turns capacitive are cropped.
    """
    usable = spectrum.usable
    order = np.argsort(-spectrum.frequency_hz[usable])
    frequency = spectrum.frequency_hz[usable][order]
    impedance = spectrum.impedance_ohm[usable][order]
    inductive = int(np.argmax(impedance.imag <= 0))
    first = int(rng.integers(0, inductive + 1))
    scale, shift = np.exp(rng.normal(0, 0.1, 2))
    return Spectrum(frequency[first:] * shift, impedance[first:] * scale, name=spectrum.name)


def _learn(
    network: torch.nn.Module, example: Example, masks: torch.Generator, share: float
) -> float:
    """Add the gradients of one example, correction by correction; return its last loss."""
    place = place_of(example.circuit)
    u = example.base
    loss = torch.zeros(0)
    for _ in range(CORRECTIONS):
        points, whole, mask = (
            torch.from_numpy(array) for array in network_inputs(example.circuit, u, example.batch)
        )
        seen = random_mask(mask, masks)
        step = network(points * seen[..., None], whole, seen)[:, place.columns]
        moved = torch.from_numpy(u.astype(np.float32)) + step
        moved = moved.clamp(-LARGEST_COORDINATE, LARGEST_COORDINATE)
        loss = share * reconstruction_loss(moved, example).sum()
        torch.autograd.backward(loss)
        u = moved.detach().numpy().astype(np.float64)
    return loss.item()


class _Misfit(torch.autograd.Function):
    """Half the logarithm of the mean square of scaled residuals, with exact slopes."""

    @staticmethod
    def forward(ctx: Any, u: Tensor, example: Example) -> Tensor:
        values = u.detach().numpy().astype(np.float64)
        objective = Objective(coordinates_of(example.circuit), 0.0, ())
        prior = prior_of(example.circuit, example.batch)
        point = evaluate(objective, values, example.batch, prior)
        misfit = np.nan_to_num(point.misfit, nan=1e6, posinf=1e6) + FLOOR
        gradient = np.nan_to_num(point.gradient) / misfit[:, None]
        length = np.linalg.norm(gradient, axis=1, keepdims=True)
        gradient *= np.minimum(1.0, STEEPEST / np.maximum(length, 1e-9))
        ctx.gradient = torch.from_numpy(gradient.astype(np.float32))
        return torch.from_numpy(0.5 * np.log(misfit).astype(np.float32))

    @staticmethod
    def backward(ctx: Any, *outer: Any) -> tuple[Tensor, None]:
        return outer[0][:, None] * ctx.gradient, None


def reconstruction_loss(u: Tensor, example: Example) -> Tensor:
    """Loss (B,) at coordinates ``u`` (B, P) of the example's circuit."""
    misfit: Any = _Misfit.apply(u, example)  # type: ignore[no-untyped-call]
    loss: Tensor = misfit + _penalties(u, example)
    return loss


def _penalties(u: Tensor, example: Example) -> Tensor:
    """Distance from the prior, order and window of arcs, complexity; (B,) (3.5.4 to 3.5.6)."""
    circuit, batch = example.circuit, example.batch
    prior = prior_of(circuit, batch)
    mean, deviation, low, high = (
        torch.from_numpy(array.astype(np.float32))
        for array in (prior.mean, prior.deviation, batch.low[:, None], batch.high[:, None])
    )
    away = ((u - mean) / deviation) ** 2
    arcs = [leaf.start for leaf in circuit.leaves if leaf.element.symbol in ("ZARC", "ZARCW")]
    centre = u[:, [start + 1 for start in arcs]] + math.log(2 * math.pi)
    swapped = torch.relu(centre[:, :-1] - centre[:, 1:]).sum(dim=1)
    beyond = (torch.relu(low - centre) + torch.relu(centre - high)).sum(dim=1)
    resistance = u[:, arcs].clamp(max=8).exp()
    sparse = resistance.sum(dim=1) + resistance.sqrt().sum(dim=1) ** 2
    penalty: Tensor = 1e-3 * away.sum(dim=1) + 0.02 * swapped + 0.02 * beyond + SPARSE * sparse
    return penalty


def write_network(network: torch.nn.Module, options: TrainingOptions, path: Path) -> None:
    """Write ``network`` where ``NetworkGuess`` reads it, with its story in the header."""
    story = {
        "inputs": INPUTS,
        "architecture": options.architecture,
        "seed": str(options.seed),
        "steps": str(options.steps),
        "batch": str(options.batch),
        "corrections": str(CORRECTIONS),
        "torch": torch.__version__,
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    export_onnx(network, str(path), story)


def export_onnx(network: torch.nn.Module, path: str, metadata: dict[str, str]) -> None:
    """Write ``network`` as ONNX, batch and frequencies free, with ``metadata`` in its header."""
    import onnx

    for library in ("onnxscript", "onnx_ir", "torch.onnx"):
        logging.getLogger(library).setLevel(logging.ERROR)  # they tell of every rewriting
    example = (
        torch.zeros(2, 40, POINT_FEATURES),
        torch.zeros(2, GLOBAL_FEATURES),
        torch.ones(2, 40),
    )
    free = {0: torch.export.Dim("spectra", min=1, max=100_000)}
    both = {**free, 1: torch.export.Dim("frequencies", min=4, max=4096)}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's exporter warns of its own deprecations
        program: Any = torch.onnx.export(
            network.eval(),
            example,
            dynamo=True,
            input_names=["points", "whole", "mask"],
            output_names=["step"],
            dynamic_shapes=(both, free, both),
            verbose=False,
        )
    model = program.model_proto
    for key, value in metadata.items():
        entry = model.metadata_props.add()
        entry.key, entry.value = key, value
    onnx.save(model, path)
